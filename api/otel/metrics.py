"""Metrics to read: `GET otel/metrics`, `otel/metrics/series`."""

import re
import time
from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta

from api.dates import date_range
from api.declared import takes
from api.otel.metric_moments import chart_of
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.search_terms import ATTRIBUTE, RESOURCE, read_attributes
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.otel.metric_filters import COLUMNS, MetricFilter
from clickhouse.otel.metric_list import Listed, Wanted, list_metrics
from clickhouse.otel.metric_series import Asked
from schemas.described import describes
from schemas.otel.metric_answers import MetricChart, MetricList, MetricListed
from schemas.times import iso_ms
from schemas.zones import DAY_US

USUAL_US = DAY_US
"""How long the range is where none is asked for."""
LONGEST_US = 400 * DAY_US
MOST_MOMENTS = 2_000
"""Buckets of a range."""
USUAL_MOMENTS = 200
STEPS_S = (*(10, 30, 60, 300, 900, 1_800, 3_600), *(10_800, 21_600, 43_200, 86_400, 604_800))
LONGEST_STEP_S = 31 * 86_400
LENGTH = re.compile(r"(\d{1,7})([smhd]?)", re.ASCII)
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
GROUPS = tuple(sorted(COLUMNS))
Text = Annotated[str, Meta(max_length=200)]


class MetricRange(TimeZone, frozen=True, kw_only=True):
    """Which range, by default the last 24 hours; an empty text is none."""

    date_from: str | None = None
    date_to: str | None = None
    service: Text | None = None


class MetricsQuery(MetricRange, frozen=True, kw_only=True):
    """Which metrics, and which page of them."""

    q: Text | None = None
    """A part of the name."""
    limit: Annotated[int, Meta(ge=1, le=500)] = 200
    cursor: Annotated[str, Meta(max_length=1_000)] | None = None


class MetricSeriesQuery(MetricRange, frozen=True, kw_only=True):
    """Which metric, in which buckets, by what."""

    name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    step: Annotated[str, Meta(max_length=10)] | None = None
    split_by: Annotated[str, Meta(max_length=205)] | None = None
    environment: Text | None = None
    session_id: Text | None = None
    model: Text | None = None
    type: Text | None = None
    temporality: Text | None = None


@get("/otel/metrics", opt={**takes(MetricsQuery), **describes(answer=MetricList)})
async def list_metric_names(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers which metrics came in a range, by name."""
    query = read(values_of(request), MetricsQuery)
    first, last = _range(query, project.time_zone)
    wanted = Wanted(
        from_us=first,
        to_us=last,
        service=query.service or "",
        part=query.q or "",
        after=query.cursor or "",
    )

    async def ask(warehouse: Warehouse) -> MetricList:
        found = await list_metrics(warehouse, project, wanted, limit=query.limit + 1)
        page = found[: query.limit]
        following = page[-1].name if len(found) > len(page) else None
        return MetricList(_listed(page), iso_ms(first), iso_ms(last), following)

    return await one(reader_of(request, project), ask)


@get(
    "/otel/metrics/series",
    opt={**takes(MetricSeriesQuery, prefix=(ATTRIBUTE, RESOURCE)), **describes(answer=MetricChart)},
)
async def chart_metric(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers a metric over time: its growth, its values, or how they lie."""
    query = read(values_of(request), MetricSeriesQuery)
    first, last = _range(query, project.time_zone)
    step_s = _step(query.step, last - first)
    asked = Asked(
        wanted=MetricFilter(
            name=query.name,
            from_us=first,
            to_us=last,
            columns=tuple(
                (column, value) for column in GROUPS if (value := getattr(query, column))
            ),
            attributes=read_attributes(request, ATTRIBUTE),
            resource=read_attributes(request, RESOURCE),
        ),
        step_us=step_s * 1_000_000,
        group_by=_split_by(query.split_by),
    )

    async def ask(warehouse: Warehouse) -> MetricChart:
        return await chart_of(warehouse, project, asked)

    return await one(reader_of(request, project), ask)


def _range(query: MetricRange, time_zone: str) -> tuple[int, int]:
    first, last = date_range(query.date_from, query.date_to, zone_of(query, time_zone))
    last = time.time_ns() // 1_000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return first, last


def _step(text: str | None, length_us: int) -> int:
    """Returns the seconds of a bucket: as asked, else so many that a chart can show them."""
    if not text:
        fitting = (one for one in STEPS_S if length_us / (one * 1_000_000) <= USUAL_MOMENTS)
        return next(fitting, STEPS_S[-1])
    match = LENGTH.fullmatch(text)
    step_s = int(match[1]) * UNITS_S[match[2]] if match else 0
    if not 1 <= step_s <= LONGEST_STEP_S:
        raise invalid("step", "Expected a number and s, m, h or d, 31d at most")
    if length_us // (step_s * 1_000_000) >= MOST_MOMENTS:
        raise invalid("step", f"Expected a range of at most {MOST_MOMENTS} steps")
    return step_s


def _split_by(text: str | None) -> str | None:
    if not text:
        return None
    if text in COLUMNS or (text.startswith(ATTRIBUTE) and text != ATTRIBUTE):
        return text
    raise invalid("split_by", f"Expected one of {', '.join(GROUPS)}, or {ATTRIBUTE}<key>")


def _listed(page: Sequence[Listed]) -> list[MetricListed]:
    return [
        MetricListed(
            name=one.name,
            kind=one.kind,
            unit=one.unit,
            description=one.description,
            temporality=one.temporality,
            is_monotonic=one.is_monotonic,
            services=[service for service in one.services if service],
            points=one.points,
            last_seen=iso_ms(one.last_us),
        )
        for one in page
    ]


HANDLERS = (list_metric_names, chart_metric)
