"""Log records in Sentry's older form, `otel_log`: one record of OTLP/JSON each item.

Sources: https://develop.sentry.dev/sdk/telemetry/logs/ (its appendix), and LogRecord of
opentelemetry-proto 1.x, read in November 2026. Each becomes a record as an item `log` holds it.

1. Names are in camelCase; the snake_case of protobuf is taken too.
2. 64-bit integers are texts or numbers.
3. A `body` that is no text becomes its JSON. Without a `body` it is no record.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ingest.errors.envelope import EnvelopeItem
from ingest.errors.item_types import COUNTED_AS, OTEL_LOG
from ingest.errors.log_items import MAX_RECORD_BYTES, SplitRecords, framed
from ingest.forms import Counted
from ingest.json_texts import check_utf8, decode_repaired
from schemas.errors.sent import Head
from schemas.outcomes import Outcome

MAX_ATTRIBUTES = 1_000
"""Of a record, and values of a list: more are not looked at, for the stream keeps fewer."""
MAX_DEPTH = 32
"""Of values within values."""
PLAIN = ("string_value", "bool_value", "double_value", "bytes_value")
CAMEL = {
    "body": "body",
    "attributes": "attributes",
    "trace_id": "traceId",
    "span_id": "spanId",
    "severity_text": "severityText",
    "severity_number": "severityNumber",
    "time_unix_nano": "timeUnixNano",
    "observed_time_unix_nano": "observedTimeUnixNano",
    "string_value": "stringValue",
    "bool_value": "boolValue",
    "double_value": "doubleValue",
    "bytes_value": "bytesValue",
    "int_value": "intValue",
    "array_value": "arrayValue",
    "kvlist_value": "kvlistValue",
}
"""By the names of protobuf. A table: working them out took most of the time of a long list."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode


class _Record(Struct, omit_defaults=True):
    """As an item `log` holds it."""

    body: str
    timestamp: float | None = None
    trace_id: Any = None
    span_id: Any = None
    level: Any = None
    severity_number: Any = None
    attributes: Mapping[str, Any] = {}


def read_otel_logs(
    items: Sequence[EnvelopeItem], head: Head, max_record_bytes: int
) -> SplitRecords:
    """Returns the records of all items of this type, and counts those that are none."""
    kept, bad, large = [], 0, 0
    for item in items:
        if item.payload.nbytes > min(max_record_bytes, MAX_RECORD_BYTES):
            large += 1
            continue
        try:
            kept.append(_encode(_record(bytes(item.payload))))
        except (ValueError, TypeError, RecursionError, OverflowError):
            bad += 1
    counted = [*_counted("invalid", "bad_items", bad), *_counted("too_large", "item_bytes", large)]
    return SplitRecords(framed(kept, head), counted)


def _record(payload: bytes) -> _Record:
    check_utf8(payload)
    sent = decode_repaired(_decode, payload)
    return _Record(
        _text(_value(_of(sent, "body"))),
        _seconds(_of(sent, "time_unix_nano")),
        _of(sent, "trace_id"),
        _of(sent, "span_id"),
        _of(sent, "severity_text"),
        _of(sent, "severity_number"),
        {
            name: {"value": value}
            for name, value in (
                *_attributes(_of(sent, "attributes")),
                ("sentry.observed_timestamp_nanos", _of(sent, "observed_time_unix_nano")),
            )
            if value is not None
        },
    )


def _of(sent: Mapping[str, Any], name: str) -> Any:
    return sent.get(CAMEL[name], sent.get(name))


def _attributes(sent: Any) -> list[tuple[str, Any]]:
    if not isinstance(sent, list):
        return []
    return [
        (one["key"], _value(one.get("value")))
        for one in sent[:MAX_ATTRIBUTES]
        if isinstance(one, dict) and isinstance(one.get("key"), str)
    ]


def _value(sent: Any, depth: int = 0) -> Any:
    """Returns what an AnyValue holds; `None` for what is none, or too deep."""
    if not isinstance(sent, dict) or depth > MAX_DEPTH:
        return None
    for name in PLAIN:
        if (plain := _of(sent, name)) is not None:
            return plain
    if (whole := _of(sent, "int_value")) is not None:
        return int(whole) if isinstance(whole, str) and len(whole) <= 20 else whole
    if isinstance(listed := _of(sent, "array_value"), dict):
        return [_value(one, depth + 1) for one in _listed(listed)]
    if isinstance(named := _of(sent, "kvlist_value"), dict):
        return {
            one["key"]: _value(one.get("value"), depth + 1)
            for one in _listed(named)
            if isinstance(one, dict) and isinstance(one.get("key"), str)
        }
    return None


def _listed(sent: Mapping[str, Any]) -> list[Any]:
    values = sent.get("values")
    return values[:MAX_ATTRIBUTES] if isinstance(values, list) else []


def _text(body: Any) -> str:
    if body is None:
        raise ValueError("a record has a body")
    return body if isinstance(body, str) else _encode(body).decode()


def _seconds(nanoseconds: Any) -> float | None:
    """Returns seconds since 1970: a float holds microseconds of our time."""
    seconds = int(nanoseconds or 0) / 1e9
    return seconds or None


def _counted(outcome: Outcome, reason: str, items: int) -> list[Counted]:
    return [Counted(COUNTED_AS[OTEL_LOG], outcome, reason, items)] if items else []
