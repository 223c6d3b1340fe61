"""Single error events: lists without bodies, in pages, and one of them with its body."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.errors.event_filters import EventFilter, Place, condition
from clickhouse.queries.conditions import by_ids
from clickhouse.queries.parts import ONE_ROW
from schemas.errors.event import ErrorEvent, event_decoder
from schemas.projects import ProjectContext

Order = Literal["newest", "oldest"]
MOST_LINES = 1_000
# As plain texts: the engine counts a name of a dictionary as the whole dictionary, which holds
# names of other projects too.
COLUMNS = """event_id, fingerprint, group_hash, toUnixTimestamp64Micro(timestamp),
    toUnixTimestamp64Micro(received_at), level::String, type, title, culprit, handled,
    platform::String, environment::String, release::String, transaction, server_name::String,
    sdk::String, user_key, trace_id, span_id"""
LINES = """
SELECT {columns}
FROM errors
WHERE {where}
ORDER BY timestamp {direction}, event_id {direction}
LIMIT {limit:UInt32}
"""
DIRECTIONS: Mapping[Order, str] = {"newest": "DESC", "oldest": "ASC"}
BEYOND: Mapping[Order, str] = {
    "newest": """
    AND timestamp <= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
    AND (timestamp, event_id) < (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})""",
    "oldest": """
    AND timestamp >= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
    AND (timestamp, event_id) > (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})""",
}
COUNT = """
SELECT count()
FROM errors
WHERE {where}
"""
STORED = """
SELECT count()
FROM errors
WHERE project_id = {project_id:String}
"""
ONE = """
SELECT {columns}, grouping::String, other_fingerprints, body
FROM errors
WHERE {where}
LIMIT 1
"""


class EventLine(Struct, frozen=True):
    """One event without its body. What is unset is the empty text."""

    event_id: str
    fingerprint: str
    group_hash: int
    at_us: int
    received_at_us: int
    level: str
    type: str
    title: str
    culprit: str
    handled: bool | None
    platform: str
    environment: str
    release: str
    transaction: str
    server_name: str
    sdk: str
    user: str
    trace_id: str
    span_id: str

    @property
    def place(self) -> Place:
        """Where the next page begins."""
        return Place(self.at_us, self.event_id)


class StoredEvent(Struct, frozen=True):
    """One event as it is stored."""

    line: EventLine
    grouping: str
    """The version that grouped it."""
    other_fingerprints: tuple[str, ...]
    body: bytes
    """An `ErrorEvent` as JSON."""

    @property
    def event(self) -> ErrorEvent:
        """The whole event."""
        return event_decoder.decode(self.body)


async def list_events(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: EventFilter,
    *,
    limit: int,
    order: Order = "newest",
    beyond: Place | None = None,
) -> list[EventLine]:
    """Returns the first matching events in an order; `beyond` and what is before are not.

    No more than `MOST_LINES`.
    """
    where = condition(project, wanted)
    text, values = where.sql, {**where.values, "limit": min(limit, MOST_LINES)}
    if beyond is not None:
        text += BEYOND[order]
        values |= {"place_us": beyond.at_us, "place_id": beyond.event_id}
    sql = LINES.replace("{columns}", COLUMNS).replace("{where}", text)
    answer = await warehouse.query(sql.replace("{direction}", DIRECTIONS[order]), values)
    return [_line(row) for row in answer.rows]


async def count_events(warehouse: Warehouse, project: ProjectContext, wanted: EventFilter) -> int:
    """Returns how many events match."""
    where = condition(project, wanted)
    answer = await warehouse.query(COUNT.replace("{where}", where.sql), where.values)
    return int(answer.rows[0][0])


async def count_stored(warehouse: Warehouse, project: ProjectContext) -> int:
    """Returns how many events a project has: from the index of its key, whatever their number."""
    answer = await warehouse.query(STORED, {"project_id": project.project_id})
    return int(answer.rows[0][0])


async def get_event(
    warehouse: Warehouse, project: ProjectContext, event_id: str
) -> StoredEvent | None:
    """Returns one event, `None` when the project has none of that id; dashes do not matter."""
    where = by_ids(project, "event_id", list(dict.fromkeys((event_id, plain_id(event_id)))))
    sql = ONE.replace("{columns}", COLUMNS).replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values, as_bytes=("body",), **ONE_ROW)).rows
    if not rows:
        return None
    *line, grouping, others, body = rows[0]
    return StoredEvent(_line(line), grouping, tuple(others), body)


def plain_id(event_id: str) -> str:
    """Spells the id of an event as the edge gives it: without dashes, in lower case."""
    plain = event_id.replace("-", "").lower()
    return plain if len(plain) == 32 else event_id


def _line(row: Sequence[Any]) -> EventLine:
    return EventLine(*row)
