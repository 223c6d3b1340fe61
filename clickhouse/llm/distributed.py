"""What a distributed trace of OpenTelemetry adds up to, beside each of its calls.

One statement for a page of calls, and none where no call came with a span.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import spans
from clickhouse.llm.filters import SpanFilter
from clickhouse.llm.told_bodies import Told
from clickhouse.queries.parts import Bounds, find_parts, read_part, read_whole
from clickhouse.queries.values import text_or_none
from schemas.llm.answers import LabelledSpan, SpanAnswer, TraceAnswer
from schemas.projects import ProjectContext

TOOL_CALLS = "countIf(kind = 'tool_use' AND pair_role != 'end')"
FILES_EDITED = """uniqExactIf(JSONExtractString(tool_input, 'file_path'),
        tool_name IN ('Edit', 'Write', 'MultiEdit', 'apply_patch')
        AND JSONExtractString(tool_input, 'file_path') != '')"""
AROUND_US = 3_600_000_000
"""How far from its calls a trace is looked for: what is of it beyond does not count here."""
MOST_SPANS = 1_000
# Spans of agents have no sum of their own, so they are read. Both are few rows by key and id.
BELONGING = """
SELECT trace_id, max(source), arraySort(groupUniqArrayArray(32)(services)), sum(spans), sum(errors),
    min(fault).service, sum(tools), sum(files)
FROM (
    SELECT trace_id, source, services, spans, errors, fault, 0 AS tools, 0 AS files
    FROM otel_traces
    WHERE project_id = {project_id:String}
        AND hour >= toStartOfHour(fromUnixTimestamp64Micro({from_us:Int64}, 'UTC'))
        AND hour <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND trace_id IN {ids:Array(String)}
    UNION ALL
    SELECT trace_id, '', [], 0, 0, {no_fault}, {tool_calls}, {files_edited}
    FROM spans
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND trace_id IN {ids:Array(String)}
    GROUP BY trace_id
)
GROUP BY trace_id
"""
NO_FAULT = """(toDateTime64('2299-01-01 00:00:00', 6, 'UTC'), '', '')::Tuple(
            at DateTime64(6, 'UTC'), service String, span_id String)"""
BELONGING = (
    BELONGING.replace("{no_fault}", NO_FAULT)
    .replace("{tool_calls}", TOOL_CALLS)
    .replace("{files_edited}", FILES_EDITED)
)


class Belonging(NamedTuple):
    """What a trace has around one of its calls."""

    source: str
    services: list[str]
    spans: int
    errors: int
    fault_service: str
    tool_calls: int
    files_edited: int


async def put_traces(warehouse: Warehouse, project: ProjectContext, rows: Sequence[Told]) -> None:
    """Gives calls what their traces add up to, in place; those without one stay what they are."""
    belonging = [row for row in rows if row.answer.otel_trace_id is not None]
    if not belonging:
        return
    moments = [row.at_us for row in belonging]
    values = {
        "project_id": project.project_id,
        "ids": sorted({row.answer.otel_trace_id for row in belonging if row.answer.otel_trace_id}),
        "from_us": max(0, min(moments) - AROUND_US),
        "to_us": max(moments) + AROUND_US,
    }
    found = {one[0]: Belonging(*one[1:]) for one in (await warehouse.query(BELONGING, values)).rows}
    for row in belonging:
        trace = found.get(row.answer.otel_trace_id or "")
        # Retention may have left the call alone.
        if trace is not None and trace.spans:
            _put(row.answer, trace)


def words_of(tool_calls: int, files_edited: int, name: str) -> str:
    """Says in few words what a trace did, as Pulse does; `name` where it called no tool."""
    if not tool_calls:
        return name
    words = f"{tool_calls} tool call{'s' * (tool_calls != 1)}"
    edited = f"{files_edited} file{'s' * (files_edited != 1)} edited"
    return f"{words} · {edited}" if files_edited else words


async def first_spans(
    warehouse: Warehouse, project: ProjectContext, otel_trace_id: str
) -> list[LabelledSpan]:
    """Returns the first spans of agents and tools of a trace, as many as one part holds."""
    wanted = SpanFilter(otel_trace=otel_trace_id)
    selection = spans.matching(project, wanted, limit=MOST_SPANS)._replace(direction="ASC")
    rows = await read_whole(warehouse, project, selection, Bounds())
    if rows is None:
        parts = await find_parts(warehouse, project, selection, Bounds())
        part = next(iter(parts), None)
        rows = await read_part(warehouse, project, part) if part is not None else []
    return [_labelled(row) for row in rows]


def _put(answer: TraceAnswer, trace: Belonging) -> None:
    answer.source = trace.source or answer.source
    answer.services = trace.services
    answer.span_count = trace.spans
    answer.tool_call_count = trace.tool_calls
    answer.files_edited = trace.files_edited
    answer.summary = words_of(trace.tool_calls, trace.files_edited, answer.summary)
    answer.error_service = text_or_none(trace.fault_service) if trace.errors else None


def _labelled(span: SpanAnswer) -> LabelledSpan:
    fields: Mapping[str, Any] = {name: getattr(span, name) for name in span.__struct_fields__}
    label = span.tool_name or span.agent_name or span.model or span.event_type
    return LabelledSpan(**fields, label=label)
