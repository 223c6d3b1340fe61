"""`analytics/spans`: the totals of a range of spans, by period, kind, source and tool.

Whole hours come from the rollup and the ragged ends from base rows, as for traces; end events that
are measured over their pair are added from base rows, since the rollup cannot know their start.
"""

import asyncio
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.filters import SpanFilter, condition
from clickhouse.llm.groups import milliseconds, tokens
from clickhouse.llm.rollups import SPLIT, Sums, hours_beside, whole_periods
from clickhouse.llm.spans import DURATION_NS, PAIR_STARTS, UNMEASURED
from clickhouse.queries.periods import Period, Periods, period_sql, period_values
from clickhouse.queries.values import cents_sum, quotient
from schemas.llm.answers import (
    CostSums,
    KindCount,
    NamedCount,
    PeriodCount,
    SourceCount,
    SpanAnalyticsAnswer,
    Spread,
)
from schemas.projects import ProjectContext
from schemas.zones import HOUR_US, Clock, clock_of

TOP_TOOLS = 5
# Bits of `grouping(k0, source, kind, tool)`: a 1 for each key that a row was not grouped by.
BY_PERIOD, BY_SOURCE, BY_KIND, BY_TOOL, OVERALL = 0b0111, 0b1011, 0b1101, 0b1100, 0b1111

# Behind the keys, the fields of `Sums` in their order.
COUNTS = """
SELECT
    grouping(k0, source, kind, tool) AS level,
    k0,
    source,
    kind,
    tool,
    sum(spans),
    sumIf(spans, status = 'error'),
    sum(input_tokens),
    sum(output_tokens),
    sum(cache_read_tokens),
    sum(cache_write_tokens),
    sum(reasoning_tokens),
    sum(reported_cost),
    sum(computed_cost),
    sum(unpriced),
    0,
    sum(counted_cost)
FROM (
    SELECT {base_period} AS k0, source, kind, status, ifNull(tool_name, '') AS tool,
        count() AS spans,
        sum(toUInt128(ifNull(s.input_tokens, 0))) AS input_tokens,
        sum(toUInt128(ifNull(s.output_tokens, 0))) AS output_tokens,
        sum(toUInt128(ifNull(s.cache_read_tokens, 0))) AS cache_read_tokens,
        sum(toUInt128(ifNull(s.cache_write_tokens, 0))) AS cache_write_tokens,
        sum(toUInt128(ifNull(s.reasoning_tokens, 0))) AS reasoning_tokens,
        sum(ifNull(s.reported_cost, 0)) AS reported_cost,
        sum(ifNull(s.computed_cost, 0)) AS computed_cost,
        sum(coalesce(s.{first}_cost, s.{second}_cost, 0)) AS counted_cost,
        countIf(s.reported_cost IS NULL AND s.computed_cost IS NULL) AS unpriced
    FROM spans AS s
    WHERE {where} AND {ragged}
    GROUP BY k0, source, kind, status, tool
    UNION ALL
    SELECT {bucket_period} AS k0, source, kind, status, tool, spans, input_tokens, output_tokens,
        cache_read_tokens, cache_write_tokens, reasoning_tokens, reported_cost, computed_cost,
        {first}_first_cost AS counted_cost, unpriced
    FROM spans_hourly
    WHERE {whole}
)
GROUP BY GROUPING SETS ((k0), (source), (kind), (kind, tool), ())
"""
DURATIONS = """
SELECT
    grouping(kind) AS every_kind,
    kind,
    sum(measured),
    sum(duration_ns),
    quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(duration)
FROM (
    SELECT kind, count() AS measured,
        sum(toUInt128(round(assumeNotNull(s.duration_ms) * 1e6))) AS duration_ns,
        quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(
            toUInt64(round(assumeNotNull(s.duration_ms) * 1e6))) AS duration
    FROM spans AS s
    WHERE {where} AND {ragged} AND duration_ms IS NOT NULL
    GROUP BY kind
    UNION ALL
    SELECT kind, measured, duration_ns, duration
    FROM spans_hourly
    WHERE {whole}
    UNION ALL
    SELECT kind, count() AS measured, sum(toUInt128(assumeNotNull(ns))) AS duration_ns,
        quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(assumeNotNull(ns)) AS duration
    FROM (
        SELECT kind, {duration} AS ns
        FROM (
            SELECT kind, pair_hash, pair_role, duration_ms, timestamp
            FROM spans
            WHERE {where} AND {unmeasured}
        ) AS spans
        INNER JOIN ({starts}) AS pairs USING (pair_hash)
        WHERE pair_started IS NOT NULL
    )
    GROUP BY kind
)
GROUP BY GROUPING SETS ((kind), ())
"""
RAGGED = """(NOT (s.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND s.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')){or_split})"""
WHOLE = """project_id = {project_id:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'){and_no_split}"""
# More is refused: a LIMIT might cut off the overall row itself.
MOST_ROWS = 50_000


class SpanScope(NamedTuple):
    """The spans of an analysis; `first_us` to `split_us` are as in `rollups.Scope`."""

    project: ProjectContext
    wanted: SpanFilter
    first_us: int
    last_us: int
    clock: Clock
    split_us: tuple[int, ...] = ()


class Counts(NamedTuple):
    """Spans of a range in all, and by each of the answer's lists."""

    overall: Sums
    periods: dict[int, int]
    sources: dict[str, int]
    kinds: dict[str, Sums]
    tools: dict[str, int]


async def analyse_spans(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: SpanFilter,
    *,
    period: Period,
    fill: bool = False,
    base_only: bool = False,
) -> SpanAnalyticsAnswer:
    """Answers everything about the spans of a range (both its ends are set, and inclusive).

    `period` is that of `spansOverTime`; with `fill`, those without data are there too.
    `base_only` leaves the rollup aside: the same numbers, slowly.
    """
    counting = span_scope(project, wanted, period, base_only=base_only)
    counted, durations = await asyncio.gather(
        _counts(warehouse, counting, period),
        _durations(warehouse, span_scope(project, wanted, None, base_only=base_only)),
    )
    total = counted.overall
    model = counted.kinds.get("llm_response", Sums())
    none = Spread(0, 0, 0, 0, 0)
    error_rate = quotient(total.errors * 100, total.requests)
    return SpanAnalyticsAnswer(
        agent_runs=counted.kinds.get("agent_run", Sums()).requests,
        tool_calls=counted.kinds.get("tool_use", Sums()).requests,
        avg_session_duration_ms=durations.get("session", none).avg,
        success_rate=quotient((total.requests - total.errors) * 100, total.requests),
        top_tools=[NamedCount(*item) for item in _ranked(counted.tools)[:TOP_TOOLS]],
        total_spans=total.requests,
        error_rate=error_rate,
        avg_duration_ms=durations.get(None, none).avg,
        spans_by_kind=[
            KindCount(*item) for item in _ranked({k: v.requests for k, v in counted.kinds.items()})
        ],
        spans_by_source=[SourceCount(*item) for item in _ranked(counted.sources)],
        spans_over_time=_over_time(counted.periods, counting, period, fill=fill),
        durations=durations.get(None, none),
        session_durations=durations.get("session", none),
        tokens=tokens(model),
        cost_cents=cents_sum(model.counted),
        costs=CostSums(cents_sum(model.reported), cents_sum(model.computed)),
        unpriced_requests=model.unpriced,
        time_zone=project.time_zone,
    )


async def _counts(warehouse: Warehouse, scoped: SpanScope, period: Period) -> Counts:
    counts = Counts(Sums(), {}, {}, {}, {})
    sql = counts_statement(scoped, period)
    answer = await warehouse.query(sql, _values(scoped), max_result_rows=MOST_ROWS)
    for level, start, source, kind, tool, *sums in answer.rows:
        if level == OVERALL:
            counts = counts._replace(overall=Sums(*sums))
        elif level == BY_PERIOD:
            counts.periods[start] = sums[0]
        elif level == BY_SOURCE:
            counts.sources[source] = sums[0]
        elif level == BY_KIND:
            counts.kinds[kind] = Sums(*sums)
        elif level == BY_TOOL and kind == "tool_use" and tool:
            counts.tools[tool] = sums[0]
    return counts


async def _durations(warehouse: Warehouse, scoped: SpanScope) -> dict[str | None, Spread]:
    """Returns durations by kind, and under `None` those of all spans together."""
    sql = durations_statement(scoped)
    answer = await warehouse.query(sql, _values(scoped), max_result_rows=MOST_ROWS)
    return {
        None if every_kind else kind: Spread(
            quotient(total_ns, measured * 1_000_000), *milliseconds(quantiles)
        )
        for every_kind, kind, measured, total_ns, quantiles in answer.rows
        if measured
    }


def span_scope(
    project: ProjectContext, wanted: SpanFilter, period: Period | None, *, base_only: bool = False
) -> SpanScope:
    """Says which hours come from the rollup, for counts by a period or for none."""
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    clock = clock_of("UTC" if period is None else project.time_zone, wanted.from_us, wanted.to_us)
    first, last = whole_periods(wanted.from_us, wanted.to_us, HOUR_US)
    split = hours_beside(clock, set() if period is None else {period}, first, last)
    if base_only or split is None or first >= last:
        return SpanScope(project, wanted, wanted.from_us, wanted.from_us, clock)
    return SpanScope(project, wanted, first, last, clock, split)


def counts_statement(scoped: SpanScope, period: Period) -> str:
    """Returns a statement that yields level, keys and the fields of `Sums`."""
    first = scoped.project.cost_preference
    return (
        _completed(COUNTS, scoped)
        .replace("{base_period}", period_sql(period, scoped.clock, "s.timestamp"))
        .replace("{bucket_period}", period_sql(period, scoped.clock, "bucket"))
        .replace("{first}", first)
        .replace("{second}", "computed" if first == "reported" else "reported")
    )


def durations_statement(scoped: SpanScope) -> str:
    """Returns a statement that yields durations by kind, and of all kinds together."""
    return (
        _completed(DURATIONS, scoped)
        .replace("{duration}", DURATION_NS)
        .replace("{starts}", PAIR_STARTS)
        # Of the whole project: naming this range's pairs reads its spans twice and takes longer.
        .replace("{among}", "")
        .replace("{unmeasured}", UNMEASURED)
    )


def _values(scoped: SpanScope) -> dict[str, Any]:
    bounds = {
        "first_us": scoped.first_us,
        "last_us": scoped.last_us,
        "split_us": list(scoped.split_us),
    }
    values = condition(scoped.project, scoped.wanted).values
    return values | bounds | period_values(scoped.clock)


def _completed(sql: str, scoped: SpanScope) -> str:
    either, neither = "", ""
    if scoped.split_us:
        either = "\n        OR " + SPLIT.replace("{time}", "s.timestamp")
        neither = "\n        AND NOT (" + SPLIT.replace("{time}", "bucket") + ")"
    return (
        sql.replace("{ragged}", RAGGED.replace("{or_split}", either))
        .replace("{whole}", WHOLE.replace("{and_no_split}", neither))
        .replace("{where}", condition(scoped.project, scoped.wanted).sql)
    )


def _over_time(
    counts: dict[int, int], scoped: SpanScope, period: Period, *, fill: bool
) -> list[PeriodCount]:
    periods = Periods(scoped.clock, period)
    if fill:
        assert scoped.wanted.from_us is not None
        assert scoped.wanted.to_us is not None
        keys = periods.keys(scoped.wanted.from_us, scoped.wanted.to_us)
        counts = dict.fromkeys(keys, 0) | counts
    labels = {start: periods.label(start) for start in counts}
    return [
        PeriodCount(labels[start].period, counts[start], labels[start].start)
        for start in sorted(counts)
    ]


def _ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
