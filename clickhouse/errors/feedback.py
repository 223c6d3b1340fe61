"""What people have said: in pages, newest first; of one issue; and which issue it is about."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import spellings
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

MOST = 200
MOST_OF_ISSUE = 20
MOST_LOOKED_AT = 5_000
"""Of a project's feedback, the newest: which of it belongs to an issue."""
COLUMNS = """event_id, toUnixTimestamp64Micro(timestamp), message, name, email, url,
    associated_event_id, replay_id, source::String, environment::String, release::String,
    platform::String, sdk::String, user_key, trace_id"""
LINES = """
SELECT {columns}
FROM feedback
WHERE {where}
ORDER BY timestamp DESC, event_id DESC
LIMIT {limit:UInt32}
"""
FROM = "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
BEYOND = """timestamp <= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
    AND (timestamp, event_id) < (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})"""
TEXT = """positionCaseInsensitiveUTF8(
        concat(message, '\\n', name, '\\n', email, '\\n', url), {text:String}) > 0"""
ASSOCIATED = """
SELECT DISTINCT associated_event_id
FROM feedback
WHERE project_id = {project_id:String}
    AND associated_event_id != ''
ORDER BY timestamp DESC
LIMIT {limit:UInt32}
"""
OF_EVENTS = """
SELECT event_id, fingerprint
FROM errors
WHERE project_id = {project_id:String}
    AND event_id IN {ids:Array(String)}
LIMIT {limit:UInt32}
"""
OF_GROUPS = """
SELECT event_id
FROM errors
WHERE project_id = {project_id:String}
    AND group_hash IN {hashes:Array(UInt64)}
    AND event_id IN {ids:Array(String)}
LIMIT {limit:UInt32}
"""

OF_TRACES = """
SELECT trace_id, min(event_id)
FROM transactions
WHERE project_id = {project_id:String}
    AND trace_id IN {ids:Array(String)}
GROUP BY trace_id
LIMIT {limit:UInt32}
"""


class FeedbackPlace(NamedTuple):
    """Where a page ends."""

    at_us: int
    event_id: str


class FeedbackFilter(Struct, frozen=True, kw_only=True):
    """Which feedback; times are microseconds since 1970 UTC, inclusive."""

    from_us: int | None = None
    to_us: int | None = None
    text: str | None = None
    """Stands in the message, the name, the email or the address, in capitals or not."""
    environment: str | None = None
    event_ids: tuple[str, ...] | None = None
    """The errors that it is about."""
    trace_id: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it asks for nothing but a time."""
        asked = (self.text, self.environment, self.event_ids, self.trace_id)
        return all(one is None for one in asked)


class FeedbackLine(Struct, frozen=True):
    """What one person has said. What is unset is the empty text."""

    event_id: str
    at_us: int
    message: str
    name: str
    email: str
    url: str
    associated_event_id: str
    replay_id: str
    source: str
    environment: str
    release: str
    platform: str
    sdk: str
    user: str
    trace_id: str


async def list_feedback(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: FeedbackFilter,
    *,
    limit: int,
    beyond: FeedbackPlace | None = None,
) -> list[FeedbackLine]:
    """Returns the newest feedback that fits; `beyond` and what is newer are not."""
    where = _condition(project, wanted)
    text, values = where.sql, {**where.values, "limit": min(limit, MOST + 1)}
    if beyond is not None:
        text += f"\n    AND {BEYOND}"
        values |= {"place_us": beyond.at_us, "place_id": beyond.event_id}
    sql = LINES.replace("{columns}", COLUMNS).replace("{where}", text)
    return [FeedbackLine(*row) for row in (await warehouse.query(sql, values)).rows]


async def feedback_of_groups(
    warehouse: Warehouse, project: ProjectContext, hashes: Sequence[int]
) -> list[FeedbackLine]:
    """Returns what people have said last of the events of some groups.

    There is far less feedback than there are events, so it is asked first.
    """
    named = {"project_id": project.project_id}
    told = await warehouse.query(ASSOCIATED, {**named, "limit": MOST_LOOKED_AT})
    ids = [row[0] for row in told.rows]
    if not ids:
        return []
    values = {**named, "hashes": list(hashes), "ids": ids, "limit": len(ids)}
    own = tuple(row[0] for row in (await warehouse.query(OF_GROUPS, values)).rows)
    if not own:
        return []
    return await list_feedback(
        warehouse, project, FeedbackFilter(event_ids=own), limit=MOST_OF_ISSUE
    )


async def fingerprints_of(
    warehouse: Warehouse, project: ProjectContext, event_ids: Sequence[str]
) -> dict[str, str]:
    """Returns by what some errors are grouped, by their ids; of one that is gone there is none."""
    if not event_ids:
        return {}
    values = {"project_id": project.project_id, "ids": list(event_ids), "limit": len(event_ids)}
    return {row[0]: row[1] for row in (await warehouse.query(OF_EVENTS, values)).rows}


async def transactions_of(
    warehouse: Warehouse, project: ProjectContext, trace_ids: Sequence[str]
) -> dict[str, str]:
    """Returns a transaction of each trace that has one, by the id of the trace."""
    if not trace_ids:
        return {}
    named = list(dict.fromkeys(trace_ids))
    values = {"project_id": project.project_id, "ids": named, "limit": len(named)}
    return {row[0]: row[1] for row in (await warehouse.query(OF_TRACES, values)).rows}


def _condition(project: ProjectContext, wanted: FeedbackFilter) -> Condition:
    parts = ["project_id = {project_id:String}"]
    values: dict[str, Any] = {"project_id": project.project_id}
    given = (
        ("from_us", FROM, wanted.from_us),
        ("to_us", TO, wanted.to_us),
        ("text", TEXT, wanted.text),
        ("environment", "environment = {environment:String}", wanted.environment),
    )
    for name, sql, value in given:
        if value is not None:
            parts.append(sql)
            values[name] = value
    if wanted.event_ids is not None:
        parts.append("associated_event_id IN {events:Array(String)}")
        values["events"] = list(wanted.event_ids)
    if wanted.trace_id is not None:
        parts.append("trace_id IN {traces:Array(String)}")
        values["traces"] = list(spellings(wanted.trace_id))
    return Condition("\n    AND ".join(parts), values)
