"""Traces and spans in numbers: `GET analytics`, `analytics/spans`."""

import re
from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.response import Response

from api.dates import strict_range
from api.parameters import Parameters, Project, answer, parameters_of
from api.traces import STATUSES, filter_text, providers_of
from clickhouse.queries.analytics import analyse
from clickhouse.queries.filters import SpanFilter, TraceFilter
from clickhouse.queries.groups import ORDERS, READ_AS, Grouping
from clickhouse.queries.rollups import DIMENSIONS, METADATA
from clickhouse.queries.span_analytics import analyse_spans

PERIODS = ("day", "hour")
GROUP_LIMIT = 100
MOST_GROUPS = 1000
MOST_DIMENSIONS = 8
# Groups times periods: what one answer may hold in buckets.
MOST_BUCKETS = 200_000
INTERVAL_US = {
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
    "month": 2_419_200_000_000,
}
ORDER = re.compile(r"([+-]?)([a-z_]+?)(?:[ :.](asc|desc))?", re.ASCII)


@get("/analytics")
async def get_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of traces, and groups where `group_by` asks for them."""
    parameters = parameters_of(request)
    first, last = strict_range(parameters)
    names = _group_by(parameters)
    grouping = _grouping(parameters, names, last - first)
    wanted = _wanted(parameters, (first, last), providers_of(request))
    parameters.check()
    return answer(
        await analyse(
            request.app.state.warehouse,
            project,
            wanted,
            period="hour" if "hour" in names else "day",
            grouping=grouping,
        )
    )


@get("/analytics/spans")
async def get_span_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers totals over a range of spans."""
    parameters = parameters_of(request)
    first, last = strict_range(parameters)
    period = parameters.choice("group_by", PERIODS) or "day"
    parameters.check()
    wanted = SpanFilter(from_us=first, to_us=last)
    warehouse = request.app.state.warehouse
    return answer(await analyse_spans(warehouse, project, wanted, period=period))


def _group_by(parameters: Parameters) -> tuple[str, ...]:
    text = parameters.values.get("group_by")
    if text is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    known = (*PERIODS, *DIMENSIONS)
    for name in names:
        if name not in known and (not name.startswith(METADATA) or name == METADATA):
            wanted = "|".join(f'"{option}"' for option in (*known, "metadata.<key>"))
            message = f"Invalid option: expected one of {wanted}"
            parameters.refuse("group_by", "invalid_value", message, values=list(known))
    if len(names) > MOST_DIMENSIONS:
        message = f"Too big: expected array to have <={MOST_DIMENSIONS} items"
        facts = {"origin": "array", "maximum": MOST_DIMENSIONS, "inclusive": True}
        parameters.refuse("group_by", "too_big", message, **facts)
    return names


def _grouping(parameters: Parameters, names: tuple[str, ...], span_us: int) -> Grouping | None:
    limit = parameters.whole("limit", GROUP_LIMIT, least=1, most=MOST_GROUPS)
    interval = parameters.choice("interval", tuple(READ_AS))
    order, ascending = _order(parameters)
    if interval and names and span_us // INTERVAL_US[interval] * limit > MOST_BUCKETS:
        message = f"Too big: expected limit times periods to be <={MOST_BUCKETS}"
        facts = {"origin": "number", "maximum": MOST_BUCKETS, "inclusive": True}
        parameters.refuse("interval", "too_big", message, **facts)
    if not names or (len(names) == 1 and names[0] in PERIODS):
        return None
    return Grouping(names, order, ascending, limit, interval)


def _order(parameters: Parameters) -> tuple[str, bool]:
    text = parameters.values.get("order", "cost")
    options = (*ORDERS, "key")
    match = ORDER.fullmatch(text)
    if match is None or match[2] not in options:
        wanted = "|".join(f'"{option}"' for option in options)
        message = f"Invalid option: expected one of {wanted}"
        parameters.refuse("order", "invalid_value", message, values=list(options))
        return "cost", False
    return match[2], match[1] == "+" or match[3] == "asc"


def _wanted(
    parameters: Parameters, between_us: tuple[int, int], providers: Sequence[str]
) -> TraceFilter:
    return TraceFilter(
        from_us=between_us[0],
        to_us=between_us[1],
        session_id=filter_text(parameters, "session_id"),
        provider=parameters.choice("provider", providers),
        model=parameters.text("model"),
        status=parameters.choice("status", STATUSES),
        user=parameters.text("user"),
        environment=parameters.text("environment"),
        metadata=parameters.prefixed(METADATA),
    )


HANDLERS = (get_analytics, get_span_analytics)
