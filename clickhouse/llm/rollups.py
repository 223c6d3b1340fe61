"""Sums over traces for any grouping: whole hours from a rollup, the ragged ends from base rows.

Where days of a time zone begin within hours of UTC, these hours come from base rows too.

Which table has the whole hours depends on the columns asked for:

    hourly     few-valued columns alone, with a latency sketch; whole days from rows of their own
    sessions   session and user as well
    days       users, API keys, or one key of the metadata, of the days that `key_days` finds
    base       metadata and everything else: the traces themselves

A statement is one of the two templates below, filled with `RollupColumns`; values are always bound.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from msgspec.structs import replace

from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.llm.rollup_sql import (
    ARM,
    BUCKET,
    COUNTED_SUM,
    DAY_BUCKET,
    FLAT,
    GRAINS,
    KEPT_DAYS,
    LATE,
    MEASURES,
    MIXED,
    OF_BUILDS,
    Kept,
    kept_values,
    received_then,
)
from clickhouse.queries import quantiles
from clickhouse.queries.hours import SPLIT, hours_beside, split_values, whole_periods
from clickhouse.queries.outlived import Hours, widened
from clickhouse.queries.periods import PERIODS, period_sql, period_values
from clickhouse.tags import tag_sql
from schemas.projects import ProjectContext
from schemas.zones import DAY_US, HOUR_US, Clock, clock_of

Table = Literal["hourly", "sessions", "days", "base"]

TABLES: Mapping[Table, str] = {
    "hourly": "trace_sums",
    "sessions": "session_sums",
    "days": "key_days",
    "base": "traces",
}
# Dimension to the column that all tables name alike, and the first table that has it.
DIMENSIONS: Mapping[str, tuple[str, Table]] = {
    "model": ("model_requested", "hourly"),
    "provider": ("provider", "hourly"),
    "status": ("status", "hourly"),
    "environment": ("environment", "hourly"),
    "session_id": ("session_id", "sessions"),
    "user": ("user_id", "sessions"),
    "api_key": ("api_key", "base"),
    "prompt": ("prompt", "base"),
    "prompt_version": ("prompt_version", "base"),
}
METADATA = "metadata."
# What base rows yield beside the sums in one pass.
SESSIONS = "uniqExactIf(t.session_hash, t.session_hash != 0)"
SPREAD = quantiles.of_values("t.latency_ns")


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
    clock: Clock
    split_us: tuple[int, ...] = ()
    """Hours between `first_us` and `last_us` that the table does not answer for."""
    only: str = ""
    only_rows: str = ""
    """A condition on columns that kept days lack."""
    kept: Kept | None = None
    """With the table `days`: between `first_day_us` and `last_day_us`."""


def scope(
    project: ProjectContext, wanted: TraceFilter, *, names: Iterable[str], base_only: bool = False
) -> Scope:
    """Picks the smallest table that knows the dimensions `names` and the filter's own.

    `base_only` reads base rows alone: slow, and the same numbers.
    """
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    needed = {*names, *(name for name in DIMENSIONS if getattr(wanted, name, None) is not None)}
    needed |= {name for name, _ in wanted.without}
    table: Table = "hourly"
    for name in needed - set(PERIODS):
        kind = DIMENSIONS[name][1] if name in DIMENSIONS else "base"
        table = max(table, kind, key=tuple(TABLES).index)
    zone = "UTC" if needed.isdisjoint(PERIODS) else project.time_zone
    clock = clock_of(zone, wanted.from_us, wanted.to_us)
    first, last = whole_periods(wanted.from_us, wanted.to_us, HOUR_US)
    split = hours_beside(clock, needed, first, last)
    hours = Hours(first, last, split)
    ends = wanted.from_us, wanted.to_us
    first, last, split = widened(project, *ends, hours, by_minute="minute" in needed)
    if wanted.reads_rows or base_only or split is None or first >= last:
        table, split = "base", ()
    if table == "base":
        first = last = wanted.from_us
    first_day, last_day = whole_periods(first, last - 1, DAY_US)
    is_fine = "hour" in needed or not (clock.is_utc or needed.isdisjoint(PERIODS))
    if table != "hourly" or is_fine or first_day >= last_day:
        first_day = last_day = first
    return Scope(project, wanted, table, first, last, first_day, last_day, clock, split)


def values_of(scoped: Scope) -> dict[str, Any]:
    """Returns what the scope's conditions bind."""
    bounds = {
        "first_us": scoped.first_us,
        "last_us": scoped.last_us,
        "first_day_us": scoped.first_day_us,
        "last_day_us": scoped.last_day_us,
    }
    return (
        condition(scoped.project, scoped.wanted).values
        | bounds
        | split_values(scoped.split_us)
        | period_values(scoped.clock)
        | ({} if scoped.kept is None else kept_values(scoped.kept))
    )


def range_of(scoped: Scope) -> tuple[int, int]:
    """Returns both ends of the range, inclusive."""
    assert scoped.wanted.from_us is not None
    assert scoped.wanted.to_us is not None
    return scoped.wanted.from_us, scoped.wanted.to_us


class RollupColumns(NamedTuple):
    """What a statement adds up beside its keys k0, k1, ...

    `flat` is over base rows alone. Where a rollup has the whole hours, `base` is over the base rows
    beside it, grouped by the keys and by `separate`; `rolled` is of its rows; `total` is over both.
    `kept` is of rows of kept days, where it is not as `rolled`, and `kept_many` of those with a
    sketch, where these are another.
    """

    flat: list[str]
    base: list[str]
    rolled: list[str]
    total: list[str]
    separate: tuple[str, ...] = ()
    kept: Sequence[str] = ()
    kept_many: Sequence[str] = ()

    def plus(self, column: str) -> "RollupColumns":
        """Returns the same with one more column, at the end, over the keys or the sums."""
        return self._replace(flat=[*self.flat, column], total=[*self.total, column])


def statement(
    scoped: Scope, names: tuple[str, ...], columns: RollupColumns, *, ending: str | None = None
) -> str:
    """Returns a statement that yields the keys and the columns, by default grouped by the keys.

    `ending` is what stands behind WHERE instead of that GROUP BY.
    """
    keys = key_names(names)
    ending = grouped(keys) if ending is None else ending
    where = condition(scoped.project, scoped.wanted).sql + scoped.only + scoped.only_rows
    if scoped.table == "base":
        totals = _lines([*_key_columns(scoped, names, "base"), *columns.flat], 4)
        return FLAT.format(totals=totals, where=where, ending=ending)
    of_rows = {
        "base": _lines([*_key_columns(scoped, names, "base"), *columns.base], 8),
        "where": where,
        "grouped": grouped([*keys, *columns.separate]),
    }
    if scoped.kept is None:
        arms = _arms(scoped, [*_key_columns(scoped, names, scoped.table), *columns.rolled])
    else:
        arms = [*_late_arms(scoped, scoped.kept, names, columns, of_rows)]
        arms += _kept_arms(scoped, names, columns)
    return MIXED.format(
        totals=_lines([*keys, *columns.total], 4),
        beside=_beside(scoped),
        arms="\n    ".join(arms),
        ending=ending,
        **of_rows,
    )


def sums(scoped: Scope, measures: Iterable[str] = Sums._fields) -> RollupColumns:
    """Returns the columns s_... of some fields of `Sums`, in their order; by default of all."""
    wanted = set(measures)
    counted = ("counted", *COUNTED_SUM[scoped.project.cost_preference])
    chosen = [row for row in (*MEASURES, counted) if row[0] in wanted]
    return RollupColumns(
        flat=[f"{total} AS s_{name}" for name, total, _ in chosen],
        base=[f"{total} AS m_{name}" for name, total, _ in chosen],
        rolled=[f"{column} AS m_{name}" for name, _, column in chosen],
        total=[f"sum(m_{name}) AS s_{name}" for name, _, _ in chosen],
    )


def full(scoped: Scope) -> RollupColumns:
    """Returns the columns of sums, sessions and percentiles, in one pass over base rows."""
    return RollupColumns([*sums(scoped).flat, SESSIONS, SPREAD], [], [], [])


def sessions_statement(scoped: Scope, names: tuple[str, ...]) -> str:
    """Returns a statement that yields keys and the exact number of sessions."""
    if scoped.table == "hourly":
        scoped = scoped._replace(table="sessions")
    column = "session_hash AS session"
    columns = RollupColumns(
        [SESSIONS], [column], [column], ["uniqExact(session)"], separate=("session",)
    )
    if scoped.kept is not None:
        columns = RollupColumns(
            flat=[],
            base=["groupUniqArray(session_hash) AS hashes"],
            rolled=["[session_hash] AS hashes"],
            total=["length(groupUniqArrayArray(hashes))"],
            kept=["sessions AS hashes"],
        )
    return statement(scoped._replace(only_rows=" AND session_hash != 0"), names, columns)


def spread_statement(scoped: Scope, names: tuple[str, ...]) -> str:
    """Returns a statement that yields keys, `Quantiles` of latency in ns, and the hash.

    From base rows for users and sessions: no rollup by these has sketches.
    """
    if scoped.table == "sessions":
        scoped = scoped._replace(table="base")
    if scoped.kept is not None:
        return _kept_spread_statement(scoped, names)
    columns = RollupColumns(
        flat=[SPREAD],
        base=["count() AS measured", f"{quantiles.state_of('t.latency_ns')} AS spread"],
        rolled=["requests AS measured", "latency AS spread"],
        total=[quantiles.of_states("spread", "measured")],
    )
    return statement(scoped, names, columns.plus(key_hash(key_names(names))))


def _kept_spread_statement(scoped: Scope, names: tuple[str, ...]) -> str:
    # Beside kept days from base rows alone: session_sums has no latencies.
    scoped = scoped._replace(first_us=scoped.first_day_us, last_us=scoped.last_day_us)
    few, state = quantiles.few_or_state("t.latency_ns")
    columns = RollupColumns(
        flat=[],
        base=["count() AS measured", f"{few} AS few", f"{state} AS spread"],
        rolled=[],
        total=[quantiles.of_few_or_states("few", "spread", "measured")],
        kept=["requests AS measured", "few", f"{quantiles.EMPTY} AS spread"],
        kept_many=["requests AS measured", "few", "latency AS spread"],
    )
    text = statement(scoped, names, columns.plus(key_hash(key_names(names))))
    return text.replace("{first_us:", "{first_day_us:").replace("{last_us:", "{last_day_us:")


def key_hash(keys: list[str]) -> str:
    """Returns the hash that groups are found by again."""
    return f"cityHash64({', '.join(keys) or '0'})"


def key_names(names: tuple[str, ...]) -> list[str]:
    """Returns k0, k1, ..., a key for each dimension."""
    return [f"k{number}" for number in range(len(names))]


def grouped(keys: Iterable[str]) -> str:
    """Returns the GROUP BY clause for these keys; no keys, no clause."""
    named = ", ".join(keys)
    return f"GROUP BY {named}" if named else ""


def _beside(scoped: Scope) -> str:
    """Returns which base rows are read beside the rollup."""
    outside = f"NOT ({BUCKET.replace('bucket', 't.timestamp')})"
    if not scoped.split_us:
        return outside
    return f"({outside}\n        OR {SPLIT.replace('{time}', 't.timestamp')})"


def _arms(scoped: Scope, columns: list[str]) -> list[str]:
    """Returns what follows of the rollup, each arm behind a UNION ALL."""
    always = replace(scoped.wanted, from_us=None, to_us=None, every_billing=True)
    where = condition(scoped.project, always).sql + scoped.only + scoped.only_rows
    if scoped.split_us:
        where += f"\n        AND NOT ({SPLIT.replace('{time}', 'bucket')})"
    shared = {"rolled": _lines(columns, 8), "table": TABLES[scoped.table], "where": where}
    if scoped.table != "hourly":
        return [ARM.format(**shared, bucket=BUCKET)]
    hours = f"grain = 'hour'\n        AND {BUCKET}"
    if scoped.first_day_us >= scoped.last_day_us:
        return [ARM.format(**shared, bucket=hours)]
    beside_days = f"{hours}\n        AND NOT ({DAY_BUCKET})"
    days = f"grain = 'day'\n        AND {DAY_BUCKET}"
    return [ARM.format(**shared, bucket=bucket) for bucket in (beside_days, days)]


def _late_arms(
    scoped: Scope,
    kept: Kept,
    names: tuple[str, ...],
    columns: RollupColumns,
    of_rows: Mapping[str, str],
) -> list[str]:
    """Returns what lies within the range that the table answers for and is in no kept day."""
    is_whole = (scoped.first_us, scoped.last_us) == (scoped.first_day_us, scoped.last_day_us)
    if kept.path or not columns.rolled or (is_whole and scoped.project.rows_from_us is None):
        bucket = DAY_BUCKET.replace("bucket", "t.timestamp")
        return [LATE.format(**of_rows, bucket=bucket, late=f"NOT ({received_then(kept)})")]
    always = replace(scoped.wanted, from_us=None, to_us=None, every_billing=True)
    shared = {
        "rolled": _lines([*_key_columns(scoped, names, "sessions"), *columns.rolled], 8),
        "table": TABLES["sessions"],
        "where": condition(scoped.project, always).sql + scoped.only + scoped.only_rows,
    }
    beside = f"{BUCKET}\n        AND NOT ({DAY_BUCKET})"
    late = f"{DAY_BUCKET}\n        AND received_date NOT IN {KEPT_DAYS}"
    return [ARM.format(**shared, bucket=bucket) for bucket in (beside, late)]


def _kept_arms(scoped: Scope, names: tuple[str, ...], columns: RollupColumns) -> list[str]:
    always = replace(scoped.wanted, from_us=None, to_us=None, every_billing=True, metadata=())
    where = condition(scoped.project, always).sql + scoped.only
    if scoped.wanted.metadata:
        where += "\n        AND tag = {tag_0:String}"
    keys = _key_columns(scoped, names, "days")
    few, many = columns.kept or columns.rolled, columns.kept_many
    parts = [("('few')", few), ("('many')", many)] if many else [(GRAINS, few)]
    return [
        ARM.format(
            rolled=_lines([*keys, *chosen], 8),
            table=TABLES["days"],
            where=where,
            bucket=f"{OF_BUILDS.replace('{grains}', grains)}\n        AND {DAY_BUCKET}",
        )
        for grains, chosen in parts
    ]


def _key_columns(scoped: Scope, names: Iterable[str], table: Table) -> list[str]:
    """Returns an expression a dimension, named k0, k1, ...; unset values are the empty text."""
    time = "t.timestamp" if table == "base" else "bucket"
    columns = []
    for number, name in enumerate(names):
        if name.startswith(METADATA) and table == "days":
            column = "tag"
        elif name.startswith(METADATA):
            column = tag_sql(name.removeprefix(METADATA))
        elif name in PERIODS:
            column = period_sql(name, scoped.clock, time)
        else:
            column = DIMENSIONS[name][0]
        columns.append(f"{column} AS k{number}")
    return columns


def _lines(columns: Iterable[str], indent: int) -> str:
    return (",\n" + " " * indent).join(columns)
