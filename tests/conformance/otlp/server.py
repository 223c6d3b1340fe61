"""The server under test: requests to it, and what its answers have to look like."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

PROTOBUF, JSON = "application/x-protobuf", "application/json"
RESPONSES: Mapping[str, Any] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
REJECTED = {
    "traces": ("rejected_spans", "rejectedSpans"),
    "logs": ("rejected_log_records", "rejectedLogRecords"),
    "metrics": ("rejected_data_points", "rejectedDataPoints"),
}

CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key", "x-sentry-auth"})


class Broken(Exception):  # noqa: N818 (it is the rule that is)
    """Raised when an answer breaks a rule; the message says how."""


class Skipped(Exception):  # noqa: N818 (it is no error)
    """Raised when a rule cannot be tried here; the message says why."""


class Server:
    """One server of OTLP/HTTP."""

    def __init__(self, client: httpx.Client, headers: Mapping[str, str]) -> None:
        self._client = client
        self.headers = headers
        """Sent with each request: credentials, and what else the server wants."""

    @property
    def has_credentials(self) -> bool:
        """Whether one of the headers is a credential."""
        return any(name.lower() in CREDENTIALS for name in self.headers)

    def post(
        self, signal: str, body: bytes, content_type: str = PROTOBUF, **more: str
    ) -> httpx.Response:
        """Sends a request. Further headers have underscores for hyphens."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        sent = {"content-type": content_type, **self.headers, **headers}
        return self._client.post(f"/v1/{signal}", content=body, headers=sent)

    def post_bare(self, signal: str, body: bytes, content_type: str) -> httpx.Response:
        """The same, without credentials."""
        headers = {"content-type": content_type}
        return self._client.post(f"/v1/{signal}", content=body, headers=headers)


def require(is_kept: bool, said: str) -> None:
    """Raises `Broken` where a rule is not kept."""
    if not is_kept:
        raise Broken(said)


def check_status(answer: httpx.Response, status: int) -> None:
    """Raises `Broken` for another status."""
    told = f"status {answer.status_code} in place of {status}: {answer.text[:80]!r}"
    require(answer.status_code == status, told)


def check_type(answer: httpx.Response, content_type: str) -> None:
    """Raises `Broken` for an answer in another encoding than its request."""
    found = answer.headers.get("content-type", "none").partition(";")[0].strip()
    require(found == content_type, f"answered as {found}, asked as {content_type}")


def check_success(answer: httpx.Response, signal: str, content_type: str) -> None:
    """Raises `Broken` for anything but a full success."""
    rejected, _ = partial_of(answer, signal, content_type)
    require(rejected is None, f"partial success where all is right: {answer.text[:80]!r}")


def partial_of(answer: httpx.Response, signal: str, content_type: str) -> tuple[int | None, str]:
    """Returns how many were rejected, and why; `None` for a full success."""
    check_status(answer, 200)
    check_type(answer, content_type)
    in_protobuf, in_json = REJECTED[signal]
    if content_type == JSON:
        partial = _object(answer).get("partialSuccess")
        if partial is None:
            return None, ""
        return int(partial.get(in_json, 0)), partial.get("errorMessage", "")
    try:
        found = RESPONSES[signal].FromString(answer.content)
    except DecodeError as error:
        raise Broken(f"the answer is no response of {signal}: {error}") from error
    if not found.HasField("partial_success"):
        return None, ""
    return getattr(found.partial_success, in_protobuf), found.partial_success.error_message


def check_failure(answer: httpx.Response, status: int, content_type: str) -> None:
    """Raises `Broken` for another status, encoding or body than a `google.rpc.Status`."""
    check_status(answer, status)
    check_type(answer, content_type)
    if content_type == JSON:
        message = _object(answer).get("message")
        require(isinstance(message, str) and bool(message), "no `message` as a Status has it")
        return
    try:
        told = STATUS.FromString(answer.content)
    except DecodeError as error:
        raise Broken(f"the body is no Status: {error}") from error
    require(bool(told.message), "no `message` as a Status has it")


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.content)
    except ValueError as error:
        raise Broken(f"the answer is no JSON: {answer.text[:80]!r}") from error
    require(isinstance(found, dict), "the answer is no JSON object")
    return dict(found)


def _status_class() -> Any:
    """google/rpc/status.proto, as far as it is looked at here."""
    file = descriptor_pb2.FileDescriptorProto(
        name="conformance_status.proto", package="conformance", syntax="proto3"
    )
    message = file.message_type.add(name="Status")
    message.field.add(name="code", number=1, label=1, type=5)
    message.field.add(name="message", number=2, label=1, type=9)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("conformance.Status"))


STATUS = _status_class()
