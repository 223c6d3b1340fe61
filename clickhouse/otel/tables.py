"""Columns of spans, calls and messages of OpenTelemetry as Arrow. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.llm.tables import span_arrays, trace_arrays
from clickhouse.log_attributes import encode_attributes
from clickhouse.tables import times
from schemas.llm.rows import SpanRow, TraceRow
from schemas.otel.rows import CallRow, MessageRow, OtelSpanRow, ToldCall, ToldSpan

HASH = pa.binary(16)
SPAN_TEXTS = (
    "trace_id", "span_id", "parent_span_id", "name", "span_kind", "kind", "convention", "service",
    "library", "environment", "release", "host", "status", "status_message", "session_id",
    "user_id", "trace_state",
)  # fmt: skip
CALL_TEXTS = (*("scope", "role", "billing", "span_id", "parent_span_id", "convention", "service"),)


def otel_span_arrays(rows: Sequence[OtelSpanRow]) -> dict[str, pa.Array]:
    """Returns the columns of table `otel_spans`."""
    return _texts(rows, SPAN_TEXTS) | {
        "timestamp": times([one.timestamp_us for one in rows]),
        "duration_ns": pa.array([one.duration_ns for one in rows], pa.uint64()),
        "attributes": pa.array([one.attributes for one in rows], pa.binary()),
        "resource": pa.array(_encoded([one.resource for one in rows]), pa.binary()),
        "events": pa.array([one.events for one in rows], pa.binary()),
        "links": pa.array([one.links for one in rows], pa.binary()),
        "problems": pa.array([one.problems for one in rows], pa.list_(pa.string())),
        **_hashes(rows),
    }


def told_call_arrays(rows: Sequence[ToldCall]) -> dict[str, pa.Array]:
    """Returns the columns of table `traces`, the item's id left out."""
    traces, calls = [one.trace for one in rows], [one.call for one in rows]
    columns = [[getattr(one, name) for one in traces] for name in TraceRow.__struct_fields__]
    return {
        **trace_arrays(columns),
        **_texts(calls, CALL_TEXTS),
        "first_token_ms": pa.array([one.first_token_ms for one in calls], pa.float64()),
        "usage_extras": pa.array([one.usage_extras for one in calls], pa.binary()),
        **_hashes(calls),
    }


def told_span_arrays(rows: Sequence[ToldSpan]) -> dict[str, pa.Array]:
    """Returns the columns of table `spans`, the item's id left out."""
    spans = [one.span for one in rows]
    columns = [[getattr(one, name) for one in spans] for name in SpanRow.__struct_fields__]
    return {
        **span_arrays(columns),
        **_texts(rows, ("trace_id", "convention", "service")),
    }


def message_arrays(rows: Sequence[MessageRow]) -> dict[str, pa.Array]:
    """Returns the columns of table `messages`."""
    return {
        "hash": pa.array([one.hash for one in rows], HASH),
        "role": pa.array([one.role for one in rows], pa.string()),
        "timestamp": times([one.timestamp_us for one in rows]),
        "body": pa.array([one.body for one in rows], pa.binary()),
    }


def _encoded(resources: Sequence[dict[str, Any]]) -> list[bytes]:
    """Spells each once: spans of one sender have the same object."""
    known: dict[int, bytes] = {}
    for one in resources:
        if id(one) not in known:
            known[id(one)] = encode_attributes(one)
    return [known[id(one)] for one in resources]


def _hashes(rows: Sequence[OtelSpanRow] | Sequence[CallRow]) -> dict[str, pa.Array]:
    return {
        name: pa.array([getattr(one, name) for one in rows], pa.list_(HASH))
        for name in ("input_messages", "output_messages")
    }


def _texts(rows: Sequence[Any], names: Sequence[str]) -> dict[str, pa.Array]:
    return {name: pa.array([getattr(one, name) for one in rows], pa.string()) for name in names}
