"""Users as lines of a list: what their calls add up to, now, before and over time."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollups import RollupColumns, Scope
from clickhouse.llm.sightings import read_sightings, restricted, with_moments
from clickhouse.llm.subject_totals import MEASURED, SubjectTotals, total_subjects
from clickhouse.llm.subjects import ANY, USER, Least
from clickhouse.queries.periods import Period, Periods
from clickhouse.queries.values import cents_sum
from schemas.projects import ProjectContext

NAMES = (USER.dimension,)
MOST_CELLS = 500_000
"""Users times periods: more is refused."""


class Figures(NamedTuple):
    """Sums over some calls, in the order of `MEASURED`; the cost in dollars."""

    calls: int = 0
    errors: int = 0
    input: int = 0
    output: int = 0
    unpriced: int = 0
    latency_ns: int = 0
    cost: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        """Of prompts and of answers."""
        return self.input + self.output

    @property
    def cost_cents(self) -> float | None:
        """The cost in US cents, `None` where that of no call is known."""
        return None if self.unpriced == self.calls else cents_sum(self.cost)


class UserLine(Struct, frozen=True, kw_only=True):
    """One user. Costs are US cents, `None` where that of no call is known."""

    user: str
    first_us: int
    last_us: int
    """When their first and their last call began."""
    calls: int
    errors: int
    tokens: int
    cost_cents: float | None
    latency_ms: float
    """The mean of their calls."""


class Beside(NamedTuple):
    """What stands beside the figures of a user."""

    sessions: int
    before: Figures
    """Of the time before."""
    periods: Mapping[int, Figures]
    """By the first moment of each period that has calls, in microseconds since 1970 UTC."""


class Both(NamedTuple):
    """A range and the time before it, under one filter."""

    now: TraceFilter
    before: TraceFilter


async def read_users(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    users: Sequence[str],
    *,
    base_only: bool = False,
) -> list[UserLine]:
    """Returns users in the order given; only traces that match `wanted` count."""
    if not users:
        return []
    scoped = rollups.scope(project, wanted, names=NAMES, base_only=base_only)
    columns = with_moments(rollups.sums(scoped, MEASURED))
    rows = await _ask(warehouse, scoped, users, NAMES, columns)
    moments = [moment for row in rows for moment in row[-2:]]
    seen = await read_sightings(warehouse, scoped, USER, users, moments)
    found = {row[0]: Figures(*row[1:-2]) for row in rows if row[0] in seen}
    return [
        UserLine(
            user=user,
            first_us=seen[user].first.us,
            last_us=seen[user].last_us,
            calls=found[user].calls,
            errors=found[user].errors,
            tokens=found[user].tokens,
            cost_cents=found[user].cost_cents,
            latency_ms=found[user].latency_ns / max(found[user].calls, 1) / 1e6,
        )
        for user in users
        if user in found
    ]


async def read_beside(
    warehouse: Warehouse,
    project: ProjectContext,
    both: Both,
    users: Sequence[str],
    *,
    period: Period,
    base_only: bool = False,
) -> dict[str, Beside]:
    """Returns what takes longer: sessions, the time before, and each period."""
    timed_names = (*NAMES, period)
    now, before, timed = (
        rollups.scope(project, wanted, names=names, base_only=base_only)
        for wanted, names in ((both.now, NAMES), (both.before, NAMES), (both.now, timed_names))
    )
    earlier, sessions, cells = await asyncio.gather(
        _ask(warehouse, before, users, NAMES, rollups.sums(before, MEASURED)),
        _count_sessions(warehouse, now, users),
        _ask(warehouse, timed, users, timed_names, rollups.sums(timed, MEASURED)),
    )
    were = {row[0]: Figures(*row[1:]) for row in earlier}
    periods = _periods(Periods(timed.clock, period), cells)
    return {
        user: Beside(sessions.get(user, 0), were.get(user, Figures()), periods.get(user, {}))
        for user in users
    }


async def add_up_calls(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, *, base_only: bool = False
) -> Figures:
    """Adds up all matching calls, those without a user too."""
    scoped = rollups.scope(project, wanted, names=(), base_only=base_only)
    sql = rollups.statement(scoped, (), rollups.sums(scoped, MEASURED))
    return Figures(*(await warehouse.query(sql, rollups.values_of(scoped))).rows[0])


async def total_users(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    least: Least = ANY,
    base_only: bool = False,
) -> SubjectTotals:
    """Returns what all users of a list add up to."""
    scoped = rollups.scope(project, wanted, names=NAMES, base_only=base_only)
    return await total_subjects(warehouse, scoped, USER, least)


async def _count_sessions(
    warehouse: Warehouse, scoped: Scope, users: Sequence[str]
) -> dict[str, int]:
    sql = rollups.sessions_statement(restricted(scoped, USER), NAMES)
    values = rollups.values_of(scoped) | {"subjects": users}
    return {row[0]: row[1] for row in (await warehouse.query(sql, values)).rows}


async def _ask(
    warehouse: Warehouse,
    scoped: Scope,
    users: Sequence[str],
    names: tuple[str, ...],
    columns: RollupColumns,
) -> Sequence[Sequence[Any]]:
    sql = rollups.statement(restricted(scoped, USER), names, columns)
    values = rollups.values_of(scoped) | {"subjects": users}
    return (await warehouse.query(sql, values, max_result_rows=MOST_CELLS)).rows


def _periods(periods: Periods, rows: Sequence[Sequence[Any]]) -> dict[str, dict[int, Figures]]:
    found: dict[str, dict[int, Figures]] = {}
    for user, key, *sums in rows:
        found.setdefault(user, {})[periods.begin(key)] = Figures(*sums)
    return found
