"""Traces and spans in numbers: `GET analytics`, `analytics/spans`."""

import asyncio
import re
from functools import partial
from typing import Annotated, Any, Literal, get_args

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.dates import strict_range
from api.declared import takes
from api.llm.filters import TraceNames, providers_of, trace_filter
from api.outgoing import answer
from api.parameters import MOST_KEY_CHARS, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import Begun, begin, one
from clickhouse.client import Warehouse
from clickhouse.llm.analytics import analyse
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import (
    ORDERS,
    READ_AS,
    Grouping,
    Interval,
    rank_groups,
    read_groups,
)
from clickhouse.llm.rollups import DIMENSIONS, METADATA
from clickhouse.llm.span_analytics import analyse_spans
from schemas.described import describes
from schemas.issues import one_of
from schemas.llm.answers import AnalyticsAnswer, SpanAnalyticsAnswer
from schemas.projects import ProjectContext

Period = Literal["day", "hour"]
PERIODS: tuple[str, ...] = get_args(Period)
MOST_DIMENSIONS = 8
# Groups times the periods that are read for them: weeks and months are read as days.
MOST_BUCKETS = 200_000
# Groups, and buckets, that are read and sent together: some 450 bytes each as JSON.
GROUPS_AT_ONCE = 1000
BUCKETS_AT_ONCE = 8_000
INTERVAL_US = {
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
}
ORDER = re.compile(r"([+-]?)([a-z_]+?)(?:[ :.](asc|desc))?", re.ASCII)


class AnalyticsQuery(TraceNames, frozen=True, kw_only=True):
    """Which traces, and how they are grouped."""

    date_from: str
    date_to: str
    group_by: str | None = None
    interval: Interval | None = None
    order: str = "cost"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class SpanAnalyticsQuery(Struct, frozen=True, kw_only=True):
    """Which spans, and the periods that they are counted in."""

    date_from: str
    date_to: str
    group_by: Period = "day"


@get(
    "/analytics",
    opt={**takes(AnalyticsQuery, prefix=METADATA), **describes(answer=AnalyticsAnswer)},
)
async def get_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of traces, and groups where `group_by` asks for them."""
    values = values_of(request)
    query = read(values, AnalyticsQuery)
    first, last = strict_range(query.date_from, query.date_to)
    names = _group_by(query.group_by)
    grouping = _grouping(query, names, last - first)
    wanted = trace_filter(values, query, providers_of(request))
    wanted = replace(wanted, from_us=first, to_us=last)
    period = "hour" if "hour" in names else "day"
    reader = reader_of(request, project)
    if grouping is None:
        return await one(reader, lambda store: analyse(store, project, wanted, period=period))

    async def ask(warehouse: Warehouse) -> tuple[Begun, AnalyticsAnswer]:
        totals = analyse(warehouse, project, wanted, period=period)
        groups = _begin_groups(warehouse, project, wanted, grouping)
        found, begun = await asyncio.gather(totals, groups)
        return begun, replace(found, groups=[])

    groups, shell = await begin(reader, ask)
    return await answer(shell, groups)


async def _begin_groups(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, grouping: Grouping
) -> Begun:
    ranked = await rank_groups(warehouse, project, wanted, grouping)
    at_once = GROUPS_AT_ONCE
    if grouping.interval is not None:
        assert wanted.from_us is not None
        assert wanted.to_us is not None
        periods = (wanted.to_us - wanted.from_us) // INTERVAL_US[READ_AS[grouping.interval]] + 2
        at_once = max(1, BUCKETS_AT_ONCE // periods)
    chunks = ranked.chunks(at_once)
    if not chunks:
        return Begun(())
    first = await read_groups(warehouse, project, ranked, chunks[0])
    more = [
        partial(read_groups, project=project, ranked=ranked, chosen=chunk) for chunk in chunks[1:]
    ]
    return Begun(first, more)


@get("/analytics/spans", opt={**takes(SpanAnalyticsQuery), **describes(answer=SpanAnalyticsAnswer)})
async def get_span_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of spans."""
    query = read(values_of(request), SpanAnalyticsQuery)
    first, last = strict_range(query.date_from, query.date_to)
    wanted = SpanFilter(from_us=first, to_us=last)
    reader = reader_of(request, project)
    return await one(
        reader, lambda store: analyse_spans(store, project, wanted, period=query.group_by)
    )


def _group_by(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(dict.fromkeys(map(_dimension, text.split(","))))
    if len(names) > MOST_DIMENSIONS:
        raise invalid("group_by", f"Expected at most {MOST_DIMENSIONS} names")
    known = (*PERIODS, *DIMENSIONS)
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
    read_as = READ_AS[query.interval] if query.interval and names else None
    if read_as and span_us // INTERVAL_US[read_as] * query.limit > MOST_BUCKETS:
        raise invalid("interval", f"Expected limit times {read_as}s of at most {MOST_BUCKETS}")
    if not names or (len(names) == 1 and names[0] in PERIODS):
        return None
    return Grouping(names, order, ascending, query.limit, query.interval)


def _order(text: str) -> tuple[str, bool]:
    options = (*ORDERS, "key")
    match = ORDER.fullmatch(text)
    if match is None or match[2] not in options:
        raise invalid("order", f"Expected {one_of(options)}")
    return match[2], match[1] == "+" or match[3] == "asc"


HANDLERS = (get_analytics, get_span_analytics)
