"""Sums over traces for any grouping: whole hours from a rollup, the ragged ends from base rows.

Which table has the whole hours depends on the columns asked for:

    hourly     few-valued columns alone, with a latency sketch; whole days from rows of their own
    sessions   session and user as well
    base       metadata and everything else: the traces themselves

Statements are put together from the fixed texts of this file; values are always bound.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.tags import tag_sql
from schemas.projects import CostPreference, ProjectContext

Table = Literal["hourly", "sessions", "base"]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
TABLES: Mapping[Table, str] = {
    "hourly": "trace_sums",
    "sessions": "session_sums",
    "base": "traces",
}
# Dimension to the column that all three tables name alike, and the first table that has it.
DIMENSIONS: Mapping[str, tuple[str, Table]] = {
    "model": ("model_requested", "hourly"),
    "provider": ("provider", "hourly"),
    "status": ("status", "hourly"),
    "environment": ("environment", "hourly"),
    "session_id": ("session_id", "sessions"),
    "user": ("user_id", "sessions"),
}
# A period is the microsecond at which it begins; {time} is the table's own time column.
PERIOD = "toUnixTimestamp64Micro({time}) - positiveModulo(toUnixTimestamp64Micro({time}), {width})"
PERIODS: Mapping[str, str] = {
    "minute": PERIOD.replace("{width}", "60000000"),
    "hour": PERIOD.replace("{width}", "3600000000"),
    "day": PERIOD.replace("{width}", "86400000000"),
}
METADATA = "metadata."

# Sum over base rows and column of the rollups, by the cost that counts.
COUNTED_SUM: Mapping[CostPreference, tuple[str, str]] = {
    "reported": (
        "sum(coalesce(t.reported_cost, t.computed_cost, 0))",
        "reported_first_cost",
    ),
    "computed": (
        "sum(coalesce(t.computed_cost, t.reported_cost, 0))",
        "computed_first_cost",
    ),
}
# Name, sum over base rows, column of the rollups; in the order of `Sums`. Widened, because some
# 2,000 of the largest values that an item may bring fill 64 bits.
MEASURES = (
    ("requests", "count()", "requests"),
    ("errors", "countIf(t.status = 'error')", "if(status = 'error', requests, 0)"),
    ("input", "sum(toUInt128(ifNull(t.input_tokens, 0)))", "input_tokens"),
    ("output", "sum(toUInt128(ifNull(t.output_tokens, 0)))", "output_tokens"),
    ("cache_read", "sum(toUInt128(ifNull(t.cache_read_tokens, 0)))", "cache_read_tokens"),
    ("cache_write", "sum(toUInt128(ifNull(t.cache_write_tokens, 0)))", "cache_write_tokens"),
    ("reasoning", "sum(toUInt128(ifNull(t.reasoning_tokens, 0)))", "reasoning_tokens"),
    ("reported", "sum(ifNull(t.reported_cost, 0))", "reported_cost"),
    ("computed", "sum(ifNull(t.computed_cost, 0))", "computed_cost"),
    (
        "unpriced",
        "countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL)",
        "unpriced",
    ),
    ("latency_ns", "sum(toUInt128(t.latency_ns))", "latency_ns"),
)
SKETCH = "(0.01, 0.5, 0.9, 0.95, 0.99)"

# What base rows yield beside the sums in one pass.
SESSIONS = "uniqExactIf(t.session_hash, t.session_hash != 0)"
SPREAD = f"quantilesDD{SKETCH}(t.latency_ns)"

# Base rows outside of the whole hours that a rollup answers for.
RAGGED = """
    AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))"""
WHOLE = """
    AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
    AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')"""
BESIDE_DAYS = """
    AND NOT (bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))"""
DAILY = """
    AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
    AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')"""


class Sums(NamedTuple):
    """What is added up over a set of traces. Costs are dollars, `latency_ns` nanoseconds.

    For spans, `requests` counts the spans, and `latency_ns` stays 0: not every one has a length.
    """

    requests: int = 0
    errors: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    reported: Decimal = Decimal(0)
    computed: Decimal = Decimal(0)
    unpriced: int = 0
    latency_ns: int = 0
    counted: Decimal = Decimal(0)


class Scope(NamedTuple):
    """The traces of an analysis: a project, a filter with both ends of the range, a table.

    `first_us` to before `last_us` are the whole hours that the table answers for, and within them
    `first_day_us` to before `last_day_us` the whole days that have rows of their own. `only` is
    a further condition on the keys k0, k1, ..., put where the rows are read.
    """

    project: ProjectContext
    wanted: TraceFilter
    table: Table
    first_us: int
    last_us: int
    first_day_us: int
    last_day_us: int
    only: str = ""


def scope(
    project: ProjectContext, wanted: TraceFilter, *, names: Iterable[str], base_only: bool = False
) -> Scope:
    """Picks the smallest table that knows the dimensions `names` and the filter's own.

    `base_only` reads base rows alone: slow, and the same numbers.
    """
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    needed = {*names, *(name for name in DIMENSIONS if getattr(wanted, name, None) is not None)}
    table: Table = "hourly"
    for name in needed - set(PERIODS):
        kind = DIMENSIONS[name][1] if name in DIMENSIONS else "base"
        table = max(table, kind, key=tuple(TABLES).index)
    first, last = whole_periods(wanted.from_us, wanted.to_us, HOUR_US)
    if wanted.metadata or base_only or "minute" in needed or first >= last:
        table = "base"
    if table == "base":
        first = last = wanted.from_us
    first_day, last_day = whole_periods(first, last - 1, DAY_US)
    if table != "hourly" or "hour" in needed or first_day >= last_day:
        first_day = last_day = first
    return Scope(project, wanted, table, first, last, first_day, last_day)


def values_of(scoped: Scope) -> dict[str, Any]:
    """Returns what the scope's conditions bind."""
    bounds = {
        "first_us": scoped.first_us,
        "last_us": scoped.last_us,
        "first_day_us": scoped.first_day_us,
        "last_day_us": scoped.last_day_us,
    }
    return condition(scoped.project, scoped.wanted).values | bounds


def base_where(scoped: Scope) -> str:
    """Returns the condition on base rows (alias t): all, or the ragged ends of a mixed read."""
    where = condition(scoped.project, scoped.wanted).sql + scoped.only
    return where if scoped.table == "base" else where + RAGGED


def rolled_up(scoped: Scope, columns: str, table: Table | None = None) -> list[str]:
    """Returns a statement's arms over rollup rows, each after a UNION ALL."""
    name = TABLES[table or scoped.table]
    where = _rollup_where(scoped)
    arm = ["UNION ALL SELECT", columns, "FROM", name, "WHERE", where]
    if name != TABLES["hourly"]:
        return [*arm, WHOLE]
    hours = [*arm, "AND grain = 'hour'", WHOLE]
    if scoped.first_day_us >= scoped.last_day_us:
        return hours
    return [*hours, BESIDE_DAYS, *arm, "AND grain = 'day'", DAILY]


def whole_periods(from_us: int, to_us: int, width_us: int) -> tuple[int, int]:
    """Returns the first whole period's begin and the last one's end; inclusive range."""
    return -(-from_us // width_us) * width_us, (to_us + 1) // width_us * width_us


def _rollup_where(scoped: Scope) -> str:
    unbounded = {"from_us": None, "to_us": None}
    fields = {name: getattr(scoped.wanted, name) for name in scoped.wanted.__struct_fields__}
    wanted = TraceFilter(**{**fields, **unbounded})
    return condition(scoped.project, wanted).sql + scoped.only


def key_columns(names: Iterable[str], table: Table) -> list[str]:
    """Returns an expression a dimension, named k0, k1, ...; unset values are the empty text."""
    time = "t.timestamp" if table == "base" else "bucket"
    columns = []
    for number, name in enumerate(names):
        if name.startswith(METADATA):
            column = tag_sql(name.removeprefix(METADATA))
        elif name in PERIODS:
            column = PERIODS[name].replace("{time}", time)
        else:
            column = DIMENSIONS[name][0]
        columns.append(f"{column} AS k{number}")
    return columns


def sums_statement(
    scoped: Scope, names: tuple[str, ...], measures: Iterable[str] = Sums._fields
) -> list[str]:
    """Returns a statement without GROUP BY that yields keys and then sums, each named s_...

    `measures` are fields of `Sums`, in that order; by default all of them.
    """
    chosen = _chosen(scoped, measures)
    base = key_columns(names, "base") + [f"{total} AS s_{name}" for name, total, _ in chosen]
    arm = ["SELECT", ", ".join(base), "FROM traces AS t WHERE", base_where(scoped)]
    if scoped.table == "base":
        return arm
    keys = [f"k{number}" for number in range(len(names))]
    rolled = key_columns(names, scoped.table) + [f"{column} AS m_{n}" for n, _, column in chosen]
    arm[1] = arm[1].replace(" AS s_", " AS m_")
    outer = ", ".join([*keys, *(f"sum(m_{name}) AS s_{name}" for name, _, _ in chosen)])
    rollup = rolled_up(scoped, ", ".join(rolled))
    return ["SELECT", outer, "FROM (", *arm, grouped(keys), *rollup, ")"]


def full_statement(scoped: Scope, names: tuple[str, ...]) -> list[str]:
    """Returns a statement without GROUP BY that yields keys, sums, sessions and percentiles.

    One pass, for base rows and for sessions; the hourly rollup does not know its sessions.
    """
    if scoped.table == "base":
        statement = sums_statement(scoped, names)
        statement[1] += f", {SESSIONS}, {SPREAD}"
        return statement
    chosen = _chosen(scoped, Sums._fields)
    base = [*key_columns(names, "base"), "t.session_hash AS session"]
    base += [f"{total} AS m_{name}" for name, total, _ in chosen]
    rolled = [*key_columns(names, scoped.table), "session_hash AS session"]
    rolled += [f"{column} AS m_{name}" for name, _, column in chosen]
    keys = [f"k{number}" for number in range(len(names))]
    outer = [*keys, *(f"sum(m_{name})" for name, _, _ in chosen)]
    outer += ["uniqExactIf(session, session != 0)", f"quantilesDDArray{SKETCH}(spread)"]
    arm = ["SELECT", ", ".join([*base, "groupArray(t.latency_ns) AS spread"])]
    arm += ["FROM traces AS t WHERE", base_where(scoped), grouped([*keys, "session"])]
    rollup = rolled_up(scoped, ", ".join([*rolled, "latencies AS spread"]))
    return ["SELECT", ", ".join(outer), "FROM (", *arm, *rollup, ")"]


def count_statement(scoped: Scope) -> list[str]:
    """Returns a statement that yields the number of traces."""
    arm = ["SELECT count() AS requests FROM traces AS t WHERE", base_where(scoped)]
    rollup = rolled_up(scoped, "requests") if scoped.table != "base" else []
    return ["SELECT sum(requests) FROM (", *arm, *rollup, ")"]


def _chosen(scoped: Scope, measures: Iterable[str]) -> list[tuple[str, str, str]]:
    counted = ("counted", *COUNTED_SUM[scoped.project.cost_preference])
    wanted = set(measures)
    return [row for row in (*MEASURES, counted) if row[0] in wanted]


def grouped(keys: list[str]) -> str:
    """Returns the GROUP BY clause for these keys; no keys, no clause."""
    return "GROUP BY " + ", ".join(keys) if keys else ""


def sessions_statement(scoped: Scope, names: tuple[str, ...]) -> list[str]:
    """Returns a statement without GROUP BY that yields keys and the exact number of sessions."""
    keys = [f"k{number}" for number in range(len(names))]
    columns = [*key_columns(names, "base"), "session_hash AS session"]
    arms = ["SELECT", ", ".join(columns), "FROM traces AS t WHERE", base_where(scoped)]
    arms.append("AND session_hash != 0")
    if scoped.table != "base":
        columns = [*key_columns(names, "sessions"), "session_hash AS session"]
        arms += rolled_up(scoped, ", ".join(columns), "sessions")
        arms.append("AND session_hash != 0")
    return ["SELECT", ", ".join([*keys, "uniqExact(session)"]), "FROM (", *arms, ")"]


def spread_statement(scoped: Scope, names: tuple[str, ...]) -> list[str]:
    """Returns a statement without GROUP BY that yields keys and latency percentiles in ns."""
    keys = [f"k{number}" for number in range(len(names))]
    columns = key_columns(names, "base")
    if scoped.table == "base":
        columns.append(SPREAD)
        return ["SELECT", ", ".join(columns), "FROM traces AS t WHERE", base_where(scoped)]
    if scoped.table == "hourly":
        state, rolled = f"quantilesDDState{SKETCH}(t.latency_ns)", "latency"
        total = f"quantilesDDMerge{SKETCH}(spread)"
    else:
        state, rolled = "groupArray(t.latency_ns)", "latencies"
        total = f"quantilesDDArray{SKETCH}(spread)"
    columns.append(f"{state} AS spread")
    arm = ["SELECT", ", ".join(columns), "FROM traces AS t WHERE", base_where(scoped)]
    columns = [*key_columns(names, scoped.table), f"{rolled} AS spread"]
    rollup = rolled_up(scoped, ", ".join(columns))
    return ["SELECT", ", ".join([*keys, total]), "FROM (", *arm, grouped(keys), *rollup, ")"]
