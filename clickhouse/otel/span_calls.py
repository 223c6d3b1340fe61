"""What spans of models and tools are beside: calls with their cost and their last words, tools."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.messages import OfDay, Preview, hashes_of, preview_messages
from clickhouse.otel.bare_spans import WITHIN
from clickhouse.queries.values import counted, sent_cost
from schemas.otel.answers import Said, TreeCall, TreeTool
from schemas.projects import ProjectContext

LABEL_CHARS = 300
CALLS = (
    """
SELECT trace_id, provider::String, model_requested::String, status::String, input_tokens,
    output_tokens, computed_cost, reported_cost, reported_digits, billing::String, received_date,
    {asked}, {answered}
FROM traces
WHERE {within}
    AND {which}
LIMIT 1 BY trace_id
""".replace("{within}", WITHIN)
    .replace("{asked}", hashes_of("arraySlice(input_messages, -1)"))
    .replace("{answered}", hashes_of("arraySlice(output_messages, -1)"))
)
BY_ID = "trace_id IN {keys:Array(String)}"
OF_TRACES = "substring(trace_id, 1, {chars:UInt8}) IN {traces:Array(String)}"
TRACE_CHARS = 32
"""Of the id of a call that OpenTelemetry told: its trace."""
TOOLS = """
SELECT span_id, tool_name::Nullable(String), substringUTF8(tool_input, 1, {label:UInt32}),
    substringUTF8(tool_response, 1, {label:UInt32})
FROM spans
WHERE {within}
    AND span_id IN {keys:Array(String)}
LIMIT 1 BY span_id
""".replace("{within}", WITHIN)


class Moments(NamedTuple):
    """When rows began, at first and at last, in microseconds since 1970 UTC."""

    first_us: int
    last_us: int


async def read_calls(
    warehouse: Warehouse,
    project: ProjectContext,
    ids: Sequence[str],
    within: Moments,
    *,
    of_traces: Sequence[str] = (),
) -> Mapping[str, TreeCall]:
    """Returns calls by id, each with its last message to the model and from it.

    Where they are most of `of_traces`, they are read as these: 10,000 ids cost more than all rows.
    """
    if not ids:
        return {}
    values, which = _values(project, ids, within), BY_ID
    if of_traces:
        others = [one for one in ids if one[:TRACE_CHARS] not in of_traces]
        which = f"({OF_TRACES} OR {BY_ID})" if others else OF_TRACES
        values |= {"keys": others, "traces": list(of_traces), "chars": TRACE_CHARS}
    wanted = set(ids)
    answer = await warehouse.query(CALLS.replace("{which}", which), values)
    rows = [row for row in answer.rows if row[0] in wanted]
    last = {OfDay(row[10], one) for row in rows for one in (*row[11], *row[12])}
    said = await preview_messages(warehouse, project, last)
    return {row[0]: _call(project, row, said) for row in rows}


async def read_tools(
    warehouse: Warehouse, project: ProjectContext, ids: Sequence[str], within: Moments
) -> Mapping[str, TreeTool]:
    """Returns what tools were given and gave, by the id of the span."""
    if not ids:
        return {}
    rows = (await warehouse.query(TOOLS, _values(project, ids, within))).rows
    return {row[0]: TreeTool(*row[1:]) for row in rows}


def _values(project: ProjectContext, ids: Sequence[str], within: Moments) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "keys": list(ids),
        "from_us": within.first_us,
        "to_us": within.last_us,
        "label": LABEL_CHARS,
    }


def _call(project: ProjectContext, row: Sequence[Any], said: Mapping[str, Preview]) -> TreeCall:
    _, cost = counted(project, row[6], sent_cost(row[7], row[8]))
    return TreeCall(
        id=row[0],
        provider=row[1],
        model=row[2],
        status=row[3],
        input_tokens=row[4],
        output_tokens=row[5],
        cost_cents=cost,
        billing=row[9],
        asked=_said(row[11], said),
        answered=_said(row[12], said),
    )


def _said(hashes: Sequence[str], said: Mapping[str, Preview]) -> Said | None:
    found = said.get(hashes[0]) if hashes else None
    return Said(found.role, found.text) if found else None
