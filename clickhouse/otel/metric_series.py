"""A metric over time: the buckets of its groups, and the exemplars of its points.

A cumulative sum says what was counted since a start. What counts is its growth: the difference to
the point before in the same series. After a reset that is the point itself. A reset is a start that
is later than the point before, or a value that is smaller. The first point of a series has nothing
before it: it counts if the series started within the range that is read, which begins some time
before the one that is asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.otel.distributions import Interval
from clickhouse.otel.metric_filters import MetricFilter, condition, group_sql
from schemas.projects import ProjectContext

MOST_GROUPS = 20
MOST_ROWS = 500_000
MOST_EXEMPLARS = 100
LOOKBACK_US = 600_000_000
"""Ten minutes before the range at least: exporters send every minute."""
HISTOGRAMS = ("histogram", "exponential_histogram", "summary")
GROUPS = """
SELECT {group} AS k, count() AS n
FROM otel_points
WHERE {where}
GROUP BY k
ORDER BY n DESC, k
LIMIT {limit:UInt32}
"""
BUCKET = "intDiv(at_us, {step_us:Int64})"
GAUGES = """
SELECT k, bucket, sum(n), sum(total) / sum(n), min(least), max(most), argMax(newest, (at, series)),
    sum(newest)
FROM (
    SELECT k, bucket, series, count() AS n, sum(told) AS total, min(told) AS least,
        max(told) AS most, argMax(told, at_us) AS newest, max(at_us) AS at
    FROM (
        SELECT {group} AS k, series, toUnixTimestamp64Micro(timestamp) AS at_us, {bucket} AS bucket,
            assumeNotNull(value) AS told
        FROM otel_points
        WHERE {where}
            AND value IS NOT NULL
            AND k IN {groups:Array(String)}
    )
    GROUP BY k, bucket, series
)
GROUP BY k, bucket
ORDER BY k, bucket
LIMIT {limit:UInt32}
"""
# A start that nobody gives is 1970. By `counted` a point is smaller than the one before.
FOLLOWING = """
    SELECT k, at_us, counted, told, {columns},
        lagInFrame(at_us) OVER w AS before_us,
        lagInFrame(counted) OVER w AS counted_before,
        {lags}
        multiIf(
            how = 'delta', 'alone',
            before_us = 0, if(started_us >= {since_us:Int64}, 'alone', 'unknown'),
            started_us != lagInFrame(started_us) OVER w AND started_us >= before_us
                OR only_grows AND counted < counted_before, 'alone',
            'grown') AS follows
    FROM (
        SELECT {group} AS k, series, temporality::String AS how,
            is_monotonic OR kind != 'sum' AS only_grows,
            toUnixTimestamp64Micro(timestamp) AS at_us,
            toUnixTimestamp64Micro(started) AS started_us, {counted} AS counted, {told} AS told,
            {sources}
        FROM otel_points
        WHERE {where}
            AND {is_there}
            AND k IN {groups:Array(String)}
    )
    WINDOW w AS (PARTITION BY series ORDER BY at_us ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"""
SUMS = """
SELECT k, {bucket} AS bucket, count(),
    sum(multiIf(follows = 'alone', told, follows = 'grown', told - counted_before, 0))
FROM ({following}
)
WHERE at_us >= {first_us:Int64}
GROUP BY k, bucket
ORDER BY k, bucket
LIMIT {limit:UInt32}
"""
COUNTS = """
SELECT k, {bucket} AS bucket, count(),
    sum(multiIf(follows = 'alone', counted, follows = 'grown', counted - counted_before, 0)),
    sum(multiIf(follows = 'alone', told, follows = 'grown', told - told_before, 0)),
    if(countIf(least IS NULL) = 0, min(least), NULL), if(countIf(most IS NULL) = 0, max(most), NULL)
FROM ({following}
)
WHERE at_us >= {first_us:Int64}
GROUP BY k, bucket
ORDER BY k, bucket
LIMIT {limit:UInt32}
"""
# What a point adds to its distribution, less what the one before had: equal intervals add up to
# nothing, and where the resolution has changed in between the rest is right at the coarser edges.
SPREAD = """
SELECT k, {bucket} AS bucket, part.1 AS lower, part.2 AS upper, sum(part.3) AS n
FROM (
    SELECT k, at_us, arrayJoin(multiIf(
        follows = 'alone', parts,
        follows = 'grown', arrayConcat(
            parts, arrayMap(one -> (one.1, one.2, -one.3), parts_before)),
        [])) AS part
    FROM ({following}
    )
    WHERE at_us >= {first_us:Int64}
)
GROUP BY k, bucket, lower, upper
HAVING n != 0
ORDER BY k, bucket, lower, upper
"""
# Lengths that do not agree are no histogram.
PARTS = """if(kind = 'exponential_histogram',
                arrayConcat(
                    [(-zero_threshold, zero_threshold, toInt64(zero_count))],
                    arrayMap((n, place) -> (
                            exp2((positive_offset + place - 1) * exp2(-ifNull(scale, 0))),
                            exp2((positive_offset + place) * exp2(-ifNull(scale, 0))), toInt64(n)),
                        positive_counts, arrayEnumerate(positive_counts)),
                    arrayMap((n, place) -> (
                            -exp2((negative_offset + place) * exp2(-ifNull(scale, 0))),
                            -exp2((negative_offset + place - 1) * exp2(-ifNull(scale, 0))),
                            toInt64(n)),
                        negative_counts, arrayEnumerate(negative_counts))),
                if(length(counts) = length(bounds) + 1,
                    arrayMap((lower, upper, n) -> (lower, upper, toInt64(n)),
                        arrayPushFront(bounds, -inf), arrayPushBack(bounds, inf),
                        arrayResize(counts, length(bounds) + 1)),
                    []))"""
EXEMPLARS = """
SELECT DISTINCT toUnixTimestamp64Micro(at) AS at_us, value_of, trace_id, span_id
FROM (
    SELECT exemplar_times, exemplar_values, exemplar_trace_ids, exemplar_span_ids
    FROM otel_points
    WHERE {where}
        AND notEmpty(exemplar_times)
)
ARRAY JOIN exemplar_times AS at, exemplar_values AS value_of, exemplar_trace_ids AS trace_id,
    exemplar_span_ids AS span_id
WHERE at_us >= {from_us:Int64} AND at_us <= {to_us:Int64}
ORDER BY at_us DESC, value_of DESC, trace_id, span_id
LIMIT {limit:UInt32}
"""

Place = tuple[str, int]
"""A group and the number of a bucket."""


class Asked(Struct, frozen=True, kw_only=True):
    """A metric over time: which points, in which buckets, by what."""

    wanted: MetricFilter
    step_us: int
    group_by: str | None = None

    @property
    def since_us(self) -> int:
        """From when on points are read, for the differences."""
        return self.wanted.from_us - max(LOOKBACK_US, self.step_us)

    def start_us(self, bucket: int) -> int:
        """Returns the first moment of a bucket: they begin at whole steps since 1970."""
        return bucket * self.step_us


class Gauge(Struct, frozen=True):
    """A bucket of a gauge."""

    points: int
    average: float
    least: float
    most: float
    newest: float
    total: float


class Growth(Struct, frozen=True):
    """A bucket of a sum."""

    points: int
    by: float


class Spread(Struct, frozen=True):
    """A bucket of a histogram, without its distribution."""

    points: int
    count: int
    sum: float
    least: float | None
    most: float | None


class Exemplar(Struct, frozen=True):
    """One measurement."""

    at_us: int
    value: float
    trace_id: str
    span_id: str


async def list_groups(
    warehouse: Warehouse, project: ProjectContext, asked: Asked
) -> tuple[list[str], bool]:
    """Returns the groups with most points as they are stored, and whether there are others."""
    where = condition(project, asked.wanted)
    sql = GROUPS.replace("{where}", where.sql).replace("{group}", group_sql(asked.group_by))
    rows = (await warehouse.query(sql, {**where.values, "limit": MOST_GROUPS + 1})).rows
    found = [row[0] for row in rows]
    return found[:MOST_GROUPS], len(found) > MOST_GROUPS


async def read_gauges(
    warehouse: Warehouse, project: ProjectContext, asked: Asked, groups: Sequence[str]
) -> dict[Place, Gauge]:
    """Returns the buckets of a gauge."""
    where = condition(project, asked.wanted)
    sql = _grouped(GAUGES, asked).replace("{where}", where.sql)
    rows = (await warehouse.query(sql, {**where.values, **_values(asked, groups)})).rows
    return {(row[0], row[1]): Gauge(*row[2:]) for row in rows}


async def read_sums(
    warehouse: Warehouse, project: ProjectContext, asked: Asked, groups: Sequence[str]
) -> dict[Place, Growth]:
    """Returns the buckets of a sum."""
    parts = {"counted": "assumeNotNull(value)", "told": "assumeNotNull(value)"}
    following = _following(parts | {"is_there": "value IS NOT NULL"})
    rows = await _read(warehouse, project, asked, groups, SUMS.replace("{following}", following))
    return {(row[0], row[1]): Growth(*row[2:]) for row in rows}


async def read_histograms(
    warehouse: Warehouse, project: ProjectContext, asked: Asked, groups: Sequence[str]
) -> dict[Place, Spread]:
    """Returns the buckets of a histogram."""
    following = _following(
        OF_COUNTS,
        columns="least, most",
        lags="lagInFrame(told) OVER w AS told_before,",
        sources="min AS least, max AS most",
    )
    rows = await _read(warehouse, project, asked, groups, COUNTS.replace("{following}", following))
    return {(row[0], row[1]): Spread(*row[2:]) for row in rows}


async def read_distributions(
    warehouse: Warehouse, project: ProjectContext, asked: Asked, groups: Sequence[str]
) -> dict[Place, list[Interval]]:
    """Returns how the values of each bucket lie. Raises `QueryTooExpensive` for too many."""
    following = _following(
        OF_COUNTS,
        columns="parts",
        lags="lagInFrame(parts) OVER w AS parts_before,",
        sources=f"{PARTS} AS parts",
    )
    sql = SPREAD.replace("{following}", following)
    found: dict[Place, list[Interval]] = {}
    for k, bucket, lower, upper, count in await _read(warehouse, project, asked, groups, sql):
        found.setdefault((k, bucket), []).append(Interval(lower, upper, count))
    return found


async def list_exemplars(
    warehouse: Warehouse, project: ProjectContext, wanted: MetricFilter
) -> list[Exemplar]:
    """Returns the newest exemplars of a range."""
    where = condition(project, wanted)
    sql = EXEMPLARS.replace("{where}", where.sql)
    rows = (await warehouse.query(sql, {**where.values, "limit": MOST_EXEMPLARS})).rows
    return [Exemplar(*row) for row in rows]


OF_COUNTS: Mapping[str, str] = {
    "counted": "toInt64(assumeNotNull(count))",
    "told": "ifNull(sum, 0)",
    "is_there": "count IS NOT NULL",
}


def _following(
    parts: Mapping[str, str], *, columns: str = "1", lags: str = "", sources: str = "1"
) -> str:
    given = {**parts, "columns": columns, "lags": lags, "sources": sources}
    sql = FOLLOWING
    for name, text in given.items():
        sql = sql.replace(f"{{{name}}}", text)
    return sql


async def _read(
    warehouse: Warehouse, project: ProjectContext, asked: Asked, groups: Sequence[str], sql: str
) -> Sequence[Sequence[Any]]:
    """Runs a statement about points that follow one another."""
    where = condition(project, asked.wanted, asked.since_us)
    bound = {**where.values, **_values(asked, groups)}
    bound |= {"since_us": asked.since_us, "first_us": asked.wanted.from_us}
    statement = _grouped(sql, asked).replace("{where}", where.sql)
    return (await warehouse.query(statement, bound, max_result_rows=MOST_ROWS)).rows


def _grouped(sql: str, asked: Asked) -> str:
    return sql.replace("{bucket}", BUCKET).replace("{group}", group_sql(asked.group_by))


def _values(asked: Asked, groups: Sequence[str]) -> dict[str, Any]:
    return {"groups": list(groups), "step_us": asked.step_us, "limit": MOST_ROWS}
