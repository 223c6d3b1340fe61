"""Seeded random rows, and what plain Python makes of them."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pyarrow as pa
from msgspec import Struct, defstruct

from clickhouse.llm.tables import span_arrays, trace_arrays
from clickhouse.tables import encode, times
from schemas.llm import rows as llm
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow, Position

SHARED: list[Any] = [("project_id", ProjectId), ("received_at_us", int), ("position", Position)]
SHARED.append(("api_key", str, ""))
TraceRow = defstruct("TraceRow", [*SHARED, *get_type_hints(llm.TraceRow).items()], kw_only=True)
SpanRow = defstruct("SpanRow", [*SHARED, *get_type_hints(llm.SpanRow).items()], kw_only=True)
"""Whole rows of the tables: what an item becomes, and what the stream puts beside it."""

START_US = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4"),
    ("anthropic", "claude-haiku-3.5"),
    ("openrouter", "house-model"),
)


def make_trace(project_id: str, trace_id: str, **changes: Any) -> TraceRow:
    """Returns a plain trace with some fields changed."""
    fields: dict[str, Any] = {
        "project_id": ProjectId(project_id),
        "trace_id": trace_id,
        "session_id": "",
        "timestamp_us": START_US,
        "received_at_us": START_US + 1_000_000,
        "provider": "openai",
        "model_requested": "gpt-4o",
        "model_used": None,
        "provider_request_id": None,
        "status": "success",
        "latency_ms": 1200.0,
        "input_tokens": None,
        "output_tokens": None,
        "cache_read_tokens": None,
        "cache_write_tokens": None,
        "reasoning_tokens": None,
        "computed_cost_pico": None,
        "reported_cost_pico": None,
        "reported_digits": "",
        "price_id": "",
        "environment": "",
        "user_id": "",
        "tags": {},
        "finish_reason": None,
        "output_text": None,
        "request_body": '{"model":"gpt-4o"}',
        "response_body": "",
        "error": "",
        "metadata": "",
        "prompt": "",
        "prompt_version": "",
        "prompt_text": "",
        "position": Position("log", 3, 42),
    }
    return TraceRow(**(fields | changes))


def make_span(project_id: str, span_id: str, **changes: Any) -> SpanRow:
    """Returns a plain span with some fields changed."""
    fields: dict[str, Any] = {
        "project_id": ProjectId(project_id),
        "span_id": span_id,
        "session_id": "s1",
        "parent_span_id": None,
        "timestamp_us": START_US,
        "received_at_us": START_US + 1_000_000,
        "duration_ms": None,
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "post_tool_use",
        "status": "success",
        "pair_key": "",
        "pair_role": "",
        "tool_use_id": None,
        "tool_name": None,
        "is_interrupt": None,
        "cwd": None,
        "model": None,
        "agent_name": None,
        "provider": None,
        "input_tokens": None,
        "output_tokens": None,
        "cache_read_tokens": None,
        "cache_write_tokens": None,
        "reasoning_tokens": None,
        "computed_cost_pico": None,
        "reported_cost_pico": None,
        "reported_digits": "",
        "price_id": "",
        "tags": {},
        "tool_input": "",
        "tool_response": "",
        "error": "",
        "metadata": "",
        "position": Position("log", 3, 42),
    }
    return SpanRow(**(fields | changes))


def encode_traces(rows: Sequence[Any]) -> bytes:
    """Encodes rows for table `traces` as an Arrow IPC stream."""
    return _encoded("trace_id", rows, llm.TraceRow, trace_arrays)


def encode_spans(rows: Sequence[Any]) -> bytes:
    """Encodes rows for table `spans` as an Arrow IPC stream."""
    return _encoded("span_id", rows, llm.SpanRow, span_arrays)


def _encoded(
    id_column: str, rows: Sequence[Any], row_type: type[Struct], arrays: Callable[..., Any]
) -> bytes:
    columns = arrays([[getattr(r, name) for r in rows] for name in row_type.__struct_fields__])
    columns |= {
        "project_id": pa.array([row.project_id for row in rows], pa.string()),
        id_column: pa.array([getattr(row, id_column) for row in rows], pa.string()),
        "received_at": times([row.received_at_us for row in rows]),
        "api_key": pa.array([row.api_key for row in rows], pa.string()),
        "log_id": pa.array([row.position.log_id for row in rows], pa.string()),
        "log_partition": pa.array([row.position.partition for row in rows], pa.uint16()),
        "log_offset": pa.array([row.position.offset for row in rows], pa.uint64()),
    }
    return encode(pa.record_batch(list(columns.values()), names=list(columns)))


def random_traces(project_id: str, seed: int, count: int, *, days: int = 5) -> list[TraceRow]:
    """Returns traces spread over some days, with every optional thing now and then absent."""
    chance = random.Random(seed)

    def maybe(value: Any, share: float = 0.7) -> Any:
        return value if chance.random() < share else None

    rows = []
    for number in range(count):
        provider, model = chance.choice(MODELS)
        moment = START_US + chance.randrange(days * DAY_US)
        user = chance.choice(("", "u1", "u2", "u3"))
        team = chance.choice(("", "red", "blue"))
        rows.append(
            make_trace(
                project_id,
                f"t{seed}-{number:06d}",
                session_id=chance.choice(("", *(f"s{n}" for n in range(20)))),
                timestamp_us=moment,
                received_at_us=moment + chance.randrange(DAY_US),
                provider=provider,
                model_requested=model,
                status=chance.choice(("success", "success", "success", "error")),
                latency_ms=round(chance.lognormvariate(7, 1.2), 3) if number % 50 else 0.0,
                input_tokens=maybe(chance.randrange(10_000)),
                output_tokens=maybe(chance.randrange(2_000)),
                cache_read_tokens=maybe(chance.randrange(5_000), 0.3),
                cache_write_tokens=maybe(chance.randrange(500), 0.3),
                reasoning_tokens=maybe(chance.randrange(500), 0.2),
                computed_cost_pico=maybe(chance.randrange(10**12)),
                reported_cost_pico=maybe(chance.randrange(10**12), 0.3),
                environment=chance.choice(("", "production", "staging")),
                user_id=user,
                tags={"team": team} if team else {},
                api_key=("", "key-1", "key-2")[number // 7 % 3],
            )
        )
    return rows


def random_spans(project_id: str, seed: int, count: int, *, days: int = 3) -> list[SpanRow]:
    """Returns spans of all kinds; many tool calls are pairs, some of which lack their start."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        moment = START_US + chance.randrange(days * DAY_US)
        kind = chance.choice(("tool_use", "tool_use", "agent_run", "llm_response", "session"))
        common = {
            "session_id": f"s{chance.randrange(15)}",
            "kind": kind,
            "source": chance.choice(("claude_code", "codex", "opencode")),
            "status": chance.choice(("success", "success", "error")),
            "tool_name": chance.choice(("Bash", "Read", "Edit")) if kind == "tool_use" else None,
        }
        paired = kind == "tool_use" and chance.random() < 0.7
        later = chance.randrange(-1_000_000, 60_000_000)
        fields: dict[str, Any] = common | {
            "timestamp_us": moment + (later if paired else 0),
            "duration_ms": round(chance.random() * 5000, 3) if chance.random() < 0.4 else None,
            "pair_key": f"use{number % 40}" if paired else "",
            "pair_role": "end" if paired else "",
        }
        if kind == "llm_response":
            fields["input_tokens"] = chance.randrange(1000)
            fields["output_tokens"] = chance.choice((None, 5, 700))
            fields["computed_cost_pico"] = chance.choice((None, chance.randrange(10**12)))
            fields["reported_cost_pico"] = chance.choice((None, chance.randrange(10**12)))
        rows.append(make_span(project_id, f"p{seed}-{number:06d}", **fields))
        if paired and chance.random() < 0.8:
            start = common | {"timestamp_us": moment, "event_type": "pre_tool_use"}
            pair = {"pair_key": f"use{number % 40}", "pair_role": "start"}
            rows.append(make_span(project_id, f"p{seed}-{number:06d}-start", **start, **pair))
    chance.shuffle(rows)
    return rows


def quantile(values: Sequence[float], share: float) -> float:
    """Returns a quantile by linear interpolation between the values around its rank."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def make_outcome(project_id: str, outcome: str, count: int, **changes: Any) -> OutcomeRow:
    """Returns a count of one outcome at `START_US`."""
    fields: dict[str, Any] = {"kind": "trace", "reason": "", "minute_us": START_US}
    return OutcomeRow(
        project_id=ProjectId(project_id), outcome=outcome, count=count, **(fields | changes)
    )
