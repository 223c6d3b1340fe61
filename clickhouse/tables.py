"""Rows to Arrow, one function a table: columns in, one encoded block out. Pure, no I/O.

Arrow costs the engine a tenth of what JSON lines do; decimals are built from integers, so that
money never passes through a float.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import astuple

from clickhouse.tags import encode_tags
from schemas.rows import OutcomeRow, SpanRow, TraceRow

MONEY = pa.decimal128(38, 12)
TIME = pa.timestamp("us", "UTC")
INT64_LIMIT = 1 << 63
COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


TRACE_TEXTS = (
    "project_id", "trace_id", "session_id", "provider", "model_requested", "model_used",
    "provider_request_id", "status", "finish_reason", "output_text", "environment", "user_id",
    "request_body", "response_body",
)  # fmt: skip
SPAN_TEXTS = (
    "project_id", "span_id", "session_id", "parent_span_id", "source", "kind", "event_type",
    "status", "pair_key", "pair_role", "tool_use_id", "tool_name", "cwd", "model", "agent_name",
    "provider", "tool_input", "tool_response",
)  # fmt: skip

Columns = dict[str, tuple[Any, ...]]


def encode_traces(rows: Sequence[TraceRow]) -> bytes:
    """Encodes rows for table `traces` as an Arrow IPC stream."""
    values = _columns_of(rows, TraceRow)
    latencies = values["latency_ms"]
    arrays: dict[str, Any] = {name: pa.array(values[name], pa.string()) for name in TRACE_TEXTS}
    arrays["latency_ms"] = pa.array(latencies, pa.float64())
    arrays["latency_ns"] = pa.array([round(value * 1e6) for value in latencies], pa.uint64())
    return _stream(arrays | _shared(values))


def encode_spans(rows: Sequence[SpanRow]) -> bytes:
    """Encodes rows for table `spans` as an Arrow IPC stream."""
    values = _columns_of(rows, SpanRow)
    arrays: dict[str, Any] = {name: pa.array(values[name], pa.string()) for name in SPAN_TEXTS}
    arrays["duration_ms"] = pa.array(values["duration_ms"], pa.float64())
    arrays["is_interrupt"] = pa.array(values["is_interrupt"], pa.bool_())
    return _stream(arrays | _shared(values))


def encode_outcomes(rows: Sequence[OutcomeRow]) -> bytes:
    """Encodes rows for table `outcomes` as an Arrow IPC stream."""
    columns: dict[str, Any] = {
        name: pa.array([getattr(row, name) for row in rows], pa.string())
        for name in ("project_id", "kind", "outcome", "reason")
    }
    # `minute` is a DateTime: whole seconds, which Arrow hands over as an unsigned number.
    columns["minute"] = pa.array([row.minute_us // 1_000_000 for row in rows], pa.uint32())
    columns["count"] = pa.array([row.count for row in rows], pa.int64())
    return _stream(columns)


def _columns_of(rows: Sequence[Any], row_type: type[Any]) -> Columns:
    """Turns rows into columns within C: a third of the cost of reading attribute by attribute."""
    names = row_type.__struct_fields__
    return dict(zip(names, zip(*map(astuple, rows), strict=True), strict=True))


def _shared(values: Columns) -> dict[str, Any]:
    positions = values["position"]
    return {name: pa.array(values[name], pa.uint64()) for name in COUNTS} | {
        "timestamp": _times(values["timestamp_us"]),
        "received_at": _times(values["received_at_us"]),
        "computed_cost": _money(values["computed_cost_pico"]),
        "reported_cost": _money(values["reported_cost_pico"]),
        "price_id": pa.array(values["price_id"], pa.string()),
        "tags": pa.array(map(encode_tags, values["tags"]), pa.string()),
        "error": pa.array(values["error"], pa.string()),
        "metadata": pa.array(values["metadata"], pa.string()),
        "log_id": pa.array([position.log_id for position in positions], pa.string()),
        "log_partition": pa.array([position.partition for position in positions], pa.uint16()),
        "log_offset": pa.array([position.offset for position in positions], pa.uint64()),
    }


def _times(values: Sequence[int]) -> pa.Array:
    return pa.array(values, pa.int64()).cast(TIME)


def _money(values: Sequence[int | None]) -> pa.Array:
    """Builds decimals from pico-dollars through the 128-bit words that Arrow keeps inside."""
    words = np.zeros((len(values), 2), dtype="<i8")
    present = np.fromiter((value is not None for value in values), dtype=bool, count=len(values))
    if all(value is None or 0 <= value < INT64_LIMIT for value in values):
        words[:, 0] = [value or 0 for value in values]
    else:
        halves = [divmod(value or 0, 1 << 64) for value in values]
        words[:, 0] = np.array([low for _, low in halves], dtype="<u8").view("<i8")
        words[:, 1] = [high for high, _ in halves]
    validity = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(
        MONEY, len(values), [validity, pa.py_buffer(words.tobytes())], int((~present).sum())
    )


def _stream(columns: dict[str, Any]) -> bytes:
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())
