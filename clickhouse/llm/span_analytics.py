"""`analytics/spans`: the totals of a range of spans, by period, kind, source and tool.

Whole hours come from the rollup and the ragged ends from base rows, as for traces; end events that
are measured over their pair are added from base rows, since the rollup cannot know their start. So
are starts, which tool calls are not counted by twice.
"""

import asyncio
from typing import Any, NamedTuple

from msgspec import UNSET

from clickhouse.client import Warehouse
from clickhouse.llm.filters import SpanFilter, condition
from clickhouse.llm.groups import tokens
from clickhouse.llm.pairs import STARTS, UNMEASURED
from clickhouse.llm.rollups import Sums
from clickhouse.llm.span_sql import COUNTS, DURATIONS
from clickhouse.queries import quantiles
from clickhouse.queries.hours import SPLIT, hours_beside, split_values, whole_periods
from clickhouse.queries.outlived import Hours, note_of, widened
from clickhouse.queries.periods import Period, Periods, period_sql, period_values
from clickhouse.queries.quantiles import Quantiles, milliseconds
from clickhouse.queries.values import cents_sum, quotient
from schemas.llm.answers import (
    CostSums,
    KindCount,
    PeriodCount,
    SourceCount,
    SpanAnalyticsAnswer,
    Spread,
    ToolUse,
)
from schemas.projects import ProjectContext
from schemas.sums import SumsOnly
from schemas.zones import DAY_US, HOUR_US, Clock, clock_of

TOP_TOOLS = 5
# Bits of `grouping(kind, tool)`, and of `grouping(k0, source, kind, tool)`: a 1 for each key that a
# row was not grouped by.
LENGTHS_BY_TOOL, LENGTHS_BY_KIND = 0b00, 0b01
BY_PERIOD, BY_SOURCE, BY_KIND, BY_TOOL, OVERALL = 0b0111, 0b1011, 0b1101, 0b1100, 0b1111

# A pair and a moment as one number, which joins in half the time of the two. It is as good as the
# hash alone: any two of ten million runs meet by chance once in 300,000 projects.
KEY = "bitXor(pair_hash, reinterpretAsUInt64({at_us}))"
OWN_NS = "toUInt64(round(assumeNotNull(s.duration_ms) * 1e6))"
# The spans of a short range name few pairs: only these are looked up.
AMONG_RANGE = """
            AND pair_hash IN (SELECT pair_hash FROM spans WHERE {where} AND pair_role != '')"""
SHORT_US = 3 * DAY_US
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
    tools: dict[str, Sums]
    """Of the kind `tool_use`, those without a name too."""


class Calls(NamedTuple):
    """Tool calls: a start and its end are one."""

    made: int = 0
    errors: int = 0


class Lengths(NamedTuple):
    """Durations by kind, those of all spans under `None`; and starts by tool."""

    spreads: dict[str | None, Spread]
    starts: dict[str, tuple[int, int, int]]
    """How many starts, how many of them failed, how many runs are open."""


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
    counted, lengths = await asyncio.gather(
        _counts(warehouse, counting, period),
        _lengths(warehouse, span_scope(project, wanted, None, base_only=base_only)),
    )
    durations = lengths.spreads
    calls = _calls(counted.tools, lengths.starts)
    every = Calls(*map(sum, zip(*calls.values(), strict=True))) if calls else Calls()
    total = counted.overall
    model = counted.kinds.get("llm_response", Sums())
    none = Spread(0, 0, 0, 0, 0)
    error_rate = quotient(total.errors * 100, total.requests)
    return SpanAnalyticsAnswer(
        agent_runs=counted.kinds.get("agent_run", Sums()).requests,
        tool_calls=counted.kinds.get("tool_use", Sums()).requests,
        avg_session_duration_ms=durations.get("session", none).avg,
        success_rate=quotient((total.requests - total.errors) * 100, total.requests),
        calls=every.made,
        call_error_rate=quotient(every.errors * 100, every.made),
        top_tools=_top_tools(counted.tools, calls),
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
        sums_only=_note(counting) or UNSET,
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
        elif level == BY_TOOL and kind == "tool_use":
            counts.tools[tool] = Sums(*sums)
    return counts


async def _lengths(warehouse: Warehouse, scoped: SpanScope) -> Lengths:
    """Returns durations and starts; from rows alone where values are few, which no rollup keeps."""
    found: dict[str | None, Spread] = {}
    starts: dict[str, tuple[int, int, int]] = {}
    lacks_values = False
    sql = durations_statement(scoped)
    answer = await warehouse.query(sql, _values(scoped), max_result_rows=MOST_ROWS)
    for level, kind, tool, measured, total_ns, spread, *counts in answer.rows:
        if level == LENGTHS_BY_TOOL:
            if kind == "tool_use":
                starts[tool] = (int(counts[0]), int(counts[1]), int(counts[2]))
            continue
        values = Quantiles(*spread)
        lacks_values |= values.lacks_values
        mean = quotient(total_ns, measured * 1_000_000)
        found[kind if level == LENGTHS_BY_KIND else None] = Spread(mean, *milliseconds(values))
    if lacks_values and scoped.first_us < scoped.last_us and _note(scoped) is None:
        rows_alone = scoped._replace(last_us=scoped.first_us, split_us=())
        return await _lengths(warehouse, rows_alone)
    return Lengths(found, starts)


def span_scope(
    project: ProjectContext, wanted: SpanFilter, period: Period | None, *, base_only: bool = False
) -> SpanScope:
    """Says which hours come from the rollup, for counts by a period or for none."""
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    zone = "UTC" if period is None else project.time_zone
    clock = clock_of(zone, wanted.from_us, wanted.to_us)
    first, last = whole_periods(wanted.from_us, wanted.to_us, HOUR_US)
    split = hours_beside(clock, set() if period is None else {period}, first, last)
    hours = Hours(first, last, split)
    ends = wanted.from_us, wanted.to_us
    first, last, split = widened(project, *ends, hours, by_minute=period == "minute")
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
        .replace("{quantiles}", quantiles.of_parts("duration", "measured", "few"))
        .replace("{own_state}", quantiles.state_of(OWN_NS))
        .replace("{own_few}", quantiles.few_of(OWN_NS))
        .replace("{pair_state}", quantiles.state_of("ns", "is_measured"))
        .replace("{pair_few}", quantiles.few_of("ns", "is_measured"))
        .replace("{run_key}", KEY.replace("{at_us}", "run_us"))
        .replace("{span_key}", KEY.replace("{at_us}", "at_us"))
        .replace("{starts}", STARTS)
        .replace("{among}", AMONG_RANGE if _is_short(scoped.wanted) else "")
        .replace("{unmeasured}", UNMEASURED)
        .replace("{where}", condition(scoped.project, scoped.wanted).sql)
    )


def _note(scoped: SpanScope) -> SumsOnly | None:
    """Says what is of rows that are left: starts of calls, and what is measured from start to end.

    Of durations that a span brings itself the sketches tell all.
    """
    assert scoped.wanted.from_us is not None
    assert scoped.wanted.to_us is not None
    ends = (scoped.wanted.from_us, scoped.wanted.to_us)
    return note_of(scoped.project, *ends, partial=("calls", "latency"))


def _is_short(wanted: SpanFilter) -> bool:
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    return wanted.to_us - wanted.from_us <= SHORT_US


def _calls(tools: dict[str, Sums], starts: dict[str, tuple[int, int, int]]) -> dict[str, Calls]:
    """Counts each call once: where it ended, or where it last began while it has no end."""
    calls = {}
    for tool, sums in tools.items():
        begun, failed, still_open = starts.get(tool, (0, 0, 0))
        calls[tool] = Calls(sums.requests - begun + still_open, sums.errors - failed)
    return calls


def _top_tools(tools: dict[str, Sums], calls: dict[str, Calls]) -> list[ToolUse]:
    ranked = _ranked({tool: sums.requests for tool, sums in tools.items() if tool})
    return [
        ToolUse(tool, count, calls[tool].made, quotient(calls[tool].errors * 100, calls[tool].made))
        for tool, count in ranked[:TOP_TOOLS]
    ]


def _values(scoped: SpanScope) -> dict[str, Any]:
    bounds = {"first_us": scoped.first_us, "last_us": scoped.last_us}
    values = condition(scoped.project, scoped.wanted).values
    split = split_values(scoped.split_us)
    return values | bounds | split | period_values(scoped.clock)


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
