"""The events of one agent's session as lines of a timeline: everything but their bodies."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.filters import SpanFilter, condition
from clickhouse.queries.values import counted, sent_cost
from schemas.projects import ProjectContext

MOST_EVENTS = 10_000
"""As many as the API answers at once."""
PREVIEW_CHARS = 300
# Of long texts only the beginning leaves the store.
LINES = """
SELECT span_id, toUnixTimestamp64Micro(timestamp), duration_ms, source::String, kind::String,
    event_type::String, status::String, parent_span_id, pair_key, pair_role::String,
    tool_name::Nullable(String), agent_name::Nullable(String),
    JSONExtractString(metadata, 'agent_id'), model::Nullable(String), cwd, is_interrupt,
    input_tokens, output_tokens, computed_cost, reported_cost, reported_digits,
    substringUTF8(tool_input, 1, {preview:UInt32}),
    substringUTF8(error, 1, {preview:UInt32}),
    substringUTF8(coalesce(
        nullIf(JSONExtractString(metadata, 'prompt'), ''),
        nullIf(JSONExtractString(metadata, 'message'), ''),
        nullIf(JSONExtractString(metadata, 'reason'), ''),
        JSONExtractString(metadata, 'source')), 1, {preview:UInt32})
FROM spans
WHERE {where}
ORDER BY timestamp, pair_role != 'start', span_id
LIMIT {limit:UInt32}
"""


class EventLine(Struct, frozen=True):
    """One event of an agent; texts of any length are cut. Costs are US cents."""

    span_id: str
    at_us: int
    duration_ms: float | None
    """As its sender says; not what its pair says."""
    source: str
    kind: str
    event_type: str
    status: str
    parent_span_id: str | None
    pair_key: str
    pair_role: str
    tool: str | None
    agent_name: str | None
    agent_id: str
    model: str | None
    cwd: str | None
    is_interrupt: bool | None
    input_tokens: int | None
    output_tokens: int | None
    cost_cents: float | None
    input: str
    """What a tool was given: JSON, cut."""
    error: str
    said: str
    """The prompt, the message, or why something began or ended."""


async def list_events(
    warehouse: Warehouse, project: ProjectContext, session_id: str, *, limit: int = MOST_EVENTS
) -> list[EventLine]:
    """Returns the events of a session, oldest first, a start before an end."""
    where = condition(project, SpanFilter(session_id=session_id))
    values = {**where.values, "limit": limit, "preview": PREVIEW_CHARS}
    answer = await warehouse.query(LINES.replace("{where}", where.sql), values)
    return [_line(project, row) for row in answer.rows]


def _line(project: ProjectContext, row: Sequence[Any]) -> EventLine:
    _, cost = counted(project, row[18], sent_cost(row[19], row[20]))
    return EventLine(
        span_id=row[0],
        at_us=row[1],
        duration_ms=row[2],
        source=row[3],
        kind=row[4],
        event_type=row[5],
        status=row[6],
        parent_span_id=row[7],
        pair_key=row[8],
        pair_role=row[9],
        tool=row[10],
        agent_name=row[11],
        agent_id=row[12],
        model=row[13],
        cwd=row[14],
        is_interrupt=row[15],
        input_tokens=row[16],
        output_tokens=row[17],
        cost_cents=cost,
        input=row[21],
        error=row[22],
        said=row[23],
    )
