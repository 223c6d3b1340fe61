"""Sums over transactions for any grouping: whole days and hours from rollups, the rest from rows.

Percentiles are those of the sketch that the rollup keeps: within 1 % of the exact ones. Base rows
are put into the same sketch, so that both ways give the same numbers, to the last digit.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.errors.transaction_filters import ROLLED, TransactionFilter, condition
from clickhouse.queries import quantiles
from clickhouse.queries.hours import SPLIT, hours_beside, split_values, whole_periods
from clickhouse.queries.periods import PERIODS, period_sql, period_values
from clickhouse.queries.quantiles import Percentiles, Quantiles, milliseconds
from clickhouse.queries.values import quotient
from schemas.answers import Number
from schemas.projects import ProjectContext
from schemas.zones import DAY_US, HOUR_US, Clock, clock_of

TARGET_NS = 300_000_000
"""Of the apdex; the rollup is made for it (migration 14)."""
# Name, sum over base rows, column of the rollup; in the order of `Figures`.
MEASURES = (
    ("count", "count()", "count"),
    ("failed", "countIf(t.failed)", "failed"),
    ("satisfied", f"countIf(NOT t.failed AND t.duration_ns <= {TARGET_NS})", "satisfied"),
    (
        "tolerated",
        f"countIf(NOT t.failed AND t.duration_ns > {TARGET_NS}"
        f" AND t.duration_ns <= {4 * TARGET_NS})",
        "tolerated",
    ),
    ("duration_ns", "sum(toUInt128(t.duration_ns))", "duration_ns"),
)
STATE = quantiles.state_of("t.duration_ns")
SPREAD = quantiles.of_states("m_state", "m_count")

STATEMENT = """
SELECT
    {total}
FROM (
    SELECT
        {base}
    FROM transactions AS t
    WHERE {where}{beside}
    {grouped}
    {arms}
)
{ending}
"""
BESIDE = """
        AND (NOT ({bucket}){split})"""
ARM = """UNION ALL
    SELECT
        {rolled}
    FROM {table}
    WHERE {where}
        AND {bucket}{beside}"""
BUCKET = """{time} >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND {time} < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')"""
DAY_BUCKET = BUCKET.replace("first_us", "first_day_us").replace("last_us", "last_day_us")


class Rollup(NamedTuple):
    """A table of sums, and which of its rows a statement takes."""

    table: str
    time: str
    first_hour: str
    bucket: str


HOURS = Rollup("transaction_hours", "hour", "hour", BUCKET)
DAYS = Rollup("transaction_days", "day", "first_hour", DAY_BUCKET)


class Figures(Struct, frozen=True):
    """What some transactions add up to."""

    count: int = 0
    failed: int = 0
    satisfied: int = 0
    """Done within 300 ms, and not failed."""
    tolerated: int = 0
    """Done within 1.2 s, not within 300 ms, and not failed."""
    duration_ns: int = 0
    spread: Percentiles = quantiles.UNMEASURED
    """p50, p90, p95 and p99 in milliseconds."""

    @property
    def total_ms(self) -> Number:
        """How long all of them took."""
        return quotient(self.duration_ns, 1_000_000)

    @property
    def avg_ms(self) -> Number | None:
        """The mean of their durations."""
        return quotient(self.duration_ns, self.count * 1_000_000) if self.count else None

    @property
    def failure_rate(self) -> Number | None:
        """Share that failed, in percent."""
        return quotient(self.failed * 100, self.count) if self.count else None

    @property
    def apdex(self) -> Number | None:
        """From 0, nobody is content, to 1: what is tolerated counts half."""
        if not self.count:
            return None
        return quotient(2 * self.satisfied + self.tolerated, 2 * self.count)


class Scope(NamedTuple):
    """The transactions of an analysis: a project and a filter, and what rollups answer of it.

    `first_us` to before `last_us` are whole hours, and within them `first_day_us` to before
    `last_day_us` whole days. `only` is a further condition on columns that all tables have.
    """

    project: ProjectContext
    wanted: TransactionFilter
    first_us: int
    last_us: int
    first_day_us: int
    last_day_us: int
    clock: Clock
    split_us: tuple[int, ...] = ()
    only: str = ""


class Columns(NamedTuple):
    """What a statement yields beside its keys: of base rows, of rollups, and over both."""

    base: list[str]
    rolled: list[str]
    """`{first_hour}` in it is the first hour of a row of either."""
    total: list[str]


def scope(
    project: ProjectContext,
    wanted: TransactionFilter,
    *,
    names: Iterable[str] = (),
    base_only: bool = False,
) -> Scope:
    """Finds what the rollups answer for; `base_only` leaves them aside: slow, and the same."""
    needed = set(names)
    is_timed = not needed.isdisjoint(PERIODS)
    clock = clock_of(project.time_zone if is_timed else "UTC", wanted.from_us, wanted.to_us)
    first, last = whole_periods(wanted.from_us, wanted.to_us, HOUR_US)
    split = hours_beside(clock, needed, first, last)
    if wanted.reads_rows or base_only or split is None or first >= last:
        first, last, split = wanted.from_us, wanted.from_us, ()
    first_day, last_day = whole_periods(first, last - 1, DAY_US)
    is_fine = "hour" in needed or (is_timed and not clock.is_utc)
    if is_fine or first_day >= last_day:
        first_day = last_day = first
    return Scope(project, wanted, first, last, first_day, last_day, clock, split)


def values_of(scoped: Scope) -> dict[str, Any]:
    """Returns what the scope's conditions bind."""
    return {
        **condition(scoped.project, scoped.wanted).values,
        "first_us": scoped.first_us,
        "last_us": scoped.last_us,
        "first_day_us": scoped.first_day_us,
        "last_day_us": scoped.last_day_us,
        **split_values(scoped.split_us),
        **period_values(scoped.clock),
    }


def statement(scoped: Scope, names: Sequence[str], columns: Columns, *, ending: str = "") -> str:
    """Returns a statement that yields the keys k0, k1, ... and the columns.

    `ending` stands behind the GROUP BY of the keys.
    """
    keys = key_names(names)
    ending = "\n".join(part for part in (_grouped(keys), ending) if part)
    return _filled(scoped, names, columns, shown=[*keys, *columns.total], ending=ending)


def whole_statement(scoped: Scope, names: Sequence[str], columns: Columns) -> str:
    """Returns a statement that yields the columns over all groups, which may count their keys."""
    return _filled(scoped, names, columns, shown=columns.total, ending="LIMIT 1")


def key_names(names: Sequence[str]) -> list[str]:
    """Returns k0, k1, ..., a key for each name."""
    return [f"k{number}" for number in range(len(names))]


def figures() -> Columns:
    """Returns the columns that `figures_of` reads."""
    return Columns(
        base=[*(f"{total} AS m_{name}" for name, total, _ in MEASURES), f"{STATE} AS m_state"],
        rolled=[*(f"{column} AS m_{name}" for name, _, column in MEASURES), "duration AS m_state"],
        total=[
            *(f"sum(m_{name}) AS s_{name}" for name, _, _ in MEASURES),
            f"{SPREAD} AS s_spread",
        ],
    )


def figures_of(row: Sequence[Any]) -> Figures:
    """Reads the columns of `figures`."""
    count, failed, satisfied, tolerated, duration_ns, spread = row
    return Figures(
        count, failed, satisfied, tolerated, int(duration_ns), milliseconds(Quantiles(*spread))
    )


def _filled(
    scoped: Scope, names: Sequence[str], columns: Columns, *, shown: Sequence[str], ending: str
) -> str:
    where = condition(scoped.project, scoped.wanted).sql + scoped.only
    return (
        STATEMENT.replace("{total}", _lines(shown, 4))
        .replace("{base}", _lines([*_keys(scoped, names, "t.timestamp"), *columns.base], 8))
        .replace("{where}", where)
        .replace("{beside}", _beside(scoped))
        .replace("{grouped}", _grouped(key_names(names)))
        .replace("{arms}", "\n    ".join(_arms(scoped, names, columns)))
        .replace("{ending}", ending)
    )


def _grouped(keys: Sequence[str]) -> str:
    return f"GROUP BY {', '.join(keys)}" if keys else ""


def _beside(scoped: Scope) -> str:
    """Returns which base rows are read beside the rollup."""
    if scoped.first_us >= scoped.last_us:
        return ""
    split = f"\n        OR {SPLIT.replace('{time}', 't.timestamp')}" if scoped.split_us else ""
    bucket = BUCKET.replace("{time}", "t.timestamp")
    return BESIDE.replace("{bucket}", bucket).replace("{split}", split)


def _arms(scoped: Scope, names: Sequence[str], columns: Columns) -> Iterator[str]:
    """Yields what follows of the rollups, each behind a UNION ALL."""
    if scoped.first_us >= scoped.last_us:
        return
    has_days = scoped.first_day_us < scoped.last_day_us
    beside = f"\n        AND NOT ({DAY_BUCKET.replace('{time}', 'hour')})" if has_days else ""
    if scoped.split_us:
        beside += f"\n        AND NOT ({SPLIT.replace('{time}', _fine('hour'))})"
    yield _arm(scoped, names, columns, HOURS).replace("{beside}", beside)
    if has_days:
        yield _arm(scoped, names, columns, DAYS).replace("{beside}", "")


def _arm(scoped: Scope, names: Sequence[str], columns: Columns, rollup: Rollup) -> str:
    where = condition(scoped.project, scoped.wanted, ends=False).sql + scoped.only
    rolled = [one.replace("{first_hour}", rollup.first_hour) for one in columns.rolled]
    return (
        ARM.replace("{rolled}", _lines([*_keys(scoped, names, _fine(rollup.time)), *rolled], 8))
        .replace("{table}", rollup.table)
        .replace("{where}", where)
        .replace("{bucket}", rollup.bucket.replace("{time}", rollup.time))
    )


def _fine(time: str) -> str:
    """Returns a time as base rows have it: in microseconds, by which periods are worked out."""
    return f"toDateTime64({time}, 6, 'UTC')"


def _keys(scoped: Scope, names: Sequence[str], time: str) -> list[str]:
    """Returns an expression a name, called k0, k1, ..."""
    keys = []
    for number, name in enumerate(names):
        period = next((one for one in PERIODS if one == name), None)
        column = period_sql(period, scoped.clock, time) if period else f"{ROLLED[name]}::String"
        keys.append(f"{column} AS k{number}")
    return keys


def _lines(columns: Iterable[str], indent: int) -> str:
    return (",\n" + " " * indent).join(columns)
