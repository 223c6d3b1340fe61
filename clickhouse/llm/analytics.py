"""`analytics`: the totals of a range of traces, by period, provider and model, and its groups."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from clickhouse.client import QueryResult, Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm import rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.group_measures import count_sessions, measure_latency
from clickhouse.llm.key_days import scope_of
from clickhouse.llm.outlived import note_of_scopes
from clickhouse.llm.rollups import RollupColumns, Scope, Sums
from clickhouse.queries.periods import Period, Periods
from clickhouse.queries.quantiles import Percentiles, Quantiles, milliseconds
from clickhouse.queries.values import cents_sum, quotient
from schemas.llm.answers import (
    AnalyticsAnswer,
    ContractTokens,
    CostSums,
    ModelUse,
    PeriodCost,
    ProviderCost,
    Ratios,
    Spread,
    UnpricedModel,
)
from schemas.projects import ProjectContext

TOP_MODELS = 5
# More is refused: days or hours times providers, and providers times models.
MOST_ROWS = 50_000
MOST_FILLED = 50_000
"""Periods times providers, where those without data are answered too."""
# Bits of `grouping`: a 1 for each key that a row was not grouped by.
BY_PERIOD, BY_MODEL, OVERALL = 0b001, 0b100, 0b111
BREAKDOWN = "GROUP BY GROUPING SETS ((k0, k1), (k1, k2), ())"
LEVEL = "grouping(k0, k1, k2) AS level"


class Breakdown(NamedTuple):
    """Sums over a range: all of it, by (period in microseconds, provider), by (provider, model)."""

    overall: Sums
    periods: list[tuple[int, str, Sums]]
    models: list[tuple[str, str, Sums]]


class Totals(NamedTuple):
    """What an analysis says about a range as a whole."""

    breakdown: Breakdown
    sessions: int
    spread: Percentiles


async def analyse(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    period: Period,
    fill: bool = False,
    base_only: bool = False,
) -> AnalyticsAnswer:
    """Answers the totals of the traces of a range (both its ends are set, and inclusive).

    `period` is that of `costOverTime`; with `fill`, those without data are there for each
    provider. `base_only` leaves the rollups aside: the same numbers, slowly.
    """
    scoped, periods = await asyncio.gather(
        scope_of(warehouse, project, wanted, names=(), base_only=base_only),
        scope_of(warehouse, project, wanted, names=(period,), base_only=base_only),
    )
    breakdown, sessions, spread = await _totals(warehouse, scoped, periods, period)
    total = breakdown.overall
    return AnalyticsAnswer(
        total_cost=cents_sum(total.counted),
        total_requests=total.requests,
        total_sessions=sessions,
        total_tokens=ContractTokens(total.input, total.output, total.input + total.output),
        avg_latency=_avg_latency(total),
        error_rate=quotient(total.errors * 100, total.requests),
        cost_over_time=_cost_over_time(breakdown, periods, period, fill=fill),
        cost_by_provider=_cost_by_provider(breakdown),
        top_models=_top_models(breakdown),
        computed=_ratios(total, sessions),
        latency=Spread(_avg_latency(total), *spread),
        unpriced=_unpriced(breakdown.models),
        costs=CostSums(cents_sum(total.reported), cents_sum(total.computed)),
        time_zone=project.time_zone,
        sums_only=note_of_scopes((scoped, periods), of="totals"),
    )


async def break_down(warehouse: Warehouse, scoped: Scope, period: Period) -> Breakdown:
    """Adds up a range at three levels in one pass."""
    answer = await _levels(warehouse, scoped, period, rollups.sums(scoped))
    return _breakdown(answer.rows)


async def _totals(warehouse: Warehouse, scoped: Scope, periods: Scope, period: Period) -> Totals:
    if not scoped.table == periods.table == "base":
        three = await asyncio.gather(
            break_down(warehouse, periods, period),
            count_sessions(warehouse, scoped),
            measure_latency(warehouse, scoped),
        )
        return Totals(*three)
    # Base rows are dear to read and no rollup parts them: everything in one pass.
    rows = (await _levels(warehouse, periods, period, rollups.full(periods))).rows
    *_, sessions, spread, _ = next(row for row in rows if row[-1] == OVERALL)
    sums = [(*row[:-3], row[-1]) for row in rows]
    return Totals(_breakdown(sums), int(sessions), milliseconds(Quantiles(*spread)))


async def _levels(
    warehouse: Warehouse, scoped: Scope, period: Period, columns: RollupColumns
) -> QueryResult:
    sql = levels_statement(scoped, period, columns)
    return await warehouse.query(sql, rollups.values_of(scoped), max_result_rows=MOST_ROWS)


def levels_statement(scoped: Scope, period: Period, columns: RollupColumns) -> str:
    """Returns a statement that yields the columns at three levels, and the level."""
    # The base rows beside a rollup are grouped by all three keys; only the outermost level needs
    # the sets.
    names = (period, "provider", "model")
    return rollups.statement(scoped, names, columns.plus(LEVEL), ending=BREAKDOWN)


def _breakdown(rows: Sequence[Sequence[Any]]) -> Breakdown:
    found = Breakdown(Sums(), [], [])
    for start, provider, model, *sums, level in rows:
        if level == OVERALL:
            found = found._replace(overall=Sums(*sums))
        elif not Sums(*sums).requests:
            continue  # of which no call is billed any more
        elif level == BY_PERIOD:
            found.periods.append((start, provider, Sums(*sums)))
        else:
            found.models.append((provider, model, Sums(*sums)))
    return found


def _avg_latency(sums: Sums) -> int | float:
    return quotient(sums.latency_ns, sums.requests * 1_000_000)


def _cost_over_time(
    breakdown: Breakdown, scoped: Scope, period: Period, *, fill: bool
) -> list[PeriodCost]:
    periods = Periods(scoped.clock, period)
    costs = {(start, provider): sums.counted for start, provider, sums in breakdown.periods}
    if fill:
        providers = {provider for _, provider in costs}
        keys = periods.keys(*rollups.range_of(scoped))
        if len(keys) * len(providers) > MOST_FILLED:
            raise QueryTooExpensive(
                f"fill: {len(keys)} periods times {len(providers)} providers: at most {MOST_FILLED}"
            )
        costs = {(key, name): Decimal(0) for key in keys for name in providers} | costs
    labels = {start: periods.label(start) for start, _ in costs}
    return [
        PeriodCost(
            period=labels[start].period,
            provider=provider,
            cost_cents=cents_sum(costs[start, provider]),
            start=labels[start].start,
        )
        for start, provider in sorted(costs)
    ]


def _cost_by_provider(breakdown: Breakdown) -> list[ProviderCost]:
    costs: dict[str, tuple[Any, int]] = {}
    for provider, _, sums in breakdown.models:
        cost, requests = costs.get(provider, (0, 0))
        costs[provider] = (cost + sums.counted, requests + sums.requests)
    ranked = sorted(costs.items(), key=lambda item: (-item[1][0], item[0]))
    return [ProviderCost(name, cents_sum(cost), requests) for name, (cost, requests) in ranked]


def _top_models(breakdown: Breakdown) -> list[ModelUse]:
    ranked = sorted(breakdown.models, key=lambda row: (-row[2].requests, row[0], row[1]))
    return [
        ModelUse(
            provider=provider,
            model=model,
            requests=sums.requests,
            cost_cents=cents_sum(sums.counted),
            avg_latency=_avg_latency(sums),
            total_tokens=sums.input + sums.output,
            error_rate=quotient(sums.errors * 100, sums.requests),
        )
        for provider, model, sums in ranked[:TOP_MODELS]
    ]


def _ratios(total: Sums, sessions: int) -> Ratios:
    cost = total.counted.scaleb(2)
    tokens = total.input + total.output
    return Ratios(
        cost_per_request=quotient(cost, total.requests),
        tokens_per_request=quotient(tokens, total.requests),
        cost_per1k_tokens=quotient(cost.scaleb(3), tokens),
        traces_per_session=quotient(total.requests, sessions),
        avg_input_tokens=quotient(total.input, total.requests),
        avg_output_tokens=quotient(total.output, total.requests),
    )


def _unpriced(models: Sequence[tuple[str, str, Sums]]) -> list[UnpricedModel]:
    ranked = sorted(models, key=lambda row: (-row[2].unpriced, row[0], row[1]))
    return [
        UnpricedModel(provider, model, sums.unpriced)
        for provider, model, sums in ranked
        if sums.unpriced
    ]
