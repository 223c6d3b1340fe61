"""Which calls of models say something: by the messages that OpenTelemetry told, each stored once.

A conversation repeats its messages with each turn. Of all calls that hold a message, one answers:
the first that is billed of the trace in which it was said first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.message_shapes import TOOLS_ROLE
from clickhouse.texts import Term, in_messages
from schemas.projects import ProjectContext
from schemas.zones import DAY_US

MOST_FOUND = 2_000
"""Messages of one search, the newest: their ids go into the statements that follow."""
TRACE_CHARS = 32
# Definitions of tools are kept as if they were messages, and nobody said them.
# Parts that are not merged yet may have a message several times in a day.
SAID = """
SELECT hex(hash), item_id, toUnixTimestamp64Micro(timestamp) AS at_us
FROM messages
WHERE project_id = {project_id:String}
    {days}
    AND role != {tools:String}
    AND {words}
ORDER BY timestamp DESC, hash
LIMIT {limit:UInt32}
"""
SINCE = """AND received_date >= toDate(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    AND timestamp >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')"""
UNTIL = "AND timestamp <= fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
HOLDING = """
SELECT otel_trace, hex(hash), argMin(trace_id, (timestamp, trace_id))
FROM (
    SELECT
        substring(trace_id, 1, {chars:UInt8}) AS otel_trace,
        trace_id,
        timestamp,
        arrayJoin(arrayIntersect(arrayConcat(input_messages, output_messages),
            arrayMap(one -> toFixedString(unhex(one), 16), {hashes:Array(String)}))) AS hash
    FROM traces
    WHERE project_id = {project_id:String}
        AND (billing = '' OR {every_billing:Bool})
        AND timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND (trace_id IN {items:Array(String)} OR scope IN {scopes:Array(String)})
)
GROUP BY otel_trace, hash
LIMIT {limit:UInt32}
"""


class Said(NamedTuple):
    """A message that was found, with the item that said it first."""

    hash: str
    item_id: str
    at_us: int


class FoundCalls(Struct, frozen=True):
    """The calls that say it. `since_us` is there where more were found than are looked at: these
    are all calls from then on."""

    ids: tuple[str, ...] = ()
    since_us: int | None = None


async def find_calls(
    warehouse: Warehouse,
    project: ProjectContext,
    terms: Sequence[Term],
    *,
    from_us: int | None,
    to_us: int | None,
    every_billing: bool = False,
) -> FoundCalls:
    """Finds the calls whose messages hold all terms, each in one message."""
    found = await _said(warehouse, project, terms, from_us, to_us)
    since_us = found[MOST_FOUND - 1].at_us if len(found) > MOST_FOUND else None
    first = _each_once(found[:MOST_FOUND])
    if not first:
        return FoundCalls()
    values = {
        "project_id": project.project_id,
        "chars": TRACE_CHARS,
        "every_billing": every_billing,
        "first_us": min(one.at_us for one in first),
        "items": sorted({one.item_id for one in first}),
        "scopes": sorted({f"trace:{one.item_id[:TRACE_CHARS]}" for one in first}),
        "hashes": [one.hash for one in first],
        "limit": MOST_FOUND * MOST_FOUND,
    }
    rows = (await warehouse.query(HOLDING, values)).rows
    calls = {(trace, of): call for trace, of, call in rows}
    keys = ((one.item_id[:TRACE_CHARS], one.hash) for one in first)
    return FoundCalls(tuple(sorted({calls[key] for key in keys if key in calls})), since_us)


async def _said(
    warehouse: Warehouse,
    project: ProjectContext,
    terms: Sequence[Term],
    from_us: int | None,
    to_us: int | None,
) -> list[Said]:
    words = in_messages(terms)
    values = {
        **words.values,
        "project_id": project.project_id,
        "tools": TOOLS_ROLE,
        "limit": MOST_FOUND + 1,
    }
    days = []
    if from_us is not None:
        # An agent is told what its calls hold, and begins before them.
        days.append(SINCE)
        values["since_us"] = max(from_us - DAY_US, 0)
    if to_us is not None:
        days.append(UNTIL)
        values["until_us"] = to_us
    sql = SAID.replace("{days}", "\n    ".join(days)).replace("{words}", words.sql)
    return [Said(*row) for row in (await warehouse.query(sql, values)).rows]


def _each_once(found: Sequence[Said]) -> list[Said]:
    """Leaves of each message where it was said first."""
    first: dict[str, Said] = {}
    for one in sorted(found, key=lambda said: (-said.at_us, said.item_id)):
        first[one.hash] = one
    return list(first.values())
