"""What the store knows of issues: events, people, courses, and which groups match a search.

An issue is the hashes of its fingerprints. Which of them belong together, the caller says: rows
are never rewritten when issues are merged. All is bound to a project.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from clickhouse.client import Warehouse
from clickhouse.errors.error_filters import hours_condition, rows_condition
from clickhouse.queries.conditions import Condition
from schemas.errors.issues import ErrorFilter, IssueCounts
from schemas.projects import ProjectContext
from schemas.zones import HOUR_US

MOST_GROUPS = 10_000
MOST_BUCKETS = 2_500
"""Of the courses of one answer, each."""

Groups = Mapping[str, Sequence[int]]
"""The hashes of issues, by the id of the issue."""

SUMS = {
    "error_hours": """sum(events) AS events, uniqExactMerge(people) AS people,
    sum(unhandled) AS unhandled""",
    # The hash is 0 where nobody is known.
    "errors": """count() AS events, uniqExactIf(user_hash, user_hash != 0) AS people,
    countIf(handled = false) AS unhandled""",
}
COUNTS = """
SELECT {issue} AS issue, {sums}
FROM {table}
WHERE {where}
GROUP BY issue
LIMIT {limit:UInt32}
"""
# By what is ordered, and no more: distinct people of all issues are many times as dear as events.
ORDER = """
SELECT {issue} AS issue
FROM {table}
WHERE {where}
GROUP BY issue
ORDER BY {by} DESC, issue DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
"""
ORDERS = {
    "error_hours": {"events": "sum(events)", "people": "uniqExactMerge(people)"},
    "errors": {"events": "count()", "people": "uniqExactIf(user_hash, user_hash != 0)"},
}
EVENTS = {"error_hours": ("sum(events)", "hour"), "errors": ("count()", "timestamp")}
COURSES = """
SELECT {issue} AS issue,
    intDiv(toUnixTimestamp({time}) - {begin_s:Int64}, {width_s:Int64}) AS bucket,
    {events} AS events
FROM {table}
WHERE {where}
GROUP BY issue, bucket
LIMIT {limit:UInt32}
"""
BOTH = """
SELECT {issue} AS issue, {sums},
    sumMap(
        [toUInt32(intDiv(toUnixTimestamp({time}) - {begin_s:Int64}, {width_s:Int64}))], [{each}]
    ) AS course
FROM {table}
WHERE {where}
GROUP BY issue
LIMIT {limit:UInt32}
"""
EACH = {"error_hours": "error_hours.events", "errors": "toUInt64(1)"}
MATCHING = """
SELECT DISTINCT group_hash
FROM {table}
WHERE {where}
LIMIT {limit:UInt32}
"""
TOTALS = """
SELECT {sums}
FROM {table}
WHERE {where}
LIMIT 1
"""


async def read_counts(
    warehouse: Warehouse, project: ProjectContext, groups: Groups, wanted: ErrorFilter
) -> dict[str, IssueCounts]:
    """Returns the counts of issues; those without an event are there with zeros."""
    found = {issue_id: IssueCounts() for issue_id in groups}
    if groups:
        asked = _Asked(project, groups, wanted)
        sql = asked.fill(COUNTS)
        rows = (await warehouse.query(sql, asked.values | {"limit": len(groups)})).rows
        found |= {asked.owners[row[0]]: IssueCounts(*row[1:]) for row in rows}
    return found


async def rank_issues(
    warehouse: Warehouse,
    project: ProjectContext,
    groups: Groups,
    wanted: ErrorFilter,
    *,
    by: Literal["events", "people"],
    limit: int,
    offset: int = 0,
) -> list[str]:
    """Returns the ids of issues that have events, those with most of them first."""
    if not groups:
        return []
    asked = _Asked(project, groups, wanted)
    sql = asked.fill(ORDER).replace("{by}", ORDERS[asked.table][by])
    values = asked.values | {"limit": limit, "offset": offset}
    return [asked.owners[row[0]] for row in (await warehouse.query(sql, values)).rows]


async def read_courses(
    warehouse: Warehouse,
    project: ProjectContext,
    groups: Groups,
    wanted: ErrorFilter,
    *,
    buckets: int,
) -> dict[str, list[int]]:
    """Returns the events of issues in each of the buckets that a range is cut into.

    `wanted` names both ends. A bucket is some whole hours, so the last ones may lie behind the
    range; `bucket_hours` says how many.
    """
    begin_us, hours = bucket_hours(wanted, buckets)
    found = {issue_id: [0] * buckets for issue_id in groups}
    if not groups:
        return found
    asked = _Asked(project, groups, wanted)
    events, time = EVENTS[asked.table]
    sql = asked.fill(COURSES).replace("{events}", events).replace("{time}", time)
    values = asked.values | {
        "begin_s": begin_us // 1_000_000,
        "width_s": hours * 3600,
        "limit": len(groups) * buckets,
    }
    for issue, bucket, count in (await warehouse.query(sql, values)).rows:
        found[asked.owners[issue]][bucket] = count
    return found


async def read_counts_and_courses(
    warehouse: Warehouse,
    project: ProjectContext,
    groups: Groups,
    wanted: ErrorFilter,
    *,
    buckets: int,
) -> tuple[dict[str, IssueCounts], dict[str, list[int]]]:
    """Returns what `read_counts` and `read_courses` do, in one pass: two thirds of the time."""
    begin_us, hours = bucket_hours(wanted, buckets)
    counts = {issue_id: IssueCounts() for issue_id in groups}
    courses = {issue_id: [0] * buckets for issue_id in groups}
    if not groups:
        return counts, courses
    asked = _Asked(project, groups, wanted)
    _, time = EVENTS[asked.table]
    sql = asked.fill(BOTH).replace("{time}", time).replace("{each}", EACH[asked.table])
    values = asked.values | {
        "begin_s": begin_us // 1_000_000,
        "width_s": hours * 3600,
        "limit": len(groups),
    }
    for issue, *sums, (keys, events) in (await warehouse.query(sql, values)).rows:
        counts[asked.owners[issue]] = IssueCounts(*sums)
        for bucket, count in zip(keys, events, strict=True):
            courses[asked.owners[issue]][bucket] = count
    return counts, courses


def bucket_hours(wanted: ErrorFilter, buckets: int) -> tuple[int, int]:
    """Returns when the first bucket of a range begins, and how many hours each one has."""
    if wanted.from_us is None or wanted.to_us is None or not 1 <= buckets <= MOST_BUCKETS:
        raise ValueError("A course needs both ends of its range, and some buckets")
    first = wanted.from_us - wanted.from_us % HOUR_US
    last = wanted.to_us - wanted.to_us % HOUR_US
    return first, max(1, -(-((last - first) // HOUR_US + 1) // buckets))


async def find_groups(
    warehouse: Warehouse, project: ProjectContext, wanted: ErrorFilter
) -> tuple[int, ...]:
    """Returns the hashes of groups that have a matching event, of more than `MOST_GROUPS` some."""
    asked = _Asked(project, None, wanted)
    sql = asked.fill(MATCHING)
    rows = (await warehouse.query(sql, asked.values | {"limit": MOST_GROUPS})).rows
    return tuple(row[0] for row in rows)


async def count_errors(
    warehouse: Warehouse, project: ProjectContext, wanted: ErrorFilter
) -> IssueCounts:
    """Adds all errors of a project up."""
    asked = _Asked(project, None, wanted)
    rows = (await warehouse.query(asked.fill(TOTALS), asked.values)).rows
    counts = IssueCounts(*rows[0]) if rows else IssueCounts()
    return counts if counts.events else IssueCounts()


class _Asked:
    """A statement over some issues: its table, its conditions, and whose each hash is."""

    def __init__(self, project: ProjectContext, groups: Groups | None, wanted: ErrorFilter) -> None:
        hashes = None if groups is None else [one for of in groups.values() for one in of]
        self.table = "errors" if wanted.reads_rows else "error_hours"
        condition = rows_condition if wanted.reads_rows else hours_condition
        where: Condition = condition(project, wanted, hashes)
        self._where = where.sql
        self.values: dict[str, Any] = dict(where.values)
        # An issue is named by its first hash: eight bytes instead of an id.
        self.owners = {of[0]: issue_id for issue_id, of in (groups or {}).items() if of}
        self._issue = "group_hash"
        moved = [(one, of[0]) for of in (groups or {}).values() for one in of[1:]]
        if moved:
            self._issue = "transform(group_hash, {moved:Array(UInt64)}, {to:Array(UInt64)})"
            self.values |= {"moved": [one for one, _ in moved], "to": [to for _, to in moved]}

    def fill(self, sql: str) -> str:
        """Returns a statement with its fixed parts put in."""
        return (
            sql.replace("{issue}", self._issue)
            .replace("{sums}", SUMS[self.table])
            .replace("{table}", self.table)
            .replace("{where}", self._where)
        )
