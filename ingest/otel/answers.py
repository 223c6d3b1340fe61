"""What OTLP's senders are answered, in the encoding of their request.

Sources: OTLP specification 1.x, "OTLP/HTTP Response" and "Failures"; google/rpc/status.proto and
error_details.proto. The rules:

1. All taken: an Export*ServiceResponse without `partial_success`: no bytes, or `{}`.
2. A part was not: 200 all the same, with how many, and why. It must not be sent again.
3. Every failure has a `google.rpc.Status`. What may be sent again has a `RetryInfo` in it.

JSON also has `error`, which clients of Pulse read.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from google.protobuf.any_pb2 import Any as SentAny
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from schemas.otel.bounds import Reason, message_of
from schemas.otel.walk import Encoding

CONTENT_TYPES: Mapping[Encoding, bytes] = {
    "protobuf": b"application/x-protobuf",
    "json": b"application/json",
}
INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED = 3, 4, 5, 7
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 8, 12, 13, 14, 16
_CODES = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    405: UNIMPLEMENTED,
    408: DEADLINE_EXCEEDED,
    413: RESOURCE_EXHAUSTED,
    415: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    503: UNAVAILABLE,
}
MAX_ANSWER_BYTES = 4 << 20
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


class Failure(NamedTuple):
    """Why a request failed."""

    status: int
    """Of HTTP."""
    message: str
    error: str
    """In fewer words, as Pulse's server has them."""
    retry_after_s: int | None = None

    @property
    def code(self) -> int:
        """The code of gRPC."""
        return _CODES.get(self.status, INTERNAL)


class _Response(NamedTuple):
    """How the answer to one signal is written."""

    protobuf: Any
    rejected: str
    """What the field is called that counts, in protobuf and in JSON."""
    rejected_json: str


_RESPONSES = {
    "traces": _Response(ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": _Response(ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": _Response(
        ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"
    ),
}


def success(signal: str, encoding: Encoding, rejected: Mapping[Reason, int]) -> bytes:
    """Returns the answer to a request of which all was taken but what was rejected."""
    if not rejected:
        return b"{}" if encoding == "json" else b""
    response = _RESPONSES[signal]
    count, message = sum(rejected.values()), message_of(rejected)
    if encoding == "json":
        # 64-bit integers are texts or numbers. Pulse's client reads a number.
        partial = {response.rejected_json: count, "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": partial})
    sent = response.protobuf()
    setattr(sent.partial_success, response.rejected, count)
    sent.partial_success.error_message = message
    written: bytes = sent.SerializeToString()
    return written


def failure(failed: Failure, encoding: Encoding) -> bytes:
    """Returns the `Status` of a failure."""
    if encoding == "json":
        told: dict[str, Any] = {"code": failed.code, "message": failed.message}
        if failed.retry_after_s is not None:
            told["details"] = [{"@type": _RETRY_INFO, "retryDelay": f"{failed.retry_after_s}s"}]
        return msgspec.json.encode({**told, "error": failed.error})
    status = Status(code=failed.code, message=failed.message)
    if failed.retry_after_s is not None:
        delay = RetryInfo(retry_delay=Duration(seconds=failed.retry_after_s))
        status.details.append(SentAny(type_url=_RETRY_INFO, value=delay.SerializeToString()))
    written: bytes = status.SerializeToString()
    return written
