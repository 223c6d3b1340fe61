"""Messages that hold words, the newest first: read back in time as far as they are needed.

A common word is in millions of messages, and a rare one in a few of a year. So a search looks at a
short time first, and then at a longer one before it, as long as what it found says.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.message_shapes import TOOLS_ROLE
from clickhouse.texts import Term, in_messages
from schemas.projects import ProjectContext
from schemas.zones import DAY_US, HOUR_US

MOST_FOUND = 2_000
"""Messages of one search, the newest: their items go into the statements that follow."""
FIRST_US = 2 * HOUR_US
"""Looked at first."""
MOST_TIMES = 50
"""How much longer the next time is, at most."""
MOST_STEPS = 3
"""Then all is looked at that is left."""
MOST_LAG_US = DAY_US
"""So long before a call its agent may have begun, which said its messages first."""
# Definitions of tools are kept as if they were messages, and nobody said them.
# Parts that are not merged yet may have a message several times in a day.
SAID = """
SELECT hex(hash), item_id, toUnixTimestamp64Micro(timestamp) AS at_us
FROM messages
WHERE project_id = {project_id:String}
    {times}
    AND role != {tools:String}
    AND {words}
ORDER BY timestamp DESC, hash
LIMIT {limit:UInt32}
"""
OF_TRACES = "AND substring(item_id, 1, {chars:UInt8}) IN {otel_traces:Array(String)}"
# A trace has a row for each hour in which spans of it began.
RUNNING = """
SELECT trace_id, min(toUnixTimestamp64Micro(started)) AS began_us
FROM otel_traces
WHERE project_id = {project_id:String}
    AND hour >= toDateTime(intDiv({first_us:Int64}, 1000000) - 3600, 'UTC')
    AND hour <= toDateTime(intDiv({last_us:Int64}, 1000000), 'UTC')
GROUP BY trace_id
HAVING began_us < {since_us:Int64} AND max(toUnixTimestamp64Micro(ended)) >= {since_us:Int64}
LIMIT {limit:UInt32}
"""
RECEIVED = "AND received_date >= toDate(fromUnixTimestamp64Micro({first_us:Int64}, 'UTC'))"
SINCE = "AND timestamp >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')"
UNTIL = "AND timestamp <= fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"


TRACE_CHARS = 32
"""Of an item's id: its trace."""


class Said(NamedTuple):
    """A message that was found, with the item that said it first."""

    hash: str
    item_id: str
    at_us: int


class Newest(NamedTuple):
    """Messages, the newest first. `since_us` is there where these are not all: from then on none is
    missing."""

    messages: Sequence[Said]
    since_us: int | None


class SaidMessages:
    """What was found so far, and how far back it was looked for."""

    def __init__(
        self,
        warehouse: Warehouse,
        project: ProjectContext,
        terms: Sequence[Term],
        *,
        first_us: int | None,
        newest_us: int,
    ) -> None:
        """Looks from `newest_us` back to `first_us`; nothing is asked yet."""
        self._warehouse = warehouse
        self._words = in_messages(terms)
        self._project_id = project.project_id
        self._first_us = first_us
        self._newest_us = newest_us
        self._found: list[Said] = []
        self._since_us = newest_us + 1
        self._steps = 0
        self._is_all = False

    async def newest(self, enough: int) -> Newest:
        """Returns so many of the newest, or all; `MOST_FOUND` at most."""
        while not self._has(enough):
            await self._look_further(enough)
        found = self._found
        if len(found) <= enough and self._is_all:
            return Newest(found, None)
        since_us = found[enough - 1].at_us
        if len(found) > MOST_FOUND and found[MOST_FOUND].at_us >= since_us < found[0].at_us:
            since_us += 1  # some of that moment are not looked at
        return Newest([one for one in found[:MOST_FOUND] if one.at_us >= since_us], since_us)

    async def said_before(self, since_us: int) -> list[Said]:
        """Returns messages of before a moment that traces said which were running then.

        A call of such a trace may be after that moment, and hold what its agent said before.
        """
        moments = {"since_us": since_us, "first_us": max(since_us - MOST_LAG_US, 0)}
        values = moments | {
            "project_id": self._project_id,
            "last_us": max(since_us + MOST_LAG_US, 0),
            "limit": MOST_FOUND,
        }
        running = (await self._warehouse.query(RUNNING, values)).rows
        if not running:
            return []
        began_us = max(min(row[1] for row in running), since_us - MOST_LAG_US)
        traces = {"chars": TRACE_CHARS, "otel_traces": [row[0] for row in running]}
        within = {"since_us": began_us, "until_us": since_us - 1, "limit": MOST_FOUND}
        return await self._ask([SINCE, UNTIL, OF_TRACES], traces | within)

    def _has(self, enough: int) -> bool:
        return self._is_all or len(self._found) >= min(enough, MOST_FOUND + 1)

    async def _look_further(self, enough: int) -> None:
        values: dict[str, Any] = {
            "limit": MOST_FOUND + 1 - len(self._found),
            "until_us": self._since_us - 1,
        }
        times = [UNTIL]
        since_us = self._next_since(enough)
        if self._first_us is not None:
            times.append(RECEIVED)
            values["first_us"] = self._first_us
            if since_us is None or since_us <= self._first_us:
                since_us, self._is_all = self._first_us, True
        if since_us is None:
            self._is_all = True
        else:
            times.append(SINCE)
            values["since_us"] = self._since_us = since_us
        self._found += await self._ask(times, values)
        self._steps += 1

    async def _ask(self, times: Sequence[str], values: dict[str, Any]) -> list[Said]:
        sql = SAID.replace("{times}", "\n    ".join(times)).replace("{words}", self._words.sql)
        of_all = {"project_id": self._project_id, "tools": TOOLS_ROLE}
        every = {**self._words.values, **of_all, **values}
        return [Said(*row) for row in (await self._warehouse.query(sql, every)).rows]

    def _next_since(self, enough: int) -> int | None:
        """Returns from when on there may be enough; `None` is from the beginning."""
        if self._steps == 0:
            return self._newest_us - FIRST_US
        if self._steps >= MOST_STEPS:
            return None
        times = 1.5 * enough / len(self._found) if self._found else MOST_TIMES
        looked_at = self._newest_us - self._since_us
        return self._newest_us - int(looked_at * min(max(times, 2), MOST_TIMES))


def searched_from(from_us: int | None) -> int | None:
    """Returns from when on messages may have been said of calls since a moment."""
    # An agent is told what its calls hold, and begins before them.
    return None if from_us is None else max(from_us - DAY_US, 0)
