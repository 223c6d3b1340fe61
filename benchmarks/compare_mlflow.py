"""MLflow and Sluice side by side: `python -m benchmarks.compare_mlflow [--rounds 1]`.

MLflow comes from PyPI into an environment of its own, in a temporary folder unless `--environment`
names one. It keeps its spans in SQLite, and answers when they are there.
"""

from pathlib import Path

from benchmarks.otlp_peers import Peer, compare, rows_in

PACKAGES = ("mlflow==3.17.2",)


def mlflow(programs: Path) -> Peer:
    """Returns how it is started."""

    def command(folder: Path, port: int) -> list[str]:
        return [
            *(str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *("--default-artifact-root", str(folder / "artifacts")),
        ]

    def environ(folder: Path, port: int) -> dict[str, str]:
        path = f"{programs}:/usr/bin:/bin"
        return {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PATH": path}

    return Peer(
        "mlflow",
        command,
        environ,
        "/health",
        {"x-mlflow-experiment-id": "0"},
        rows_in("mlflow.db", "spans"),
    )


if __name__ == "__main__":
    compare(mlflow, PACKAGES)
