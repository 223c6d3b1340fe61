"""Traces and spans in numbers: `GET analytics`, `analytics/spans`."""

import asyncio
import re
from functools import partial
from typing import Any

from litestar import Request, get
from litestar.response import Response
from msgspec.structs import replace

from api.dates import strict_range
from api.llm.traces import providers_of, shared_filter
from api.outgoing import answer
from api.parameters import MOST_KEY_CHARS, Parameters, Project, parameters_of
from api.reads import reader_of
from api.rows import Begun, begin, one
from clickhouse.client import Warehouse
from clickhouse.llm.analytics import analyse
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import ORDERS, READ_AS, Grouping, rank_groups, read_groups
from clickhouse.llm.rollups import DIMENSIONS, METADATA
from clickhouse.llm.span_analytics import analyse_spans
from schemas.issues import invalid_option, too_big
from schemas.llm.answers import AnalyticsAnswer
from schemas.projects import ProjectContext

PERIODS = ("day", "hour")
GROUP_LIMIT = 100
MOST_GROUPS = 1000
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


@get("/analytics")
async def get_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of traces, and groups where `group_by` asks for them."""
    parameters = parameters_of(request)
    first, last = strict_range(parameters)
    names = _group_by(parameters)
    grouping = _grouping(parameters, names, last - first)
    wanted = shared_filter(parameters, providers_of(request))
    parameters.check()
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


@get("/analytics/spans")
async def get_span_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of spans."""
    parameters = parameters_of(request)
    first, last = strict_range(parameters)
    period = parameters.choice("group_by", PERIODS) or "day"
    parameters.check()
    wanted = SpanFilter(from_us=first, to_us=last)
    reader = reader_of(request, project)
    return await one(reader, lambda store: analyse_spans(store, project, wanted, period=period))


def _group_by(parameters: Parameters) -> tuple[str, ...]:
    text = parameters.values.get("group_by")
    if text is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if len(names) > MOST_DIMENSIONS:
        parameters.refuse(too_big("array", MOST_DIMENSIONS, path=["group_by"]))
        return ()
    known = (*PERIODS, *DIMENSIONS)
    for name in names:
        if name not in known and (not name.startswith(METADATA) or name == METADATA):
            patterns = [f"{METADATA}<key>"]
            parameters.refuse(invalid_option(known, patterns=patterns, path=["group_by"]))
        elif len(name) - len(METADATA) > MOST_KEY_CHARS:
            what = f"{METADATA}<key>"
            parameters.refuse(too_big("string", MOST_KEY_CHARS, what=what, path=["group_by"]))
    return names


def _grouping(parameters: Parameters, names: tuple[str, ...], span_us: int) -> Grouping | None:
    limit = parameters.whole("limit", GROUP_LIMIT, least=1, most=MOST_GROUPS)
    interval = parameters.choice("interval", tuple(READ_AS))
    order, ascending = _order(parameters)
    read_as = READ_AS[interval] if interval and names else None
    if read_as and span_us // INTERVAL_US[read_as] * limit > MOST_BUCKETS:
        what = f"limit times {read_as}s"
        parameters.refuse(too_big("number", MOST_BUCKETS, what=what, path=["interval"]))
    if not names or (len(names) == 1 and names[0] in PERIODS):
        return None
    return Grouping(names, order, ascending, limit, interval)


def _order(parameters: Parameters) -> tuple[str, bool]:
    text = parameters.values.get("order", "cost")
    options = (*ORDERS, "key")
    match = ORDER.fullmatch(text)
    if match is None or match[2] not in options:
        parameters.refuse(invalid_option(options, path=["order"]))
        return "cost", False
    return match[2], match[1] == "+" or match[3] == "asc"


HANDLERS = (get_analytics, get_span_analytics)
