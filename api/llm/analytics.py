"""Traces and spans in numbers: `GET analytics`, `analytics/spans`."""

import asyncio
import re
from functools import partial
from typing import Annotated, Any, Literal, get_args

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta
from msgspec.structs import replace

from api.dates import strict_range
from api.declared import takes
from api.llm.filters import TraceNames, trace_filter
from api.outgoing import answer
from api.parameters import MOST_KEY_CHARS, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import Begun, begin, one
from api.time_zones import TimeZone, names_a_clock, on_clock_of
from clickhouse.client import Warehouse
from clickhouse.llm.analytics import analyse
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import (
    ORDERS,
    Grouping,
    rank_groups,
    read_groups,
)
from clickhouse.llm.key_days import scope_of
from clickhouse.llm.outlived import joined, note_of_scopes
from clickhouse.llm.rollups import DIMENSIONS, METADATA
from clickhouse.llm.span_analytics import analyse_spans
from clickhouse.queries.periods import WIDTHS_US, Period
from schemas.described import describes
from schemas.issues import one_of
from schemas.llm.answers import AnalyticsAnswer, SpanAnalyticsAnswer
from schemas.projects import ProjectContext
from schemas.sums import SumsOnly
from schemas.zones import DAY_US

Grouped = Literal["day", "hour", "week", "month"]
PERIODS: tuple[Grouped, ...] = get_args(Grouped)
FINEST_FIRST: tuple[Grouped, ...] = ("hour", "day", "week", "month")
Fill = Literal["false", "true"]
MOST_DIMENSIONS = 8
LONGEST_US = 200 * 366 * DAY_US
"""Of a range on another clock than UTC, whose changes are looked up."""
# Groups times their periods.
MOST_BUCKETS = 200_000
MOST_FILLED = 10_000
"""Periods of a range that are answered where they have no data."""
# Groups, and buckets, that are read and sent together: some 450 bytes each as JSON.
GROUPS_AT_ONCE = 1000
BUCKETS_AT_ONCE = 8_000
ORDER = re.compile(r"([+-]?)([a-z_]+?)(?:[ :.](asc|desc))?", re.ASCII)


class AnalyticsQuery(TraceNames, frozen=True, kw_only=True):
    """Which traces, and how they are grouped."""

    date_from: str
    date_to: str
    group_by: str | None = None
    interval: Period | None = None
    fill: Fill = "false"
    order: str = "cost"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class SpanAnalyticsQuery(TimeZone, frozen=True, kw_only=True):
    """Which spans, and the periods that they are counted in."""

    date_from: str
    date_to: str
    group_by: Grouped = "day"
    fill: Fill = "false"


@get(
    "/analytics",
    opt={**takes(AnalyticsQuery, prefix=METADATA), **describes(answer=AnalyticsAnswer)},
)
async def get_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of traces, and groups where `group_by` asks for them."""
    values = values_of(request)
    query = read(values, AnalyticsQuery)
    project, first, last = range_of_analytics(
        project, query, date_from=query.date_from, date_to=query.date_to
    )
    names = _group_by(query.group_by)
    grouping = _grouping(query, names, last - first)
    wanted = trace_filter(values, query)
    wanted = replace(wanted, from_us=first, to_us=last)
    period, fill = _period(query, names, last - first), query.fill == "true"
    reader = reader_of(request, project)
    if grouping is None:
        return await one(
            reader, lambda store: analyse(store, project, wanted, period=period, fill=fill)
        )

    async def ask(warehouse: Warehouse) -> tuple[Begun, AnalyticsAnswer]:
        totals = analyse(warehouse, project, wanted, period=period, fill=fill)
        groups = _begin_groups(warehouse, project, wanted, grouping)
        found, (begun, note) = await asyncio.gather(totals, groups)
        return begun, replace(found, groups=[], sums_only=joined(found.sums_only, note))

    groups, shell = await begin(reader, ask)
    return await answer(shell, groups)


async def _begin_groups(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, grouping: Grouping
) -> tuple[Begun, SumsOnly | None]:
    ranked = await rank_groups(warehouse, project, wanted, grouping)
    scopes = [ranked.scoped]
    if grouping.interval is not None and project.rows_from_us is not None:
        names = (*grouping.names, grouping.interval)
        scopes.append(await scope_of(warehouse, project, wanted, names=names))
    note = note_of_scopes(scopes, of="groups")
    at_once = GROUPS_AT_ONCE
    if grouping.interval is not None:
        assert wanted.from_us is not None
        assert wanted.to_us is not None
        periods = (wanted.to_us - wanted.from_us) // WIDTHS_US[grouping.interval] + 2
        at_once = max(1, BUCKETS_AT_ONCE // periods)
    chunks = ranked.chunks(at_once)
    if not chunks:
        return Begun(()), note
    first = await read_groups(warehouse, project, ranked, chunks[0])
    more = [
        partial(read_groups, project=project, ranked=ranked, chosen=chunk) for chunk in chunks[1:]
    ]
    return Begun(first, more), note


@get("/analytics/spans", opt={**takes(SpanAnalyticsQuery), **describes(answer=SpanAnalyticsAnswer)})
async def get_span_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of spans."""
    query = read(values_of(request), SpanAnalyticsQuery)
    project, first, last = range_of_analytics(
        project, query, date_from=query.date_from, date_to=query.date_to
    )
    wanted, fill = SpanFilter(from_us=first, to_us=last), query.fill == "true"
    period = query.group_by
    if fill:
        _check_filled(period, last - first)
    reader = reader_of(request, project)
    return await one(
        reader, lambda store: analyse_spans(store, project, wanted, period=period, fill=fill)
    )


def range_of_analytics(
    project: ProjectContext, query: TimeZone, *, date_from: str, date_to: str
) -> tuple[ProjectContext, int, int]:
    """Returns the project on the clock that counts, and both ends of the range.

    Raises `InvalidParameters`.
    """
    project = on_clock_of(project, query)
    time_zone = project.time_zone if names_a_clock(project, query) else None
    first, last = strict_range(date_from, date_to, time_zone)
    if project.time_zone != "UTC" and last - first > LONGEST_US:
        raise invalid("date_to", "Expected a range of at most 200 years, or tz=UTC")
    return project, first, last


def _period(query: AnalyticsQuery, names: tuple[str, ...], span_us: int) -> Grouped:
    """Returns the periods of the costs over time: the finest one of the groups."""
    period: Grouped = next((name for name in FINEST_FIRST if name in names), "day")
    if query.fill == "true":
        _check_filled(period, span_us)
    return period


def _check_filled(period: Period, span_us: int) -> None:
    if span_us // WIDTHS_US[period] > MOST_FILLED:
        raise invalid("fill", f"Expected a range of at most {MOST_FILLED} {period}s")


def _group_by(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(dict.fromkeys(map(_dimension, text.split(","))))
    if len(names) > MOST_DIMENSIONS:
        raise invalid("group_by", f"Expected at most {MOST_DIMENSIONS} names")
    known: tuple[str, ...] = (*PERIODS, *DIMENSIONS)
    for name in names:
        if name not in known and not name.removeprefix(METADATA).strip():
            raise invalid("group_by", f"Expected a key after {METADATA!r}")
        if name not in known and not name.startswith(METADATA):
            raise invalid("group_by", f"Expected {one_of((*known, METADATA + '<key>'))}")
        if len(name) - len(METADATA) > MOST_KEY_CHARS:
            raise invalid("group_by", f"Expected a key of at most {MOST_KEY_CHARS} characters")
    return names


def _dimension(text: str) -> str:
    """Returns a name without the blanks around it, but for those that end a key of metadata."""
    name = text.lstrip()
    return name if name.startswith(METADATA) else name.rstrip()


def _grouping(query: AnalyticsQuery, names: tuple[str, ...], span_us: int) -> Grouping | None:
    order, ascending = _order(query.order)
    interval = query.interval if names else None
    if interval and span_us // WIDTHS_US[interval] * query.limit > MOST_BUCKETS:
        raise invalid("interval", f"Expected limit times {interval}s of at most {MOST_BUCKETS}")
    if not names or (len(names) == 1 and names[0] in PERIODS):
        return None
    return Grouping(names, order, ascending, query.limit, query.interval, fill=query.fill == "true")


def _order(text: str) -> tuple[str, bool]:
    options = (*ORDERS, "key")
    match = ORDER.fullmatch(text)
    if match is None or match[2] not in options:
        raise invalid("order", f"Expected {one_of(options)}")
    return match[2], match[1] == "+" or match[3] == "asc"


HANDLERS = (get_analytics, get_span_analytics)
