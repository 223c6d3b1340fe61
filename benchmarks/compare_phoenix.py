"""Arize Phoenix and Sluice side by side: `python -m benchmarks.compare_phoenix [--rounds 1]`.

Phoenix comes from PyPI into an environment of its own, in a temporary folder unless `--environment`
names one. It keeps its spans in SQLite, and answers before they are there. Its licence, Elastic
2.0, allows to run it for this.
"""

from pathlib import Path

from benchmarks.otlp_peers import Peer, compare, rows_in
from benchmarks.server import free_port

PACKAGES = ("arize-phoenix==20.26.1",)


def phoenix(programs: Path) -> Peer:
    """Returns how it is started."""

    def environ(folder: Path, port: int) -> dict[str, str]:
        return {
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
        }

    return Peer(
        "phoenix",
        lambda folder, port: [str(programs / "phoenix"), "serve"],
        environ,
        "/healthz",
        {},
        rows_in("phoenix.db", "spans"),
    )


if __name__ == "__main__":
    compare(phoenix, PACKAGES)
