"""OTLP over gRPC: the same three exports, on a port of its own. grpcio is an optional dependency.

Source: OTLP specification 1.x, "OTLP/gRPC". The rules:

1. Credentials are metadata, with the names that HTTP's headers have.
2. Every failure has its code; what may be sent again has a `RetryInfo` in its `Status`.
3. A client that sends one message and one that streams look alike here. So credentials are looked
   at before a message is read, which gRPC's own handlers of one message would not do.

The limit of gRPC holds of a message as it is sent, and as it is inflated.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import structlog

from controlplane.failures import ControlPlaneError
from ingest.body import Incoming
from ingest.edge import Edge
from ingest.otel.answers import CONTENT_TYPES, MAX_ANSWER_BYTES, Failure, failure, success
from ingest.otel.failures import of_control_plane, of_rejection
from ingest.otel.forms import CONTENT_TYPE, ENVIRONMENT, TAKEN
from ingest.otel.senders import Keys, sender_of
from ingest.rejections import Rejected, TooManyBodies, TooSlow
from schemas.projects import ProjectId

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
CONNECTIONS = 1_000
CALLS = 10_000
"""At one time. Further ones are told off by gRPC itself, for good; those that wait are none."""
READING, READING_OF_ONE = 16, 4
"""Messages that are read at one time, of all projects and of one. Each may take as much memory as a
message may have bytes, before it is among the bodies in hand."""
TURN_S = 5.0
MESSAGE_S = 30.0
STATUS_KEY = "grpc-status-details-bin"
_HEADERS = {CONTENT_TYPE: CONTENT_TYPES["protobuf"].decode()}

log = structlog.get_logger(__name__)


class NoGrpc(Exception):
    """Raised where grpcio is not installed."""


class _Failed(Exception):  # noqa: N818 (what failed is the sender's call)
    """Ends a call."""

    def __init__(self, failed: Failure) -> None:
        super().__init__(failed.message)
        self.failed = failed


class Listening(NamedTuple):
    """A server of gRPC, and the port it listens on."""

    server: Any
    port: int


class Receiver(NamedTuple):
    """Where what is received goes, and whose it is."""

    edge: Edge
    keys: Keys


async def start_receiver(
    receiver: Receiver, host: str, port: int, max_message_bytes: int
) -> Listening:
    """Returns what listens; `await listening.server.stop(grace)` ends it. Port 0 is any.

    Raises `NoGrpc`, and `OSError` where the port cannot be taken.
    """
    try:
        import grpc
        import grpc.aio
    except ImportError as error:
        raise NoGrpc("grpcio is not installed") from error
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", MAX_ANSWER_BYTES),
            ("grpc.max_allowed_incoming_connections", CONNECTIONS),
            # Else Linux would let another process listen on the port too.
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=CALLS,
    )
    turns = _Turns()
    for signal in TAKEN:
        export = _export(receiver, signal, turns, grpc)
        handlers = {"Export": grpc.stream_unary_rpc_method_handler(export)}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICES[signal], handlers),)
        )
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {host}, port {port}: {error}") from error
    await server.start()
    return Listening(server, port)


def _export(receiver: Receiver, signal: str, turns: "_Turns", grpc: Any) -> Any:
    codes: Mapping[int, Any] = {code.value[0]: code for code in grpc.StatusCode}

    async def export(messages: AsyncIterator[bytes], context: Any) -> bytes:
        try:
            return await _received(receiver, signal, turns, messages, context)
        except _Failed as error:
            failed = error.failed
        context.set_trailing_metadata(((STATUS_KEY, failure(failed, "protobuf")),))
        await context.abort(codes[failed.code], failed.message)
        raise AssertionError("an abort does not return")

    return export


async def _received(
    receiver: Receiver,
    signal: str,
    turns: "_Turns",
    messages: AsyncIterator[bytes],
    context: Any,
) -> bytes:
    metadata = {key: value for key, value in context.invocation_metadata() if type(value) is str}
    with _failing(signal):
        sender = await sender_of(receiver.keys, metadata.get)
        async with turns.of(sender.project.project_id):
            message = await _read(messages)
        told = {**_HEADERS, ENVIRONMENT: sender.environment}
        incoming = Incoming(_one(message), None, None, told)
        del message
        kind = TAKEN[signal].kind.name
        accepted = await receiver.edge.accept(sender.project, kind, incoming, retried=True)
        return success(signal, "protobuf", accepted.rejected)


@contextmanager
def _failing(signal: str) -> Iterator[None]:
    """Says of whatever is raised how the call ends."""
    try:
        yield
    except Rejected as rejected:
        raise _Failed(of_rejection(rejected, signal)) from rejected
    except ControlPlaneError as error:
        raise _Failed(of_control_plane(error)) from error
    except Exception as error:
        log.error("call met a bug", signal=signal, exc_info=error)
        said = "Internal server error"
        raise _Failed(Failure(500, said, said)) from error


async def _read(messages: AsyncIterator[bytes]) -> bytes:
    """The first message; nothing is an empty request."""
    try:
        async with asyncio.timeout(MESSAGE_S):
            async for message in messages:
                return message
    except TimeoutError as error:
        raise TooSlow("Request body too slow") from error
    return b""


async def _one(message: bytes) -> AsyncIterator[bytes]:
    yield message


class _Turns:
    """Lets so many messages be read at one time."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(READING)
        self._own: WeakValueDictionary[ProjectId, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, project_id: ProjectId) -> AsyncIterator[None]:
        """Waits for a turn. Raises `TooManyBodies` where that takes too long."""
        own = self._own.get(project_id)
        if own is None:
            own = self._own[project_id] = asyncio.Semaphore(READING_OF_ONE)
        try:
            async with asyncio.timeout(TURN_S):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError as error:
            said = "Too many requests are being read at this time"
            raise TooManyBodies(said, retry_after_s=1) from error
        try:
            yield
        finally:
            self._all.release()
            own.release()
