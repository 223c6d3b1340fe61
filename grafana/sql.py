"""What the dashboards' statements are put together from.

The plugin and Grafana replace what begins with a dollar sign before the store sees it:

1. `$__fromTime_ms`, `$__toTime_ms`: both ends of the range. Both belong to it.
2. `$__conditionalAll(condition, $variable)`: the condition, or `1=1` where All is chosen.
3. `${variable:percentencode}`: what is chosen, as in a URL. It is the only form in which no quote,
   backslash or dollar sign is left. Several values are `{a,b}`. So that a comma in a value is told
   from one between two, a variable's values are encoded themselves: `variables.py`.
4. `${__timezone:percentencode}`: the reader's time zone, an IANA name or `utc`.

Sums are exact at both ends: whole hours come from a rollup, what is left over from base rows.
"""

from collections.abc import Iterable, Sequence

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
MINUTES_UP_TO_S = HOUR_S
"""Ranges up to here have a point a minute,"""
FIVE_MINUTES_UP_TO_S = 6 * HOUR_S
"""up to here one every five minutes, from base rows alone,"""
HOURS_UP_TO_S = 14 * DAY_S
"""up to here one an hour, and longer ones one a day of the reader's time zone."""
MOST_POINTS = 20_000

ZONE = "${__timezone:percentencode}"
CLOCK = f"""WITH
    $__fromTime_ms AS since,
    $__toTime_ms AS until,
    dateDiff('second', since, until) AS range_s,
    range_s <= {FIVE_MINUTES_UP_TO_S} AS is_short,
    if(is_short, since, toDateTime64(toStartOfHour(since + INTERVAL 3599999 MILLISECOND, 'UTC'), 3))
        AS from_hour,
    if(is_short, since, toDateTime64(toStartOfHour(until + INTERVAL 1 MILLISECOND, 'UTC'), 3))
        AS end_hour,
    toDateTime64(toStartOfDay(from_hour + INTERVAL 86399999 MILLISECOND, 'UTC'), 3) AS first_day,
    greatest(first_day, toDateTime64(toStartOfDay(end_hour, 'UTC'), 3)) AS end_day"""
"""The range, its whole hours, which a rollup answers for, and the whole days of UTC in these.

No name of it may be that of a column, as `first_hour`: within a subquery the column would win.
"""
STEPS = f""",
    if(lower('{ZONE}') = 'utc', 'UTC', decodeURLComponent('{ZONE}')) AS zone,
    range_s > {HOURS_UP_TO_S} AS is_daily,
    multiIf(range_s <= {MINUTES_UP_TO_S}, {MINUTE_S}, is_short, {5 * MINUTE_S}, {HOUR_S}) AS step_s,
    is_daily AND (timeZoneOffset(toTimeZone(since, zone)) % {HOUR_S} != 0
        OR timeZoneOffset(toTimeZone(until, zone)) % {HOUR_S} != 0) AS has_split_hours"""
"""How far the points of a chart lie from each other, on the reader's clock."""
NAMES = """(
    SELECT
        project_id,
        if(count() OVER (PARTITION BY name) > 1,
            concat(name, ' (', left(toString(project_id), 8), ')'), name) AS name
    FROM projects FINAL
)"""
"""Projects by name; where two have one name, with the begin of their ids."""
BASE = {
    "requests": "toUInt64(1)",
    "spans": "toUInt64(1)",
    "errors": "toUInt64(status = 'error')",
    "unpriced": "toUInt64(reported_cost IS NULL AND computed_cost IS NULL)",
    "input": "toUInt128(ifNull(input_tokens, 0))",
    "output": "toUInt128(ifNull(output_tokens, 0))",
    "cache_read": "toUInt128(ifNull(cache_read_tokens, 0))",
    "cache_write": "toUInt128(ifNull(cache_write_tokens, 0))",
    "reasoning": "toUInt128(ifNull(reasoning_tokens, 0))",
}
"""Of a base row, by the name of what is added up."""
ROLLED = {
    "requests": "requests",
    "errors": "if(status = 'error', requests, 0)",
    "unpriced": "unpriced",
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}
"""Of a row of a rollup."""
SKETCH = "(0.01, 0.5, 0.9, 0.95, 0.99)"
NO_SKETCH = f"arrayReduce('quantilesDDState{SKETCH}', emptyArrayUInt64())"
SKETCHED = {"requests", "spread"}
"""Measures of which base rows are read where users are chosen and a sketch is asked for."""
WITHIN = "timestamp >= since AND timestamp <= until"
BILLED = "\n        AND billing = ''"
"""Of the rows of `traces`: the rollups have sums of these alone."""
GREATEST = f"initializeAggregation('quantilesDDState{SKETCH}', 18446744073709551615)"
PLACES = {50: 1, 90: 2, 95: 3, 99: 4}
"""Of a percentile in what the sketch answers."""


def chosen(column: str, variable: str) -> str:
    """Returns the condition that a column has one of a variable's values, or any with All.

    A set from a subquery: with an array the engine compares text by text, 20 times as long.
    """
    encoded = f"decodeURLComponent('${{{variable}:percentencode}}')"
    values = f"splitByChar(',', trim(BOTH '{{}}' FROM {encoded}))"
    listed = f"arrayMap(v -> decodeURLComponent(v), {values})"
    return f"$__conditionalAll({column} IN (SELECT arrayJoin({listed})), ${variable})"


def is_all(variable: str) -> str:
    """Returns the condition that a variable is left at All."""
    return f"$__conditionalAll(1 = 0, ${variable})"


def filters(**columns: str) -> str:
    """Returns the conditions of variables, each given with its column."""
    return "".join(f"\n        AND {chosen(column, name)}" for name, column in columns.items())


def counted(reported: str, computed: str) -> str:
    """Returns the cost that counts of a row: as the reader chooses, else as its project has it."""
    return f"""multiIf(
            '${{cost:percentencode}}' = 'reported', {reported},
            '${{cost:percentencode}}' = 'computed', {computed},
            project_id IN (
                SELECT project_id FROM projects FINAL WHERE cost_preference = 'computed'),
            {computed},
            {reported})"""


def summed(measures: Iterable[str], indent: str = "    ") -> str:
    """Returns the sums over what `calls` gives, as the plugin can show them."""
    return f",\n{indent}".join(f"toFloat64(sum({name})) AS {name}" for name in measures)


def calls(
    keys: Sequence[str], measures: Sequence[str], *, rollup: str = "trace_sums", steps: bool = False
) -> str:
    """Returns rows to add up: keys, measures, with `steps` the time of the point they belong to.

    `rollup` is `trace_sums`, which knows no users, or `session_sums`, which knows users and
    sessions. Where users are chosen, the second answers for the first; but it has no sketches, so
    these come from base rows. Behind `CLOCK`, with `steps` also `STEPS`.
    """
    where = filters(project="project_id", model="model_requested", environment="environment")
    mine = filters(user="user_id")
    grouped = _grouped(keys, measures, steps)
    whole, left_over = _whole("bucket", steps), f"NOT ({_whole('timestamp', steps)})"
    rolled = _columns("bucket", keys, _rolled(measures), steps)
    if rollup == "session_sums":
        arms = [_arm(rolled, rollup, f"{whole}{where}{mine}")]
    else:
        every = f"{where}\n        AND {is_all('user')}"
        some = f"{where}{mine}\n        AND NOT ({is_all('user')})"
        arms = [_arm(rolled, rollup, f"{grain}{every}") for grain in _grains(steps)]
        if set(measures) != SKETCHED:
            arms.append(_of_users(keys, measures, steps, f"{whole}{some}"))
        if "spread" in measures:
            sketches = _columns("timestamp", keys, _sketches(measures), steps)
            at = f"{WITHIN} AND NOT ({left_over})"
            arms.append(_arm(sketches, "traces", f"{at}{some}{BILLED}{grouped}"))
    base = _columns("timestamp", keys, _base(measures), steps)
    arms.append(_arm(base, "traces", f"{WITHIN} AND {left_over}{where}{mine}{BILLED}{grouped}"))
    return "(\n    " + "\n    UNION ALL\n    ".join(arms) + "\n)"


def spans(keys: Sequence[str], measures: Sequence[str], *, steps: bool = False) -> str:
    """Returns rows to add up of agents' events, as `calls` does of calls; `tool` may be a key."""
    where = filters(project="project_id", source="source")
    base_keys = ["ifNull(tool_name, '') AS tool" if key == "tool" else key for key in keys]
    rolled = [f"{_rolled_span(name)} AS {name}" for name in measures]
    base = [f"{base_one(name)} AS {name}" for name in measures]
    return f"""(
    SELECT {_columns("bucket", keys, rolled, steps)}
    FROM spans_hourly
    WHERE {_whole("bucket", steps)}{where}
    UNION ALL
    SELECT {_columns("timestamp", base_keys, base, steps)}
    FROM spans
    WHERE timestamp >= since AND timestamp <= until
        AND NOT ({_whole("timestamp", steps)}){where}
)"""


def percentile(share: int, state: str = "spread", count: str = "measured") -> str:
    """Returns a percentile in seconds of a merged sketch of nanoseconds.

    By linear interpolation, as the API answers it: the sketch itself gives the value at the lower
    rank, which of few values is the wrong one.
    """
    place = PLACES[share]
    lower, one, two = (
        f"finalizeAggregation({added})[{place}]"
        for added in (state, f"{state} + {GREATEST}", f"{state} + {GREATEST} + {GREATEST}")
    )
    rest = f"({share} * ({count} - 1) % 100)"
    upper = f"if({rest} + {share} >= 100, {one}, {two})"
    value = f"if({rest} = 0, {lower}, {lower} + ({upper} - {lower}) * {rest} / 100)"
    return f"if({count} = 0, NULL, {value} / 1e9)"


def point(time: str) -> str:
    """Returns the begin of the point that a time belongs to."""
    begun = f"intDiv(toUnixTimestamp({time}), step_s) * step_s"
    return f"if(is_daily, toStartOfDay({time}, zone), toDateTime({begun}, zone))"


def base_one(name: str) -> str:
    """Returns what is added up of a base row, by its name in `BASE`, or `cost`."""
    if name == "cost":
        return counted(
            "ifNull(coalesce(reported_cost, computed_cost), 0)",
            "ifNull(coalesce(computed_cost, reported_cost), 0)",
        )
    return BASE.get(name, name)


def _arm(columns: str, table: str, where: str) -> str:
    return f"SELECT {columns}\n    FROM {table}\n    WHERE {where}"


def _columns(time: str, keys: Sequence[str], measures: Sequence[str], steps: bool) -> str:
    at = [f"{point(time)} AS time"] if steps else []
    return ", ".join([*at, *keys, *measures])


def _whole(time: str, steps: bool) -> str:
    whole = f"{time} >= from_hour AND {time} < end_hour"
    if not steps:
        return whole
    hour = f"toStartOfHour({time}, 'UTC')"
    ends = f"toStartOfDay({hour} + INTERVAL 3599 SECOND, zone)"
    return f"{whole} AND NOT (has_split_hours AND toStartOfDay({hour}, zone) != {ends})"


def _grains(steps: bool) -> list[str]:
    """Returns the conditions on `trace_sums`: whole days have rows of their own, a 24th as many."""
    hours = f"grain = 'hour' AND {_whole('bucket', steps)}"
    if steps:
        return [hours]
    days = "bucket >= first_day AND bucket < end_day"
    return [f"{hours} AND NOT ({days})", f"grain = 'day' AND {days}"]


def _base(measures: Sequence[str]) -> list[str]:
    found = []
    for name in measures:
        if name == "spread":
            found.append(f"quantilesDDState{SKETCH}(latency_ns) AS spread")
        elif "spread" in measures:
            found.append(f"sum({base_one(name)}) AS {name}")
        else:
            found.append(f"{base_one(name)} AS {name}")
    return found


def _rolled(measures: Sequence[str]) -> list[str]:
    values = {"spread": "latency", "cost": counted("reported_first_cost", "computed_first_cost")}
    return [f"{(ROLLED | values).get(name, name)} AS {name}" for name in measures]


def _of_users(keys: Sequence[str], measures: Sequence[str], steps: bool, where: str) -> str:
    """Returns the arm of `session_sums` in the place of `trace_sums`: what `_sketches` leaves."""
    if "spread" not in measures:
        rolled = _columns("bucket", keys, _rolled(measures), steps)
        return _arm(rolled, "session_sums", where)
    sums = [name for name in measures if name not in SKETCHED]
    rows = _arm(_columns("bucket", keys, _rolled(sums), steps), "session_sums", where)
    named = [*(["time"] if steps else []), *(key.rpartition(" ")[2] for key in keys)]
    without = {"requests": "0", "spread": NO_SKETCH}
    columns = [f"{without.get(name, f'sum({name})')} AS {name}" for name in measures]
    by = f"\n    GROUP BY {', '.join(named)}" if named else ""
    return f"SELECT {', '.join([*named, *columns])}\n    FROM ({rows}){by}"


def _sketches(measures: Sequence[str]) -> list[str]:
    """Returns sketches of base rows and how many these are; other sums come from elsewhere."""
    found = {"requests": "count()", "spread": f"quantilesDDState{SKETCH}(latency_ns)"}
    return [f"{found.get(name, '0')} AS {name}" for name in measures]


def _rolled_span(name: str) -> str:
    values = {
        "cost": counted("reported_first_cost", "computed_first_cost"),
        "spans": "spans",
        "errors": "if(status = 'error', spans, 0)",
    }
    return (ROLLED | values).get(name, name)


def _grouped(keys: Sequence[str], measures: Sequence[str], steps: bool) -> str:
    if "spread" not in measures:
        return ""
    by = [*(["time"] if steps else []), *keys]
    return f"\n    GROUP BY {', '.join(by)}" if by else ""
