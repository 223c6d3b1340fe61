"""OTLP over gRPC: codes, retries and partial success, and the exporter of OpenTelemetry itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from eventlog.log import LogFull
from ingest.edge import EdgeLimits
from ingest.otel import rpc
from ingest.otel.forms import TAKEN
from schemas.otel.items import unpack
from tests.unit.ingest.otel.server import (
    BEARER,
    DSN_KEY,
    ENVIRONMENT,
    KEY,
    OTHER_KEY,
    Receiver,
    basic,
)
from tests.unit.schemas.otel.requests import REQUESTS, as_protobuf, span, traces

grpc = pytest.importorskip("grpc")
MAX_BYTES = 1 << 20
SENT = as_protobuf(REQUESTS["traces"][0], traces(span()))
Call = Callable[..., Any]


class Caller:
    """A client of a receiver of its own."""

    def __init__(self, limits: EdgeLimits | None = None) -> None:
        self.receiver = Receiver(limits)

    async def __aenter__(self) -> "Caller":
        target = rpc.Receiver(self.receiver.edge, self.receiver.app.state)
        self._listening = await rpc.start_receiver(target, "127.0.0.1", 0, MAX_BYTES)
        self.address = f"127.0.0.1:{self._listening.port}"
        self._channel = grpc.aio.insecure_channel(self.address)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self._listening.server.stop(0)

    async def export(
        self,
        message: bytes = SENT,
        headers: Mapping[str, str] = BEARER,
        signal: str = "traces",
        **more: Any,
    ) -> bytes:
        call = self._channel.unary_unary(f"/{rpc.SERVICES[signal]}/Export")
        answered: bytes = await call(message, metadata=tuple(headers.items()), **more)
        return answered

    async def failure(self, *arguments: Any, **more: Any) -> tuple[str, Status]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.export(*arguments, **more)
        trailing = dict(caught.value.trailing_metadata())
        return caught.value.code().name, Status.FromString(trailing.get(rpc.STATUS_KEY, b""))


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    async with Caller() as calling:
        yield calling


def retry_s(status: Status) -> int | None:
    for one in status.details:
        delay = RetryInfo()
        assert one.Unpack(delay)
        return int(delay.retry_delay.seconds)
    return None


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "UNAUTHENTICATED"),
        ({"authorization": "Bearer pulse_sk_wrong"}, "UNAUTHENTICATED"),
        ({"x-sentry-auth": "sentry sentry_key=" + "f" * 32}, "UNAUTHENTICATED"),
        ({"authorization": f"Bearer {OTHER_KEY}", "x-project-id": "own"}, "PERMISSION_DENIED"),
    ],
)
async def test_who_is_not_known_is_refused(
    caller: Caller, headers: dict[str, str], code: str
) -> None:
    name, status = await caller.failure(SENT, headers)

    assert name == code
    assert status.message
    assert caller.receiver.kept() == []


async def test_credentials_are_looked_at_before_a_message_is_read(caller: Caller) -> None:
    """So nobody without a key has the server hold megabytes."""
    call = caller._channel.stream_unary(f"/{rpc.SERVICES['traces']}/Export")()

    # Nothing is sent, and nothing has to be.
    assert await asyncio.wait_for(call.code(), 10) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("message", [b"\xff", SENT[:-2]])
async def test_what_is_no_otlp_is_an_invalid_argument(caller: Caller, message: bytes) -> None:
    name, status = await caller.failure(message)

    assert (name, retry_s(status)) == ("INVALID_ARGUMENT", None)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_message_beyond_the_limit_is_refused_for_good(
    caller: Caller, compression: Any
) -> None:
    name, status = await caller.failure(bytes(2 * MAX_BYTES), compression=compression)

    assert (name, retry_s(status)) == ("RESOURCE_EXHAUSTED", None)


async def test_a_full_log_says_when_to_come_again(caller: Caller) -> None:
    caller.receiver.log.failure = LogFull("full")
    name, status = await caller.failure()

    assert (name, retry_s(status)) == ("UNAVAILABLE", 5)


async def test_too_many_requests_are_told_when_to_come_again() -> None:
    async with Caller(EdgeLimits(requests_per_minute=1)) as caller:
        await caller.export()
        name, status = await caller.failure()

    assert name == "RESOURCE_EXHAUSTED"
    assert retry_s(status)


async def test_a_bug_is_internal_and_nothing_else_is_said(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller.receiver.edge, "accept", None)
    name, status = await caller.failure()

    assert (name, status.message) == ("INTERNAL", "Internal server error")


async def test_messages_are_read_by_turns_and_one_project_has_a_part_of_them(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "TURN_S", 0.2)
    method = f"/{rpc.SERVICES['traces']}/Export"
    held = [
        caller._channel.stream_unary(method)(metadata=tuple(BEARER.items()))
        for _ in range(rpc.READING_OF_ONE)
    ]
    for call in held:
        await call.wait_for_connection()

    name, status = await caller.failure()
    other = {"authorization": f"Bearer {OTHER_KEY}"}

    assert (name, retry_s(status)) == ("UNAVAILABLE", 1)
    assert await caller.export(SENT, other) == b""
    for call in held:
        call.cancel()


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"x-api-key": KEY},
        basic("pk-lf-1", KEY),
        {"x-sentry-auth": f"sentry sentry_key={DSN_KEY}"},
    ],
)
async def test_each_credential_sends_to_its_project(
    caller: Caller, headers: dict[str, str]
) -> None:
    assert await caller.export(SENT, headers) == b""
    assert [project for project, *_ in caller.receiver.kept()] == ["own"]


async def test_an_item_has_the_environment_of_its_dsn_key_with_it(caller: Caller) -> None:
    await caller.export(SENT, {"x-sentry-auth": f"sentry sentry_key={DSN_KEY}"})
    await caller.export(SENT)

    kept = [unpack(item).environment for *_, item in caller.receiver.kept()]
    assert kept == [ENVIRONMENT, ""]


@pytest.mark.parametrize("signal", TAKEN)
async def test_every_signal_is_taken_zipped_or_not(caller: Caller, signal: str) -> None:
    message = as_protobuf(*REQUESTS[signal])

    assert await caller.export(message, signal=signal) == b""
    assert await caller.export(message, signal=signal, compression=grpc.Compression.Gzip) == b""
    assert {unpack(item).encoding for *_, item in caller.receiver.kept()} == {"protobuf"}


async def test_nothing_at_all_is_a_success(caller: Caller) -> None:
    assert await caller.export(b"") == b""


async def test_a_bad_span_takes_no_other_with_it(caller: Caller) -> None:
    sent = as_protobuf(REQUESTS["traces"][0], traces(span(), span(spanId="0" * 16)))

    answer = ExportTraceServiceResponse.FromString(await caller.export(sent))

    assert answer.partial_success.rejected_spans == 1
    assert "bad_span_id" in answer.partial_success.error_message
    assert len(caller.receiver.kept()) == 1


async def test_a_port_that_is_taken_is_said(caller: Caller) -> None:
    host, _, port = caller.address.partition(":")
    target = rpc.Receiver(caller.receiver.edge, caller.receiver.app.state)

    with pytest.raises(OSError, match=f"cannot listen on {host}, port {port}"):
        await rpc.start_receiver(target, host, int(port), MAX_BYTES)
