"""MLflow on SQLite. It answers when spans are there."""

from collections.abc import Mapping

from benchmarks.peers.peer import Peer, Place, nothing_to_prepare, rows_in
from benchmarks.peers.work import SPANS


def mlflow() -> Peer:
    """Returns how it is started."""
    return Peer(
        name="MLflow",
        version="3.17.2",
        package="mlflow",
        works=(SPANS,),
        prepare=nothing_to_prepare,
        commands=_commands,
        environ=_environ,
        ready="/health",
        headers={"x-mlflow-experiment-id": "0"},
        count=rows_in("mlflow.db", "spans"),
    )


def _commands(place: Place) -> list[list[str]]:
    return [
        [
            *(str(place.programs / "mlflow"), "server", "--host", "127.0.0.1"),
            *("--port", str(place.port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{place.folder / 'mlflow.db'}"),
            *("--default-artifact-root", str(place.folder / "artifacts")),
        ]
    ]


def _environ(place: Place) -> Mapping[str, str]:
    path = f"{place.programs}:/usr/bin:/bin"
    return {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PATH": path}
