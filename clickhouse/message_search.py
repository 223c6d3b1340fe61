"""Which calls of models say something: by the messages that OpenTelemetry told, each stored once.

A conversation repeats its messages with each turn. Of all calls that hold a message, one answers:
the first that is billed of the trace in which it was said first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.queries.conditions import Condition
from clickhouse.said_messages import (
    MOST_FOUND,
    TRACE_CHARS,
    Newest,
    Said,
    SaidMessages,
    searched_from,
)
from clickhouse.texts import Term
from schemas.projects import ProjectContext

SPARE = 1.25
"""Messages that are looked at for each call: a call may have said several."""
GROWTH = 4
NEWEST = """
SELECT toUnixTimestamp64Micro(timestamp)
FROM traces
WHERE project_id = {project_id:String}
    AND (billing = '' OR {every_billing:Bool})
    {until}
ORDER BY timestamp DESC
LIMIT 1
"""
UNTIL = "AND timestamp <= fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
# Most messages were said first by a call that is billed. By its moment the key finds it: an index
# of ids says of every granule that it may have one of a hundred.
SAYING = """
SELECT toUnixTimestamp64Micro(timestamp), trace_id, {fits}
FROM traces
WHERE project_id = {project_id:String}
    AND (billing = '' OR {every_billing:Bool})
    AND toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}
    AND trace_id IN {items:Array(String)}
"""
# What an agent or another call said first. `bill_marks` knows when the calls of a trace were.
HOLDING = """
SELECT otel_trace, hex(hash), argMin((at_us, trace_id, fits), (timestamp, trace_id))
FROM (
    SELECT
        substring(trace_id, 1, {chars:UInt8}) AS otel_trace,
        trace_id,
        timestamp,
        toUnixTimestamp64Micro(timestamp) AS at_us,
        {fits} AS fits,
        arrayJoin(arrayIntersect(arrayConcat(input_messages, output_messages),
            arrayMap(one -> toFixedString(unhex(one), 16), {hashes:Array(String)}))) AS hash
    FROM traces
    WHERE project_id = {project_id:String}
        AND (billing = '' OR {every_billing:Bool})
        AND timestamp IN (
            SELECT timestamp
            FROM bill_marks
            WHERE project_id = {project_id:String}
                AND NOT is_link
                AND key IN {keys:Array(String)}
                AND timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        )
        AND substring(trace_id, 1, {chars:UInt8}) IN {otel_traces:Array(String)}
)
GROUP BY otel_trace, hash
LIMIT {limit:UInt32}
"""


class FoundCall(NamedTuple):
    """Where a call stands that says it."""

    us: int
    trace_id: str


class FoundCalls(Struct, frozen=True):
    """The calls that say it. `since_us` is there where not all messages were looked at: these are
    all calls from then on."""

    calls: tuple[FoundCall, ...] = ()
    since_us: int | None = None


class Sought(Struct, frozen=True, kw_only=True):
    """Which calls are looked for, and how many, at least."""

    fits: Condition
    """What they are narrowed to, beside words; binds the project."""
    from_us: int | None
    to_us: int | None
    every_billing: bool
    number: int


async def find_calls(
    warehouse: Warehouse, project: ProjectContext, terms: Sequence[Term], sought: Sought
) -> FoundCalls:
    """Finds the newest calls whose messages hold all terms, each in one message."""
    until = "" if sought.to_us is None else UNTIL
    newest = await warehouse.query(NEWEST.replace("{until}", until), _values(sought))
    if not newest.rows:
        return FoundCalls()
    said = SaidMessages(
        warehouse,
        project,
        terms,
        first_us=searched_from(sought.from_us),
        newest_us=newest.rows[0][0],
    )
    enough = min(int(sought.number * SPARE), MOST_FOUND)
    while True:
        found = await said.newest(enough)
        if found.since_us is not None:
            before = await said.said_before(found.since_us)
            found = found._replace(messages=[*found.messages, *before])
        calls = await _calls(warehouse, sought, found)
        if found.since_us is None or len(calls) >= sought.number or enough >= MOST_FOUND:
            return FoundCalls(calls, found.since_us)
        enough = min(enough * GROWTH, MOST_FOUND)


def _values(sought: Sought) -> dict[str, Any]:
    return sought.fits.values | {"every_billing": sought.every_billing, "until_us": sought.to_us}


async def _calls(warehouse: Warehouse, sought: Sought, found: Newest) -> tuple[FoundCall, ...]:
    first = _each_once(found.messages)
    if not first:
        return ()
    values = _values(sought) | {
        "moments": sorted({one.at_us for one in first}),
        "items": sorted({one.item_id for one in first}),
    }
    rows = (await warehouse.query(SAYING.replace("{fits}", sought.fits.sql), values)).rows
    saying = {row[1] for row in rows}
    others = [one for one in first if one.item_id not in saying]
    rows = [*rows, *await _holding(warehouse, sought, others)]
    calls = {FoundCall(us, trace_id) for us, trace_id, fits in rows if fits}
    return tuple(sorted(one for one in calls if one.us >= (found.since_us or one.us)))


async def _holding(
    warehouse: Warehouse, sought: Sought, first: Sequence[Said]
) -> list[Sequence[Any]]:
    """Returns which calls answer for what was first said by none."""
    if not first:
        return []
    otel_traces = sorted({one.item_id[:TRACE_CHARS] for one in first})
    values = _values(sought) | {
        "chars": TRACE_CHARS,
        "first_us": min(one.at_us for one in first),
        "otel_traces": otel_traces,
        "keys": [f"trace:{one}" for one in otel_traces],
        "hashes": [one.hash for one in first],
        "limit": MOST_FOUND * MOST_FOUND,
    }
    rows = (await warehouse.query(HOLDING.replace("{fits}", sought.fits.sql), values)).rows
    calls = {(trace, of): call for trace, of, call in rows}
    keys = ((one.item_id[:TRACE_CHARS], one.hash) for one in first)
    return [calls[key] for key in keys if key in calls]


def _each_once(found: Sequence[Said]) -> list[Said]:
    """Leaves of each message where it was said first."""
    first: dict[str, Said] = {}
    for one in sorted(found, key=lambda said: (-said.at_us, said.item_id)):
        first[one.hash] = one
    return list(first.values())
