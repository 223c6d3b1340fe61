"""Arize Phoenix on SQLite. It answers before spans are there.

Its licence, Elastic 2.0, allows to run it for this.
"""

from collections.abc import Mapping

from benchmarks.peers.peer import Peer, Place, nothing_to_prepare, rows_in
from benchmarks.peers.work import SPANS
from benchmarks.server import free_port


def phoenix() -> Peer:
    """Returns how it is started."""
    return Peer(
        name="Phoenix",
        version="20.26.1",
        package="arize-phoenix",
        works=(SPANS,),
        prepare=nothing_to_prepare,
        commands=lambda place: [[str(place.programs / "phoenix"), "serve"]],
        environ=_environ,
        ready="/healthz",
        headers={},
        count=rows_in("phoenix.db", "spans"),
    )


def _environ(place: Place) -> Mapping[str, str]:
    return {
        "PHOENIX_WORKING_DIR": str(place.folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(place.port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    }
