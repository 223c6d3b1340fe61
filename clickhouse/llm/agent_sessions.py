"""Sessions of agents in a range: the latest, or the first by a figure, and the figures of each.

A session is in a range by its events there, and its figures are those of these events. To them
come the LLM calls of the same session, of the hours that the range touches.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.agent_filters import COLUMNS, AgentFilter, of_range, of_sessions
from clickhouse.llm.filters import COUNTED_COST
from clickhouse.queries.conditions import Condition
from clickhouse.queries.values import cents_sum
from schemas.projects import ProjectContext
from schemas.zones import HOUR_US

Order = Literal["latest", "longest", "cost", "failures"]
ORDERS: tuple[Order, ...] = get_args(Order)
PROMPT_CHARS = 200
# The last event of each session, read from the newest on: only as far as the page goes. Those that
# a page before had are left out by what is newer than its end.
LATEST = """
SELECT session_id, toUnixTimestamp64Micro(timestamp), span_id
FROM spans
WHERE {where}{beyond}
ORDER BY timestamp DESC, span_id DESC
LIMIT 1 BY session_id
LIMIT {limit:UInt32}
"""
BEYOND = """
    AND timestamp <= fromUnixTimestamp64Micro({place:Int64}, 'UTC')
    AND (timestamp, span_id) < (fromUnixTimestamp64Micro({place:Int64}, 'UTC'), {place_id:String})
    AND session_id NOT IN (
        SELECT session_id
        FROM spans
        WHERE {range}
            AND timestamp >= fromUnixTimestamp64Micro({place:Int64}, 'UTC')
            AND (timestamp, span_id) >= (
                fromUnixTimestamp64Micro({place:Int64}, 'UTC'), {place_id:String}))"""
RANKED = """
SELECT session_id, toString(value), session_id
FROM (
    {values}
)
WHERE {beyond}
ORDER BY value DESC, session_id DESC
LIMIT {limit:UInt32}
"""
BELOW = "(value, session_id) < ({place:Decimal(76, 12)}, {place_id:String})"
BY_LENGTH = """SELECT session_id,
        toDecimal256(dateDiff('microsecond', min(timestamp), max(timestamp)), 12) AS value
    FROM spans
    WHERE {where}
    GROUP BY session_id"""
BY_FAILURES = """SELECT session_id,
        toDecimal256(countIf(status = 'error' AND pair_role != 'start'), 12) AS value
    FROM spans
    WHERE {where}
    GROUP BY session_id"""
# Of the many sessions without an agent only hashes are read.
BY_COST = """SELECT session_id, toDecimal256(sum(cost), 12) AS value
    FROM (
        SELECT session_id, sum(ifNull({counted}, 0)) AS cost, 1 AS is_agent
        FROM spans
        WHERE {where}
        GROUP BY session_id
        UNION ALL
        SELECT session_id, sum({first}_first_cost) AS cost, 0 AS is_agent
        FROM session_sums
        WHERE {hours}
            AND session_hash IN (SELECT DISTINCT sipHash64(session_id) FROM spans WHERE {where})
        GROUP BY session_id
    )
    GROUP BY session_id
    HAVING max(is_agent) = 1"""
VALUES: Mapping[Order, str] = {"longest": BY_LENGTH, "cost": BY_COST, "failures": BY_FAILURES}
HOURS = """project_id = {project_id:String}
            AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
            AND bucket <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""
# A use of a tool begins and ends: ends of one moment are one, and a start after them is still open.
# Waiting is what lies between a notification and the next event, or before a prompt.
FIGURES = """
SELECT
    session_id,
    any(agent),
    max(directory),
    min(first_us),
    max(last_us),
    sum(events),
    sumIf(uses, kind = 'user_prompt'),
    sumIf(uses, kind = 'tool_use'),
    sumIf(uses, kind = 'agent_run'),
    sum(failed),
    sum(input),
    sum(output),
    sum(cost),
    sumIf(uses, kind = 'llm_response'),
    sum(unpriced),
    arraySort(groupUniqArrayArray(10)(models)),
    maxIf(last_us, is_over) = max(last_us),
    arraySort(groupArrayArray(moments)) AS line,
    arraySum((at, next) ->
            if(at.2 = 1 OR next.2 = 2, next.1 - at.1, 0),
        arrayPopBack(line), arrayPopFront(line))
FROM (
    SELECT
        session_id,
        kind,
        any(source::String) AS agent,
        max(ifNull(cwd, '')) AS directory,
        min(toUnixTimestamp64Micro(timestamp)) AS first_us,
        max(toUnixTimestamp64Micro(timestamp)) AS last_us,
        count() AS events,
        if(pair_hash = 0, count(), uniqExactIf(timestamp, pair_role = 'end')
            + (maxIf(timestamp, pair_role = 'start') > maxIf(timestamp, pair_role = 'end')))
            AS uses,
        countIf(status = 'error' AND pair_role != 'start') AS failed,
        sum(ifNull(input_tokens, 0)) AS input,
        sum(ifNull(output_tokens, 0)) AS output,
        sum(ifNull({counted}, 0)) AS cost,
        countIf(kind = 'llm_response' AND reported_cost IS NULL AND computed_cost IS NULL)
            AS unpriced,
        groupUniqArrayIf(10)(ifNull(model::Nullable(String), ''), model IS NOT NULL) AS models,
        kind = 'session' AND pair_hash != 0 AND argMax(pair_role, timestamp) = 'end' AS is_over,
        groupArray((toUnixTimestamp64Micro(timestamp),
            multiIf(kind = 'notification', 1, kind = 'user_prompt', 2, 0))) AS moments
    FROM spans
    WHERE {range}
        AND session_id IN {sessions:Array(String)}
    GROUP BY session_id, kind, pair_hash
)
GROUP BY session_id
"""
PROMPTS = """
SELECT session_id,
    argMin(substringUTF8(JSONExtractString(metadata, 'prompt'), 1, {chars:UInt32}), timestamp)
FROM spans
WHERE {range}
    AND kind = 'user_prompt'
    AND session_id IN {sessions:Array(String)}
GROUP BY session_id
"""
CALLS = """
SELECT session_id, sum(requests), sumIf(requests, status = 'error'), sum(input_tokens),
    sum(output_tokens), sum({first}_first_cost), sum(unpriced),
    arraySort(groupUniqArray(10)(model_requested::String))
FROM session_sums
WHERE {hours}
    AND session_hash IN (SELECT sipHash64(arrayJoin({sessions:Array(String)})))
    AND session_id IN {sessions:Array(String)}
GROUP BY session_id
"""
VALUES_OF = """
SELECT {column}::String AS value, uniq(session_id) AS sessions
FROM spans
WHERE {where}
    AND {column} != ''
    AND positionCaseInsensitiveUTF8({column}, {begun:String}) > 0
GROUP BY value
ORDER BY sessions DESC, value
LIMIT {limit:UInt32}
"""


class Place(NamedTuple):
    """Where a page begins: the value that it is ordered by, and the id that breaks ties."""

    value: Decimal
    """Of the latest, the microseconds of the last event."""
    tie: str


class Found(NamedTuple):
    """A session on a page, and its place."""

    session_id: str
    place: Place


class Calls(Struct, frozen=True):
    """The LLM calls of a session. Costs are US cents."""

    made: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_cents: float = 0
    unpriced: int = 0
    models: Sequence[str] = ()


class AgentSession(Struct, frozen=True):
    """One session in figures. Costs are US cents, times microseconds."""

    session_id: str
    agent: str
    directory: str
    first_us: int
    last_us: int
    events: int
    prompts: int
    tools: int
    subagents: int
    failures: int
    """Events that failed; a use of a tool once."""
    input_tokens: int
    output_tokens: int
    answers_cents: float
    """Of the answers among its events."""
    answers: int
    unpriced: int
    """Of these answers: those whose cost is unknown."""
    models: Sequence[str]
    is_over: bool
    """Whether its end came, and nothing after it."""
    waiting_us: int
    prompt: str
    """The first one, cut."""
    calls: Calls

    @property
    def length_us(self) -> int:
        """From the first event to the last."""
        return self.last_us - self.first_us

    @property
    def tokens(self) -> int:
        """Of answers and of LLM calls, input and output."""
        own = self.input_tokens + self.output_tokens
        return own + self.calls.input_tokens + self.calls.output_tokens

    @property
    def cost_cents(self) -> float | None:
        """Of answers and of LLM calls; `None` where nothing is known of it."""
        is_known = self.answers > self.unpriced or self.calls.made > self.calls.unpriced
        return self.answers_cents + self.calls.cost_cents if is_known else None


async def find_sessions(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: AgentFilter,
    *,
    order: Order,
    limit: int,
    beyond: Place | None = None,
) -> list[Found]:
    """Returns the first sessions in an order; those up to `beyond` are left out."""
    where = of_sessions(project, wanted)
    values = {**where.values, "limit": limit}
    if beyond is not None:
        at = int(beyond.value) if order == "latest" else f"{beyond.value:f}"
        values |= {"place": at, "place_id": beyond.tie}
    sql = _latest(project, wanted, beyond) if order == "latest" else _ranked(project, order, beyond)
    values |= _hours(wanted)
    answer = await warehouse.query(sql.replace("{where}", where.sql), values)
    return [Found(row[0], Place(Decimal(row[1]), row[2])) for row in answer.rows]


async def read_sessions(
    warehouse: Warehouse, project: ProjectContext, wanted: AgentFilter, sessions: Sequence[str]
) -> list[AgentSession]:
    """Returns the figures of some sessions, in their order; of the range alone, unfiltered."""
    if not sessions:
        return []
    where = of_range(project, wanted)
    values = {**where.values, **_hours(wanted), "sessions": sessions, "chars": PROMPT_CHARS}
    figures, prompts, calls = await asyncio.gather(
        *(
            warehouse.query(_filled(sql, project, where), values)
            for sql in (FIGURES, PROMPTS, CALLS)
        )
    )
    said = {row[0]: row[1] for row in prompts.rows}
    called = {row[0]: _calls(row) for row in calls.rows}
    found = {
        row[0]: _session(row, said.get(row[0], ""), called.get(row[0], Calls()))
        for row in figures.rows
    }
    return [found[one] for one in sessions if one in found]


async def values_of(
    warehouse: Warehouse, project: ProjectContext, wanted: AgentFilter, name: str, begun: str
) -> list[tuple[str, int]]:
    """Returns the values that events have, and in how many sessions; those that hold a text."""
    where = of_range(project, wanted)
    sql = VALUES_OF.replace("{column}", COLUMNS[name]).replace("{where}", where.sql)
    values = {**where.values, "begun": begun, "limit": 12}
    return [(row[0], row[1]) for row in (await warehouse.query(sql, values)).rows]


def _latest(project: ProjectContext, wanted: AgentFilter, beyond: Place | None) -> str:
    if beyond is None:
        return LATEST.replace("{beyond}", "")
    return LATEST.replace("{beyond}", BEYOND).replace("{range}", of_range(project, wanted).sql)


def _ranked(project: ProjectContext, order: Order, beyond: Place | None) -> str:
    sql = RANKED.replace("{values}", VALUES[order])
    sql = sql.replace("{beyond}", "1" if beyond is None else BELOW)
    return _with_costs(sql, project)


def _filled(sql: str, project: ProjectContext, where: Condition) -> str:
    return _with_costs(sql, project).replace("{range}", where.sql)


def _with_costs(sql: str, project: ProjectContext) -> str:
    first = project.cost_preference
    sql = sql.replace("{counted}", COUNTED_COST[first]).replace("{first}", first)
    return sql.replace("{hours}", HOURS)


def _hours(wanted: AgentFilter) -> dict[str, Any]:
    return {"first_us": wanted.from_us - wanted.from_us % HOUR_US}


def _calls(row: Sequence[Any]) -> Calls:
    _, made, failed, into, out, cost, unpriced, models = row
    return Calls(made, failed, into, out, cents_sum(cost), unpriced, models)


def _session(row: Sequence[Any], prompt: str, calls: Calls) -> AgentSession:
    return AgentSession(
        session_id=row[0],
        agent=row[1],
        directory=row[2],
        first_us=row[3],
        last_us=row[4],
        events=row[5],
        prompts=row[6],
        tools=row[7],
        subagents=row[8],
        failures=row[9],
        input_tokens=row[10],
        output_tokens=row[11],
        answers_cents=cents_sum(row[12]),
        answers=row[13],
        unpriced=row[14],
        models=row[15],
        is_over=bool(row[16]),
        waiting_us=row[18],
        prompt=prompt,
        calls=calls,
    )
