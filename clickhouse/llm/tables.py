"""Columns of traces and spans as Arrow, one function a table. Pure, no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from clickhouse.tables import money, times
from clickhouse.tags import encode_tags
from schemas.llm.rows import SpanRow, TraceRow

COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
TRACE_TEXTS = (
    "session_id", "provider", "model_requested", "model_used", "provider_request_id", "status",
    "finish_reason", "output_text", "environment", "user_id", "reported_digits", "prompt",
    "prompt_version",
)  # fmt: skip
SPAN_TEXTS = (
    "session_id", "parent_span_id", "source", "kind", "event_type", "status", "pair_key",
    "pair_role", "tool_use_id", "tool_name", "cwd", "model", "agent_name", "provider",
    "reported_digits",
)  # fmt: skip

Values = Mapping[str, Sequence[Any]]


def trace_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `traces`, from those of `TraceRow`."""
    values = dict(zip(TraceRow.__struct_fields__, columns, strict=True))
    latencies = values["latency_ms"]
    arrays = _texts(values, TRACE_TEXTS) | _jsons(values, ("request_body", "response_body"))
    arrays["latency_ms"] = pa.array(latencies, pa.float64())
    arrays["latency_ns"] = pa.array([round(value * 1e6) for value in latencies], pa.uint64())
    return arrays | _shared(values)


def span_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `spans`, from those of `SpanRow`."""
    values = dict(zip(SpanRow.__struct_fields__, columns, strict=True))
    arrays = _texts(values, SPAN_TEXTS) | _jsons(values, ("tool_input", "tool_response"))
    arrays["duration_ms"] = pa.array(values["duration_ms"], pa.float64())
    arrays["is_interrupt"] = pa.array(values["is_interrupt"], pa.bool_())
    return arrays | _shared(values)


def _texts(values: Values, names: Sequence[str]) -> dict[str, pa.Array]:
    return {name: pa.array(values[name], pa.string()) for name in names}


def _jsons(values: Values, names: Sequence[str]) -> dict[str, pa.Array]:
    """Builds columns of what came as UTF-8: it need not become a `str` first."""
    return {name: pa.array(values[name], pa.binary()) for name in names}


def _shared(values: Values) -> dict[str, pa.Array]:
    counts = {name: pa.array(values[name], pa.uint64()) for name in COUNTS}
    return (
        counts
        | _jsons(values, ("error", "metadata"))
        | {
            "timestamp": times(values["timestamp_us"]),
            "computed_cost": money(values["computed_cost_pico"]),
            "reported_cost": money(values["reported_cost_pico"]),
            "price_id": pa.array(values["price_id"], pa.string()),
            "tags": pa.array(map(encode_tags, values["tags"]), pa.binary()),
        }
    )
