"""From the buckets of a metric to its chart, by what its points are."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.log_attributes import read_value
from clickhouse.otel.distributions import Interval, percentiles
from clickhouse.otel.metric_list import Told, kind_of
from clickhouse.otel.metric_series import (
    HISTOGRAMS,
    Asked,
    Gauge,
    Growth,
    Place,
    Spread,
    list_exemplars,
    list_groups,
    read_distributions,
    read_gauges,
    read_histograms,
    read_sums,
)
from schemas.otel.metric_answers import (
    MetricChart,
    MetricExemplar,
    MetricMoment,
    MetricSeries,
    Shape,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms

T = TypeVar("T")
SHARES = (0.5, 0.95, 0.99)


async def chart_of(warehouse: Warehouse, project: ProjectContext, asked: Asked) -> MetricChart:
    """Reads a metric over time. Raises `QueryTooExpensive` for a distribution that is too wide."""
    told = await kind_of(warehouse, project, asked.wanted)
    if told is None:
        return _chart(asked, None, None, ({}, ()))
    shape = shape_of(told)
    kinds = HISTOGRAMS if shape == "histogram" else (told.kind,)
    asked = replace(asked, wanted=replace(asked.wanted, kinds=kinds))
    groups, left_out = await list_groups(warehouse, project, asked)
    moments = await _moments(warehouse, project, asked, shape, groups)
    chart = _chart(asked, told, shape, (moments, groups))
    exemplars = await list_exemplars(warehouse, project, asked.wanted)
    chart.exemplars = [
        MetricExemplar(
            timestamp=iso_ms(one.at_us),
            value=one.value,
            trace_id=one.trace_id or None,
            span_id=one.span_id or None,
        )
        for one in exemplars
    ]
    chart.left_out = left_out
    return chart


def shape_of(told: Told) -> Shape:
    """Says what can be asked of points. What goes up and down and tells its level is a gauge."""
    if told.kind in HISTOGRAMS:
        return "histogram"
    is_growth = told.kind == "sum" and (told.is_monotonic or told.temporality == "delta")
    return "sum" if is_growth else "gauge"


async def _moments(
    warehouse: Warehouse,
    project: ProjectContext,
    asked: Asked,
    shape: Shape,
    groups: Sequence[str],
) -> Mapping[Place, MetricMoment]:
    step_s = asked.step_us / 1e6
    if shape == "gauge":
        gauges = await read_gauges(warehouse, project, asked, groups)
        return {place: _gauge(asked, place, one) for place, one in gauges.items()}
    if shape == "sum":
        sums = await read_sums(warehouse, project, asked, groups)
        return {place: _growth(asked, place, one, step_s) for place, one in sums.items()}
    spreads = await read_histograms(warehouse, project, asked, groups)
    lie = await read_distributions(warehouse, project, asked, groups)
    return {place: _spread(asked, place, one, lie.get(place, ())) for place, one in spreads.items()}


def _gauge(asked: Asked, place: Place, of: Gauge) -> MetricMoment:
    return MetricMoment(
        start=iso_ms(asked.start_us(place[1])),
        points=of.points,
        value=finite(of.average),
        avg=finite(of.average),
        min=finite(of.least),
        max=finite(of.most),
        last=finite(of.newest),
        total=finite(of.total),
    )


def _growth(asked: Asked, place: Place, of: Growth, step_s: float) -> MetricMoment:
    start = iso_ms(asked.start_us(place[1]))
    return MetricMoment(
        start=start, points=of.points, value=finite(of.by), rate=finite(of.by / step_s)
    )


def _spread(asked: Asked, place: Place, of: Spread, intervals: Sequence[Interval]) -> MetricMoment:
    p50, p95, p99 = percentiles(intervals, SHARES, of.least, of.most)
    return MetricMoment(
        start=iso_ms(asked.start_us(place[1])),
        points=of.points,
        rate=finite(of.count / asked.step_us * 1e6),
        count=of.count,
        sum=finite(of.sum),
        avg=finite(of.sum / of.count) if of.count else None,
        min=of.least,
        max=of.most,
        p50=p50,
        p95=p95,
        p99=p99,
    )


def finite(value: float) -> float | None:
    """A number that JSON has."""
    return value if math.isfinite(value) else None


def _chart(
    asked: Asked,
    told: Told | None,
    shape: Shape | None,
    found: tuple[Mapping[Place, MetricMoment], Iterable[str]],
) -> MetricChart:
    moments, groups = found
    by_group: dict[str, list[MetricMoment]] = {group: [] for group in groups}
    for (group, _), moment in moments.items():
        by_group.setdefault(group, []).append(moment)
    return MetricChart(
        name=asked.wanted.name,
        kind=told.kind if told else None,
        shape=shape,
        unit=told.unit if told else None,
        step=asked.step_us // 1_000_000,
        date_from=iso_ms(asked.wanted.from_us),
        date_to=iso_ms(asked.wanted.to_us),
        series=[MetricSeries(_name(asked, one), of) for one, of in by_group.items() if of],
        left_out=False,
        exemplars=[],
    )


def _name(asked: Asked, group: str) -> str | None:
    """The group as people know it: a value of an attribute is stored with its sort."""
    if not group or asked.group_by is None:
        return None
    if not asked.group_by.startswith("attr."):
        return group
    value = read_value(group)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
