"""What the store knows of one issue: its course by hours, its tags, what its fingerprints are."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.errors.error_filters import hours_condition, rows_condition
from clickhouse.tags import key_of, read_tag
from schemas.errors.issues import ErrorFilter, Named, Sighting
from schemas.projects import ProjectContext

MOST_HOURS = 24 * 366
MOST_LOOKED_AT = 5_000
"""Events whose tags are counted: of more the newest, and answers say so. Each costs 6 us. A
table of counts would cost each stored event a dozen rows."""
MOST_VALUES = 10
"""Of each tag."""
MOST_ROWS = 2_000
TITLED = ("environment", "release", "level", "platform", "server_name", "transaction", "sdk")
"""What has a column of its own, in the order in which it is told."""

HOURS = """
SELECT toUnixTimestamp(hour) AS hour_s, sum(events) AS events, uniqExactMerge(people) AS people
FROM error_hours
WHERE {where}
GROUP BY hour
ORDER BY hour DESC
LIMIT {limit:UInt32}
"""
ROW_HOURS = """
SELECT toUnixTimestamp(toStartOfHour(timestamp)) AS hour_s, count() AS events,
    uniqExactIf(user_hash, user_hash != 0) AS people
FROM errors
WHERE {where}
GROUP BY hour_s
ORDER BY hour_s DESC
LIMIT {limit:UInt32}
"""
TAGS = """
SELECT is_tag, key, value, count() AS events, sum(events) OVER same AS of_key,
    count() OVER same AS values
FROM (
    SELECT arrayConcat(
        [{titled}],
        arrayMap(
            pair -> (toUInt8(1), pair.1, pair.2),
            JSONExtractKeysAndValues(toJSONString(tags), 'String')
        )
    ) AS pairs
    FROM errors
    WHERE {where}
    ORDER BY timestamp DESC
    LIMIT {looked_at:UInt32}
)
ARRAY JOIN pairs.1 AS is_tag, pairs.2 AS key, pairs.3 AS value
WHERE value != ''
GROUP BY is_tag, key, value
WINDOW same AS (PARTITION BY is_tag, key)
ORDER BY is_tag, of_key DESC, key, events DESC, value
LIMIT {values:UInt32} BY is_tag, key
LIMIT {limit:UInt32}
"""
# Moments and releases from the hours, which outlive rows; words from the rows that are left.
SEEN = """
SELECT said.1, hours.group_hash, first_us, last_us, said.2, first_named, first_release, last_named,
    last_release
FROM (
    SELECT group_hash, toUnixTimestamp64Micro(min(first_seen)) AS first_us,
        toUnixTimestamp64Micro(max(last_seen)) AS last_us,
        toUnixTimestamp64Micro(minIf(first_seen, release != '')) AS first_named,
        argMinIf(release::String, first_seen, release != '') AS first_release,
        toUnixTimestamp64Micro(maxIf(last_seen, release != '')) AS last_named,
        argMaxIf(release::String, last_seen, release != '') AS last_release
    FROM error_hours
    WHERE project_id = {project_id:String} AND group_hash IN {hashes:Array(UInt64)}
    GROUP BY group_hash
    LIMIT {limit:UInt32}
) AS hours
LEFT ANY JOIN (
    SELECT group_hash, (any(fingerprint),
        argMax((type, title, culprit, level::String, platform::String), timestamp)) AS said
    FROM errors
    WHERE project_id = {project_id:String} AND group_hash IN {hashes:Array(UInt64)}
    GROUP BY group_hash
    LIMIT {limit:UInt32}
) AS words ON hours.group_hash = words.group_hash
LIMIT {limit:UInt32}
"""
STORED = """
SELECT count(), toUnixTimestamp64Micro(min(timestamp))
FROM errors
WHERE {where}
LIMIT 1
"""
# What arrived on a later day, or happened in a later hour, is read of the hours, which outlive
# rows; the rest is read of the rows. An event may be a minute ahead of its arrival
# (processors/errors/moments.py).
SINCE = """
WITH
    fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AS since,
    toStartOfHour(since + INTERVAL 1 MINUTE) + INTERVAL 1 HOUR AS later
SELECT sum(counted) AS events, uniqExactMerge(met) AS people
FROM (
    SELECT sum(events) AS counted, uniqExactMergeState(people) AS met
    FROM error_hours
    WHERE project_id = {project_id:String} AND group_hash IN {hashes:Array(UInt64)}
        AND (received_date > toDate(since) OR hour >= later)
    UNION ALL
    SELECT count() AS counted,
        CAST(uniqExactStateIf(user_hash, user_hash != 0) AS AggregateFunction(uniqExact, UInt64))
    FROM errors
    WHERE project_id = {project_id:String} AND group_hash IN {hashes:Array(UInt64)}
        AND received_at > since AND received_date = toDate(since) AND timestamp < later
)
LIMIT 1
"""


class Hour(NamedTuple):
    """Events of one hour of UTC, by its first moment in microseconds since 1970."""

    at_us: int
    events: int
    people: int


class TagValue(NamedTuple):
    """A value, and how many events have it."""

    value: str
    events: int


class TagBreakdown(NamedTuple):
    """What events have under one key, the most frequent values first."""

    key: str
    is_tag: bool
    """Whether a sender made it up; else it is a field that every event may have."""
    events: int
    """With any value."""
    values: int
    """How many different ones."""
    top: list[TagValue]


class StoredEvents(NamedTuple):
    """What of an issue can still be opened; counts may tell of more."""

    events: int
    from_us: int | None
    """When the first of these was; `None` where there is none."""


class Since(NamedTuple):
    """What arrived after a moment."""

    events: int
    people: int


async def read_hours(
    warehouse: Warehouse, project: ProjectContext, hashes: Sequence[int], wanted: ErrorFilter
) -> list[Hour]:
    """Returns the hours that have events, the first one first; of a year at most, the newest."""
    by_rows = wanted.reads_rows
    where = (rows_condition if by_rows else hours_condition)(project, wanted, hashes)
    sql = (ROW_HOURS if by_rows else HOURS).replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values | {"limit": MOST_HOURS})).rows
    return [Hour(row[0] * 1_000_000, row[1], row[2]) for row in reversed(rows)]


async def read_tags(
    warehouse: Warehouse, project: ProjectContext, hashes: Sequence[int], wanted: ErrorFilter
) -> list[TagBreakdown]:
    """Returns what the newest events have under each key, fields before tags."""
    where = rows_condition(project, wanted, hashes)
    titled = ", ".join(f"(toUInt8(0), '{name}', toString({name}))" for name in TITLED)
    sql = TAGS.replace("{titled}", titled).replace("{where}", where.sql)
    bounds = {"looked_at": MOST_LOOKED_AT, "values": MOST_VALUES, "limit": MOST_ROWS}
    rows = (await warehouse.query(sql, where.values | bounds)).rows
    found: dict[tuple[int, str], TagBreakdown] = {}
    for is_tag, key, value, events, of_key, values in rows:
        one = found.get((is_tag, key))
        if one is None:
            name = key_of(key) if is_tag else key
            one = found[is_tag, key] = TagBreakdown(name, bool(is_tag), of_key, values, [])
        one.top.append(TagValue((read_tag(value) or "") if is_tag else value, events))
    return sorted(found.values(), key=_order)


async def read_sightings(
    warehouse: Warehouse, project: ProjectContext, hashes: Sequence[int]
) -> list[Sighting]:
    """Returns what is known of groups, for an issue that they belong to.

    Where all events of a group are deleted its fingerprint and its words are empty.
    """
    values = {"project_id": project.project_id, "hashes": list(hashes), "limit": len(hashes)}
    return [_sighting(project, *row) for row in (await warehouse.query(SEEN, values)).rows]


async def read_stored(
    warehouse: Warehouse, project: ProjectContext, hashes: Sequence[int], wanted: ErrorFilter
) -> StoredEvents:
    """Returns how many events of an issue are left, and since when."""
    where = rows_condition(project, wanted, hashes)
    sql = STORED.replace("{where}", where.sql)
    events, from_us = (await warehouse.query(sql, where.values)).rows[0]
    return StoredEvents(events, from_us if events else None)


async def count_since(
    warehouse: Warehouse, project: ProjectContext, hashes: Sequence[int], since_us: int
) -> Since:
    """Counts what arrived after a moment, exactly, also where retention has deleted the events.

    Of these, only what arrived on the day of that moment and happened within its hour, or before,
    is counted no more.
    """
    values = {"project_id": project.project_id, "hashes": list(hashes), "since_us": since_us}
    return Since(*(await warehouse.query(SINCE, values)).rows[0])


def _order(one: TagBreakdown) -> tuple[bool, int, int, str]:
    place = 0 if one.is_tag else TITLED.index(one.key)
    return one.is_tag, place, -one.events, one.key


def _sighting(
    project: ProjectContext,
    fingerprint: str,
    group_hash: int,
    first_us: int,
    last_us: int,
    words: Sequence[str] | Mapping[str, Any],
    *named: Any,
) -> Sighting:
    type_, title, culprit, level, platform = words.values() if isinstance(words, Mapping) else words
    first, last = Named(named[0], named[1]), Named(named[2], named[3])
    return Sighting(
        project_id=project.project_id,
        fingerprint=fingerprint,
        group_hash=group_hash,
        first_us=first_us,
        last_us=last_us,
        type=type_,
        title=title,
        culprit=culprit,
        level=level,
        platform=platform,
        first_release=first if first.release else None,
        last_release=last if last.release else None,
        arrivals={},
    )
