"""Traces in a line each: what their spans, their calls and their tools add up to."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.distributed import FILES_EDITED, TOOL_CALLS, words_of
from clickhouse.llm.filters import COUNTED_COST
from clickhouse.llm.traces import fetch_trace
from clickhouse.otel.trace_places import find_trace
from clickhouse.otel.trees import DEFAULT_SPANS, Cursor, Page, read_tree
from clickhouse.queries.values import cents, number, text_or_none
from schemas.otel.answers import TraceSummary, TraceWithSpans
from schemas.projects import ProjectContext
from schemas.times import iso_ms

LINES = """
SELECT trace_id, toUnixTimestamp64Micro(min(started)) AS first_us,
    toUnixTimestamp64Micro(max(ended)), sum(spans), sum(errors), max(session_id), max(source),
    arraySort(groupUniqArrayArray(32)(services)), min(root).name, min(root).service,
    min(fault).service
FROM otel_traces
WHERE project_id = {project_id:String}
    AND hour >= toStartOfHour(fromUnixTimestamp64Micro({from_us:Int64}, 'UTC'))
    AND trace_id IN {ids:Array(String)}
GROUP BY trace_id
"""
WITHIN = """project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""
CALLS = """
SELECT substring(trace_id, 1, 32) AS of_trace, count(), groupUniqArray(2)(provider::String),
    groupUniqArray(2)(model_requested::String), groupUniqArray(2)(ifNull(model_used, '')::String),
    argMin(provider_request_id, timestamp), argMax(finish_reason::Nullable(String), timestamp),
    sum(input_tokens), sum(output_tokens), sum({cost}), countIf({cost} IS NULL),
    min(trace_id)
FROM traces
WHERE {within}
    AND scope IN {scopes:Array(String)}
    AND substring(trace_id, 1, 32) IN {ids:Array(String)}
    AND span_id != ''
    AND billing = ''
GROUP BY of_trace
""".replace("{within}", WITHIN)
TOOLS = """
SELECT trace_id, {tool_calls}, {files_edited}
FROM spans
WHERE {within}
    AND trace_id IN {ids:Array(String)}
GROUP BY trace_id
""".replace("{within}", WITHIN)
TOOLS = TOOLS.replace("{tool_calls}", TOOL_CALLS).replace("{files_edited}", FILES_EDITED)
FAULTS = """
SELECT trace_id, argMin(substringUTF8(status_message, 1, {chars:UInt32}), timestamp)
FROM otel_spans
WHERE {within}
    AND trace_id IN {failed:Array(String)}
    AND status = 'error'
GROUP BY trace_id
""".replace("{within}", WITHIN)
MESSAGE_CHARS = 1_000


class Calls(NamedTuple):
    """The billed calls of a trace."""

    number: int
    providers: list[str]
    requested: list[str]
    used: list[str]
    request_id: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    usd: Any
    unpriced: int
    first_id: str


class Tools(NamedTuple):
    """The calls of tools of a trace, and how many files they edited."""

    calls: int = 0
    files: int = 0


async def summarise(
    warehouse: Warehouse,
    project: ProjectContext,
    ids: Sequence[str],
    *,
    first_us: int,
    last_us: int,
) -> list[TraceSummary]:
    """Returns traces in the order of their ids; `first_us` and `last_us` are when they began."""
    if not ids:
        return []
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "ids": list(ids),
        "from_us": max(0, first_us),
    }
    lines = (await warehouse.query(LINES, values)).rows
    sessions = {f"session:{line[5]}" for line in lines if line[5]}
    values |= {
        "to_us": max((line[2] for line in lines), default=last_us),
        "scopes": [*(f"trace:{one}" for one in ids), *sorted(sessions)],
        "failed": [line[0] for line in lines if line[4]],
        "chars": MESSAGE_CHARS,
    }
    calls, tools, faults = await asyncio.gather(
        warehouse.query(CALLS.replace("{cost}", COUNTED_COST[project.cost_preference]), values),
        warehouse.query(TOOLS, values),
        warehouse.query(FAULTS, values),
    )
    called = {row[0]: Calls(*row[1:]) for row in calls.rows}
    used = {row[0]: Tools(*row[1:]) for row in tools.rows}
    said = {row[0]: row[1] for row in faults.rows}
    found = {
        line[0]: _summary(line, called.get(line[0]), used.get(line[0], Tools()), said)
        for line in lines
    }
    return [found[one] for one in ids if one in found]


async def summarise_one(
    warehouse: Warehouse, project: ProjectContext, asked: str
) -> TraceWithSpans | None:
    """Returns one trace with the first spans of its tree; `None` where there is none of that id."""
    place = await find_trace(warehouse, project, asked)
    if place is None:
        return None
    found = await summarise(
        warehouse, project, place.ids, first_us=place.first_us, last_us=place.last_us
    )
    tree = await read_tree(warehouse, project, place.trace_id, Page(DEFAULT_SPANS, Cursor(0)))
    if not found or tree is None:
        return None
    calls = [span.call.id for span in tree.spans if span.call and not span.call.billing]
    only = await fetch_trace(warehouse, project, calls[0]) if len(calls) == 1 else None
    summary = {name: getattr(found[0], name) for name in TraceSummary.__struct_fields__}
    return TraceWithSpans(
        **summary,
        request_body=only.request_body if only else None,
        response_body=only.response_body if only else None,
        output_text=only.output_text if only else None,
        metadata=only.metadata if only else None,
        spans=tree.spans,
        cursor=tree.cursor,
    )


def _summary(
    line: Sequence[Any], calls: Calls | None, tools: Tools, faults: Mapping[str, str]
) -> TraceSummary:
    trace_id, first_us, last_us, spans, errors, session, source, services, name, service, at = line
    model = _only(calls.requested) if calls else None
    return TraceSummary(
        trace_id=trace_id,
        name=name,
        root_service=service,
        session_id=text_or_none(session),
        timestamp=iso_ms(first_us),
        latency_ms=number((last_us - first_us) / 1000),
        source=text_or_none(source),
        services=services,
        span_count=spans,
        error_count=errors,
        summary=words_of(tools.calls, tools.files, model or name),
        call_count=calls.number if calls else 0,
        tool_call_count=tools.calls,
        files_edited=tools.files,
        provider=_only(calls.providers) if calls else None,
        model_requested=model,
        model_used=_only(calls.used) if calls else None,
        provider_request_id=calls.request_id if calls and calls.number == 1 else None,
        finish_reason=calls.finish_reason if calls and calls.number == 1 else None,
        input_tokens=calls.input_tokens if calls else None,
        output_tokens=calls.output_tokens if calls else None,
        cost_cents=cents(calls.usd) if calls else None,
        unpriced_calls=calls.unpriced if calls else 0,
        status="error" if errors else "success",
        error=text_or_none(faults.get(trace_id, "")),
        error_service=text_or_none(at) if errors else None,
    )


def _only(values: Sequence[str]) -> str | None:
    return values[0] or None if len(values) == 1 else None
