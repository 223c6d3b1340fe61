"""Scores in numbers: by name and whatever calls are grouped by, and how their values spread.

A score is joined with the call that it is about, or else with the first call of its trace, whenever
either came. What it says itself of session, user and environment counts before what the call says.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import ScoreFilter, counting, score_condition
from clickhouse.queries.periods import PERIODS, Periods, period_sql, period_values
from clickhouse.queries.values import without_noise
from clickhouse.tags import read_tag, tag_sql
from schemas.llm.score_answers import CategoryShare, RangeShare, ScoreGroup, ScoreSpread
from schemas.projects import ProjectContext
from schemas.zones import Clock, clock_of

METADATA = "metadata."
PERCENTILES = ("p50", "p90", "p95", "p99")
MOST_CATEGORIES = 50
BUCKETS = 20
MOST_NAMES = 500
OWN: Mapping[str, str] = {
    "source": "s.source::String",
    "author": "s.author",
    "value": "s.text",
}
"""Dimensions that no call is asked for."""
CALLED: Mapping[str, str] = {
    "model": "model_requested",
    "api_key": "api_key",
    "provider": "provider",
    "status": "status",
    "prompt": "prompt",
    "prompt_version": "prompt_version",
}
SAID_BY_BOTH: Mapping[str, tuple[str, str]] = {
    "environment": ("environment", "environment"),
    "session_id": ("session_id", "session_id"),
    "user": ("user_id", "user_id"),
}
DIMENSIONS = (*OWN, *CALLED, *SAID_BY_BOTH, "release", "deployment")
NUMBERS = """count() AS scores,
    avg(s.value),
    min(s.value),
    max(s.value),
    quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)(s.value)"""
GROUPS = """
SELECT
    s.name::String AS name,
    s.data_type::String AS data_type,
    {keys}{numbers}
FROM
(
    SELECT score_id, timestamp, name, data_type, value, text, source, author, environment,
        trace_id, call_id, session_id, user_id
    FROM {counting}
) AS s
{joins}
GROUP BY {grouped}
ORDER BY scores DESC, {grouped}
LIMIT {limit:UInt32}
"""
CALLS = """
LEFT ANY JOIN
(
    SELECT of, min(timestamp) AS at, {columns}
    FROM
    (
        SELECT
            arrayJoin(if(length(trace_id) = 49, [trace_id, substring(trace_id, 1, 32)], [trace_id]))
                AS of,
            timestamp, trace_id, {read}
        FROM traces
        WHERE project_id = {project_id:String}
            AND (trace_id IN ({ids}) OR substring(trace_id, 1, 32) IN ({ids}))
    )
    GROUP BY of
) AS {alias} ON {alias}.of = s.{key}"""
IDS = "SELECT {key} FROM scores WHERE {where} AND {key} != ''"
CALLED_AT = "multiIf(c.of != '', c.at, t.of != '', t.at, s.timestamp)"
DEPLOYMENT = """transform(
        roundDown(toUnixTimestamp64Micro({at}), {switches:Array(Int64)}),
        {switches:Array(Int64)}, {deployments:Array(String)}, '')"""
SWITCHES = """
SELECT toUnixTimestamp64Micro(assumeNotNull(switched_at)), deployment_id
FROM deployments FINAL
WHERE project_id = {project_id:String} AND switched_at IS NOT NULL
ORDER BY switched_at DESC, deployment_id
LIMIT {limit:UInt32}
"""
MOST_SWITCHES = 1_000
BEFORE_ALL_US = -(1 << 62)
BUCKET = """least({last}, toInt64(
        (assumeNotNull(s.value) - {least_of:Array(Float64)}[{at}])
            / {widths:Array(Float64)}[{at}]))""".replace(
    "{at}", "indexOf({names:Array(String)}, s.name::String)"
)
SPREAD = """
SELECT s.name::String, s.data_type::String, {bucket} AS bucket, count() AS scores
FROM
(
    SELECT name, data_type, value, text
    FROM {counting}
) AS s
WHERE {which}
GROUP BY s.name, s.data_type, bucket
ORDER BY scores DESC, bucket
LIMIT {most:UInt32} BY s.name, s.data_type
LIMIT {rows:UInt32}
"""
MOST_SHARES = 5_000
"""Of all names together: so many of the longest words are less than an answer may have."""


class ScoreGrouping(NamedTuple):
    """By what scores are grouped, beside their names; how many groups, the largest first."""

    names: tuple[str, ...] = ()
    limit: int = 100


class _Keys(NamedTuple):
    """Expressions of the keys, and what has to be joined for them."""

    sql: list[str]
    joins: str
    values: dict[str, Any]


async def sum_scores(
    warehouse: Warehouse, project: ProjectContext, wanted: ScoreFilter, grouping: ScoreGrouping
) -> list[ScoreGroup]:
    """Returns the largest groups. Both ends of the range of `wanted` are set."""
    clock = _clock(project, wanted)
    where = score_condition(project, wanted)
    keys = await _keys(warehouse, project, grouping.names, clock, where.sql)
    named = ["name", "data_type", *(f"k{n}" for n in range(len(keys.sql)))]
    columns = "".join(f"{sql} AS k{n},\n    " for n, sql in enumerate(keys.sql))
    sql = GROUPS.replace("{keys}", columns).replace("{numbers}", NUMBERS)
    sql = sql.replace("{joins}", keys.joins).replace("{grouped}", ", ".join(named))
    sql = sql.replace("{counting}", counting(where.sql))
    values = where.values | keys.values | {"limit": grouping.limit}
    answer = await warehouse.query(sql, values)
    return [_group(row, grouping.names, clock) for row in answer.rows]


async def spread_scores(
    warehouse: Warehouse, project: ProjectContext, wanted: ScoreFilter, of: Sequence[ScoreGroup]
) -> list[ScoreSpread]:
    """Returns how the values of these names are spread: categories, or ranges of one width."""
    where = score_condition(project, wanted)
    ranged = [one for one in of if one.data_type == "numeric" and one.minimum is not None]
    values = where.values | {
        "names": [one.name for one in ranged],
        "least_of": [one.minimum for one in ranged],
        "widths": [_width(one) for one in ranged],
    }
    bucket = BUCKET.replace("{last}", str(BUCKETS - 1))
    sql = SPREAD.replace("{counting}", counting(where.sql))
    ranges: Sequence[Sequence[Any]] = ()
    words: Sequence[Sequence[Any]] = ()
    if ranged:
        which = "s.data_type = 'numeric' AND s.name::String IN {names:Array(String)}"
        asked = sql.replace("{bucket}", bucket).replace("{which}", which)
        bounds = {"most": BUCKETS, "rows": BUCKETS * len(ranged)}
        ranges = (await warehouse.query(asked, values | bounds)).rows
    if worded := [one.name for one in of if one.data_type in ("boolean", "categorical")]:
        asked = sql.replace("{bucket}", "s.text").replace(
            "{which}",
            "s.data_type IN ('boolean', 'categorical') AND s.name::String IN {names:Array(String)}",
        )
        named = where.values | {"names": worded}
        bounds = {"most": MOST_CATEGORIES, "rows": MOST_SHARES}
        words = (await warehouse.query(asked, named | bounds)).rows
    return [_spread(one, ranges, words) for one in of]


async def _keys(
    warehouse: Warehouse, project: ProjectContext, names: Sequence[str], clock: Clock, where: str
) -> _Keys:
    columns: dict[str, str] = {}
    found = []
    values: dict[str, Any] = period_values(clock)
    needs_calls = False
    for name in names:
        if name in PERIODS:
            found.append(period_sql(name, clock, "s.timestamp"))
        elif name in OWN:
            found.append(OWN[name])
        elif name == "deployment":
            values |= await _switches(warehouse, project)
            found.append(DEPLOYMENT.replace("{at}", CALLED_AT))
            needs_calls = True
        else:
            own, column = _called(name)
            columns[f"x{len(columns)}"] = column
            said = f"if(c.of != '', c.x{len(columns) - 1}, t.x{len(columns) - 1})"
            found.append(f"if(s.{own} != '', s.{own}, {said})" if own else said)
            needs_calls = True
    joins = _joins(columns, where) if needs_calls else ""
    return _Keys(found, joins, values)


def _called(name: str) -> tuple[str, str]:
    """Returns which column of a score says it too, if any, and the expression of the call's."""
    if name in SAID_BY_BOTH:
        return SAID_BY_BOTH[name]
    if name == "release":
        release, version = tag_sql("release"), tag_sql("version")
        return "", f"if({release} != '', {release}, {version})"
    if name in CALLED:
        return "", CALLED[name]
    return "", tag_sql(name.removeprefix(METADATA))


def _joins(columns: Mapping[str, str], where: str) -> str:
    first = ", ".join(f"argMin({name}, (timestamp, trace_id)) AS {name}" for name in columns)
    read = ", ".join(f"{column}::String AS {name}" for name, column in columns.items())
    calls = CALLS.replace("{columns}", first or "1 AS x").replace("{read}", read or "1 AS y")
    return "".join(
        calls.replace("{ids}", IDS.replace("{where}", where))
        .replace("{key}", key)
        .replace("{alias}", alias)
        for alias, key in (("c", "call_id"), ("t", "trace_id"))
    )


async def _switches(warehouse: Warehouse, project: ProjectContext) -> dict[str, Any]:
    values = {"project_id": project.project_id, "limit": MOST_SWITCHES}
    rows = (await warehouse.query(SWITCHES, values)).rows
    every = [(BEFORE_ALL_US, ""), *reversed(rows)]
    return {"switches": [at for at, _ in every], "deployments": [one for _, one in every]}


def _clock(project: ProjectContext, wanted: ScoreFilter) -> Clock:
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    return clock_of(project.time_zone, wanted.from_us, wanted.to_us)


def _group(row: Sequence[Any], names: tuple[str, ...], clock: Clock) -> ScoreGroup:
    name, data_type, *rest = row
    keys, (count, average, least, most, percentiles) = rest[: len(names)], rest[len(names) :]
    has_numbers = average is not None
    return ScoreGroup(
        name=name,
        data_type=data_type,
        key={one: _key(one, key, clock) for one, key in zip(names, keys, strict=True)},
        count=count,
        average=without_noise(average) if has_numbers else None,
        minimum=least,
        maximum=most,
        **dict(zip(PERCENTILES, percentiles if has_numbers else [None] * 4, strict=True)),
    )


def _key(name: str, key: Any, clock: Clock) -> str | None:
    if name in PERIODS:
        return Periods(clock, name).label(key).start
    if name.startswith(METADATA) or name == "release":
        return read_tag(key)
    return key or None


def _width(group: ScoreGroup) -> float:
    assert group.minimum is not None
    assert group.maximum is not None
    return (group.maximum - group.minimum) / BUCKETS or 1.0


def _spread(
    group: ScoreGroup, ranges: Sequence[Sequence[Any]], words: Sequence[Sequence[Any]]
) -> ScoreSpread:
    own = (group.name, group.data_type)
    categories = [CategoryShare(row[2], row[3]) for row in words if (row[0], row[1]) == own]
    if group.data_type != "numeric" or group.minimum is None:
        return ScoreSpread(group.name, group.data_type, categories, [])
    least, width = group.minimum, _width(group)
    counts = {row[2]: row[3] for row in ranges if (row[0], row[1]) == own}
    shares = [
        RangeShare(least + n * width, least + (n + 1) * width, count)
        for n, count in sorted(counts.items())
    ]
    return ScoreSpread(group.name, group.data_type, [], shares)
