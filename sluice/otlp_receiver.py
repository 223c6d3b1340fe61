"""OTLP over gRPC as a part of a process: off, unless a port is set."""

import structlog
from litestar.datastructures import State

from ingest.otel.rpc import NoGrpc, Receiver, start_receiver
from schemas.settings import SettingsError
from sluice.process import Process

GRACE_S = 1.0

log = structlog.get_logger(__name__)


async def add_otlp_receiver(process: Process) -> None:
    """Takes OTLP over gRPC from now on, into the edge of the process. It ends before the edge does.

    Raises `SettingsError` where grpcio is missing, and `OSError` where the port is taken.
    """
    settings = process.settings
    if not settings.otlp_grpc_port:
        return
    receiver = Receiver(process.state["edge"], State(process.state))
    bounds = settings.host, settings.otlp_grpc_port, settings.max_body_bytes
    try:
        listening = await start_receiver(receiver, *bounds)
    except NoGrpc as error:
        raise SettingsError(
            "SLUICE_OTLP_GRPC_PORT: grpcio is not installed; pip install 'sluice[grpc]'"
        ) from error
    process.stack.push_async_callback(listening.server.stop, GRACE_S)
    log.info("taking OTLP over gRPC", host=settings.host, port=listening.port)
