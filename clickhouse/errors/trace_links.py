"""What else belongs to a trace: transactions, errors, LLM calls and agents' events of its id.

Senders put the id of a trace into the metadata of LLM calls and agents' events, as `traceId` or
`trace_id`. These are looked for around a time, for no index knows them.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.tags import stored_tag, tag_sql
from schemas.projects import ProjectContext

MOST = 50
"""Of each kind."""
AROUND_US = 3_600_000_000
"""How long before and after a trace its LLM calls and agents' events are looked for."""
LATEST_US = 10_000_000_000_000_000
"""Microseconds since 1970: in the year 2286, which `DateTime64(6)` still holds."""
HEX = re.compile(r"[0-9a-f]{32}")
IN_TAGS = "IN {tags:Array(String)}"
TAGGED = f"({tag_sql('traceId')} {IN_TAGS} OR {tag_sql('trace_id')} {IN_TAGS})"
FOUND = """
SELECT {columns}
FROM {table}
PREWHERE project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
WHERE {which}
ORDER BY timestamp, {id}
LIMIT {limit:UInt32}
"""
TIME = "toUnixTimestamp64Micro(timestamp)"


class LinkedTransaction(Struct, frozen=True):
    """A transaction of the trace."""

    event_id: str
    at_us: int
    name: str
    op: str
    duration_ns: int
    failed: bool
    span_id: str
    parent_span_id: str


class LinkedError(Struct, frozen=True):
    """An error that happened in the trace."""

    event_id: str
    at_us: int
    level: str
    type: str
    title: str
    fingerprint: str
    span_id: str


class LinkedCall(Struct, frozen=True):
    """An LLM call of the trace."""

    trace_id: str
    at_us: int
    model: str
    status: str
    latency_ms: float
    span_id: str
    """Of the span that it belongs to, where the metadata names it."""


class LinkedEvent(Struct, frozen=True):
    """An event of an agent."""

    span_id: str
    at_us: int
    event_type: str
    tool: str
    status: str
    session_id: str


class TraceLinks(Struct, frozen=True):
    """Everything of one trace, each in the order of time; at most `MOST` of a kind."""

    transactions: Sequence[LinkedTransaction] = ()
    errors: Sequence[LinkedError] = ()
    calls: Sequence[LinkedCall] = ()
    agent_events: Sequence[LinkedEvent] = ()


class Between(NamedTuple):
    """When a trace was, in microseconds since 1970 UTC."""

    first_us: int
    last_us: int


class _Kind(NamedTuple):
    """How one kind of thing is found."""

    table: str
    id: str
    columns: str
    which: str


KINDS: Mapping[str, _Kind] = {
    "transactions": _Kind(
        "transactions",
        "event_id",
        f"event_id, {TIME}, name, op::String, duration_ns, failed, span_id, parent_span_id",
        "trace_id IN {ids:Array(String)}",
    ),
    "errors": _Kind(
        "errors",
        "event_id",
        f"event_id, {TIME}, level::String, type, title, fingerprint, span_id",
        "trace_id IN {ids:Array(String)}",
    ),
    "calls": _Kind(
        "traces",
        "trace_id",
        f"trace_id, {TIME}, model_requested::String, status::String, latency_ms,"
        f" substring(if({tag_sql('spanId')} != '', {tag_sql('spanId')}, {tag_sql('span_id')}), 2)",
        TAGGED,
    ),
    "agent_events": _Kind(
        "spans",
        "span_id",
        f"span_id, {TIME}, event_type::String, ifNull(tool_name, '')::String, status::String,"
        " session_id",
        TAGGED,
    ),
}


async def by_trace_id(
    warehouse: Warehouse, project: ProjectContext, trace_id: str, between: Between
) -> TraceLinks:
    """Returns what belongs to a trace that was at some time; of the empty id there is nothing."""
    if not trace_id:
        return TraceLinks()
    ids = list(spellings(trace_id))
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "ids": ids,
        "tags": [stored_tag(one) for one in ids],
        "from_us": between.first_us - AROUND_US,
        "to_us": between.last_us + AROUND_US,
        "limit": MOST,
    }
    answers = await asyncio.gather(
        *(warehouse.query(_statement(kind), values) for kind in KINDS.values())
    )
    transactions, errors, calls, events = (answer.rows for answer in answers)
    return TraceLinks(
        transactions=[LinkedTransaction(*row) for row in transactions],
        errors=[LinkedError(*row) for row in errors],
        calls=[LinkedCall(*row) for row in calls],
        agent_events=[LinkedEvent(*row) for row in events],
    )


async def errors_and_transactions(
    warehouse: Warehouse, project: ProjectContext, trace_id: str
) -> TraceLinks:
    """Returns the errors and transactions of a trace of any time: an index knows these."""
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "ids": list(spellings(trace_id)),
        "from_us": 0,
        "to_us": LATEST_US,
        "limit": MOST,
    }
    transactions, errors = await asyncio.gather(
        *(warehouse.query(_statement(KINDS[one]), values) for one in ("transactions", "errors"))
    )
    return TraceLinks(
        transactions=[LinkedTransaction(*row) for row in transactions.rows],
        errors=[LinkedError(*row) for row in errors.rows],
    )


def spellings(trace_id: str) -> tuple[str, ...]:
    """Returns how the id of a trace may be written: W3C's 32 digits are a UUID to others."""
    plain = trace_id.replace("-", "").lower()
    if not HEX.fullmatch(plain):
        return (trace_id,)
    uuid = f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
    return tuple(dict.fromkeys((plain, uuid, trace_id)))


def _statement(kind: _Kind) -> str:
    return (
        FOUND.replace("{columns}", kind.columns)
        .replace("{table}", kind.table)
        .replace("{which}", kind.which)
        .replace("{id}", kind.id)
    )
