"""Transactions by name and operation: how many, how fast, how often they fail; one name over time.

Single transactions are in `transaction_lines`, their spans in `transaction_spans`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.errors import transaction_sums as sums
from clickhouse.errors.transaction_filters import Named, TransactionFilter
from clickhouse.errors.transaction_sums import Columns, Figures, figures, figures_of
from clickhouse.queries.periods import Period, Periods
from schemas.projects import ProjectContext

NAMES = ("name", "op")
MOST_CELLS = 20_000
"""Groups times buckets."""
MOST_MOMENTS = 2_000
MOST_RELEASES = 20
HASH = "sipHash64(k0, k1)"
OF_HASHES = "\n        AND sipHash64(name, op::String) IN {hashes:Array(UInt64)}"
SKETCHED = "tupleElement(s_spread, 3)[1][{place}]"
ORDERS: Mapping[str, str] = {
    "total": "s_duration_ns",
    "count": "s_count",
    "failed": "s_failed",
    "failure_rate": "s_failed / s_count",
    "avg": "s_duration_ns / s_count",
    "p50": SKETCHED.replace("{place}", "1"),
    "p95": SKETCHED.replace("{place}", "3"),
    "p99": SKETCHED.replace("{place}", "4"),
    "apdex": "1 - (s_satisfied + s_tolerated / 2) / s_count",
}
"""By what groups are listed, the largest first; of the apdex the worst."""
# Ties by hash: names may be too long for an address.
BEYOND = """HAVING s_figure < {place:Float64}
    OR (s_figure = {place:Float64} AND s_hash > {place_hash:UInt64})
"""
LISTED = """{beyond}ORDER BY s_figure DESC, s_hash
LIMIT {limit:UInt32}"""


class Place(NamedTuple):
    """Where a group stands in an order."""

    figure: float
    hash: int


class Listing(NamedTuple):
    """Which part of which order, a name in `ORDERS`."""

    order: str
    limit: int
    beyond: Place | None = None


class TransactionGroup(Struct, frozen=True):
    """The transactions of one name and operation."""

    name: str
    op: str
    figures: Figures
    place: Place

    @property
    def hash(self) -> int:
        """By which `read_groups` and `cross_groups` find it again."""
        return self.place.hash


class Totals(NamedTuple):
    """What all transactions of a range add up to, and how many groups they are."""

    figures: Figures
    groups: int


class Release(NamedTuple):
    """The transactions of one release; its first hour is that of the range in which it came."""

    release: str
    first_us: int
    figures: Figures


async def list_groups(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    listing: Listing,
    *,
    base_only: bool = False,
) -> list[TransactionGroup]:
    """Returns the first groups in an order, ties in one of their own."""
    scoped = sums.scope(project, wanted, base_only=base_only)
    columns = figures()
    total = [*columns.total, f"{HASH} AS s_hash"]
    total.append(f"toFloat64({ORDERS[listing.order]}) AS s_figure")
    values = {**sums.values_of(scoped), "limit": listing.limit}
    beyond = ""
    if listing.beyond is not None:
        beyond, place = BEYOND, listing.beyond
        values |= {"place": place.figure, "place_hash": place.hash}
    ending = LISTED.replace("{beyond}", beyond)
    sql = sums.statement(scoped, NAMES, columns._replace(total=total), ending=ending)
    return [_group(row) for row in (await warehouse.query(sql, values)).rows]


async def read_groups(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    hashes: Sequence[int],
) -> dict[int, Figures]:
    """Returns the figures of some groups, by their hashes: in another range, as the time before."""
    if not hashes:
        return {}
    scoped = sums.scope(project, wanted)._replace(only=OF_HASHES)
    columns = figures()
    total = [f"{HASH} AS s_hash", *columns.total]
    sql = sums.statement(
        scoped, NAMES, columns._replace(total=total), ending=f"LIMIT {len(hashes)}"
    )
    answer = await warehouse.query(sql, {**sums.values_of(scoped), "hashes": list(hashes)})
    return {row[2]: figures_of(row[3:]) for row in answer.rows}


async def cross_groups(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    hashes: Sequence[int],
    period: Period,
) -> dict[int, dict[int, int]]:
    """Returns how many transactions some groups have in each bucket, by its first moment."""
    if not hashes:
        return {}
    names = (*NAMES, period)
    scoped = sums.scope(project, wanted, names=names)._replace(only=OF_HASHES)
    columns = Columns(["count() AS m_count"], ["count AS m_count"], [HASH, "sum(m_count)"])
    sql = sums.statement(scoped, names, columns, ending=f"LIMIT {MOST_CELLS}")
    answer = await warehouse.query(sql, {**sums.values_of(scoped), "hashes": list(hashes)})
    periods, cells = Periods(scoped.clock, period), dict[int, dict[int, int]]()
    for _, _, key, group, count in answer.rows:
        cells.setdefault(group, {})[periods.begin(key)] = count
    return cells


async def total(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    *,
    base_only: bool = False,
) -> Totals:
    """Returns what all transactions of a range add up to."""
    scoped = sums.scope(project, wanted, base_only=base_only)
    columns = figures()
    counted = columns._replace(total=[*columns.total, "uniqExact(k0, k1)"])
    sql = sums.whole_statement(scoped, NAMES, counted)
    *row, groups = (await warehouse.query(sql, sums.values_of(scoped))).rows[0]
    return Totals(figures_of(row), groups)


async def course(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    period: Period,
    *,
    base_only: bool = False,
) -> dict[int, Figures]:
    """Returns the figures of each bucket that has transactions, by its first moment."""
    scoped = sums.scope(project, wanted, names=(period,), base_only=base_only)
    sql = sums.statement(scoped, (period,), figures(), ending=f"ORDER BY k0\nLIMIT {MOST_MOMENTS}")
    answer = await warehouse.query(sql, sums.values_of(scoped))
    periods = Periods(scoped.clock, period)
    return {periods.begin(key): figures_of(row) for key, *row in answer.rows}


async def list_releases(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    *,
    base_only: bool = False,
) -> list[Release]:
    """Returns the releases of a range, those that came last first."""
    scoped = sums.scope(project, wanted, base_only=base_only)
    columns = figures()
    columns = Columns(
        [*columns.base, "min(toStartOfHour(t.timestamp)) AS m_first"],
        [*columns.rolled, "{first_hour} AS m_first"],
        [*columns.total, "toUnixTimestamp(toDateTime(min(m_first), 'UTC')) AS s_first"],
    )
    ending = f"ORDER BY s_first DESC, s_count DESC, k0\nLIMIT {MOST_RELEASES}"
    sql = sums.statement(scoped, ("release",), columns, ending=ending)
    answer = await warehouse.query(sql, sums.values_of(scoped))
    return [
        Release(release, first_s * 1_000_000, figures_of(row))
        for release, *row, first_s in answer.rows
    ]


def of_name(wanted: TransactionFilter, name: str, op: str | None) -> TransactionFilter:
    """Narrows a filter to one name, and to one operation unless that is `None`."""
    own = [Named("name", name)] + ([] if op is None else [Named("op", op)])
    others = [one for one in wanted.named if one not in own]
    return replace(wanted, named=(*own, *others))


def _group(row: Sequence[Any]) -> TransactionGroup:
    name, op, *columns, hashed, figure = row
    return TransactionGroup(name, op, figures_of(columns), Place(figure, hashed))
