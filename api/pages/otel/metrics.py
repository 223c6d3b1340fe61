"""Metrics: the catalogue of them, and one over time, with the traces behind its points."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest
from api.otel.metric_moments import chart_of as read_chart
from api.otel.metrics import STEPS_S, USUAL_MOMENTS
from api.pages.arriving import page_with
from api.pages.parts.charts import Chart, Series, Unit, chart_of, colours_of
from api.pages.parts.ranges import TimeRange, range_of
from api.pages.parts.snippets import otlp_snippets_of
from api.pages.parts.texts import us_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from api.search_terms import ATTRIBUTE
from clickhouse.otel.metric_filters import COLUMNS, MetricFilter
from clickhouse.otel.metric_list import Wanted, list_metrics
from clickhouse.otel.metric_series import Asked
from schemas.otel.metric_answers import MetricChart, MetricMoment, Shape

PAGE_ROWS = 200
MOST_CHARS = 200
MOST_NAME = 1_000
MOST_EXEMPLARS = 20
MOST_TITLE = 40
"""Characters of a group's name."""
BY = ("service", "environment", "model", "type")
"""What a metric is split by at a click; the address takes an attribute too."""
MEASURES: Mapping[Shape, Mapping[str, str]] = {
    "sum": {"value": "Growth", "rate": "Growth a second"},
    "gauge": {
        "value": "Average",
        "last": "Newest value",
        "total": "All that report it, added up",
        "min": "Least",
        "max": "Greatest",
    },
    "histogram": {
        "p95": "p95",
        "p50": "p50",
        "p99": "p99",
        "avg": "Average",
        "count": "Values",
        "rate": "Values a second",
    },
}
COUNTS = ("count", "rate")
"""Measures that are in no unit of the metric."""
SCALES: Mapping[str, tuple[Unit, float]] = {
    "ms": ("ms", 1),
    "s": ("ms", 1_000),
    "us": ("ms", 1e-3),
    "ns": ("ms", 1e-6),
    "USD": ("usd", 100),
}


class Wish(NamedTuple):
    """What the page of one metric is asked for."""

    name: str
    service: str
    split_by: str
    show: str


@get("/otel/metrics", include_in_schema=False)
async def metrics_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the metrics of a range by name."""
    values = values_of(request)
    shown = range_of(values, viewer.project)
    words, service = _text(values, "q"), _text(values, "service")
    found = _listed(request, viewer, shown, (words, service))
    return await page_with(
        request, "otel/metrics.html", found, range=shown, words=words, service=service
    )


@get("/otel/metrics/one", include_in_schema=False)
async def metric_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show one metric over time, by its groups, and the traces behind its points."""
    values = values_of(request)
    shown = range_of(values, viewer.project)
    name, split_by = _text(values, "name", MOST_NAME), _text(values, "by")
    if split_by and split_by not in COLUMNS and not split_by.startswith(ATTRIBUTE):
        raise invalid("by", f"Expected one of {', '.join(BY)}, or {ATTRIBUTE}<key>")
    wish = Wish(name, _text(values, "service"), split_by, _text(values, "show"))
    found = _one(request, viewer, shown, wish)
    return await page_with(request, "otel/metric.html", found, range=shown, wish=wish, splits=BY)


async def _listed(
    request: AnyRequest, viewer: Viewer, shown: TimeRange, narrowed: tuple[str, str]
) -> dict[str, Any]:
    words, service = narrowed
    wanted = Wanted(
        from_us=shown.first_us,
        to_us=shown.last_us,
        service=service,
        part=words,
        after=_text(values_of(request), "older", MOST_NAME),
    )
    async with reader_of(request, viewer.project).turn() as store:
        found = await list_metrics(store, viewer.project, wanted, limit=PAGE_ROWS + 1)
    lines = found[:PAGE_ROWS]
    is_empty = not (found or words or service or wanted.after)
    return {
        "lines": lines,
        "older": lines[-1].name if len(found) > len(lines) else None,
        "is_empty": is_empty,
        "snippets": await otlp_snippets_of(request, viewer) if is_empty else [],
    }


async def _one(request: AnyRequest, viewer: Viewer, shown: TimeRange, wish: Wish) -> dict[str, Any]:
    step_us = _step_us(shown)
    asked = Asked(
        wanted=MetricFilter(
            name=wish.name,
            from_us=shown.first_us,
            to_us=shown.last_us,
            columns=(("service", wish.service),) if wish.service else (),
        ),
        step_us=step_us,
        group_by=wish.split_by or None,
    )
    async with reader_of(request, viewer.project).turn() as store:
        found = await read_chart(store, viewer.project, asked)
    measures = MEASURES[found.shape] if found.shape else {}
    chosen = wish.show if wish.show in measures else next(iter(measures), "")
    first = shown.first_us - shown.first_us % step_us
    moments = range(first, shown.last_us + 1, step_us)
    return {
        "found": found,
        "measures": measures,
        "chosen": chosen,
        "drawn": _drawn(found, chosen, shown, moments) if found.series else None,
        "exemplars": [(us_of(one.timestamp), one) for one in found.exemplars if one.trace_id][
            :MOST_EXEMPLARS
        ],
    }


def _drawn(found: MetricChart, chosen: str, shown: TimeRange, moments: Iterable[int]) -> Chart:
    unit, scale = _unit(found.unit or "", chosen)
    names = [one.group if one.group is not None else found.name for one in found.series]
    is_growth = found.shape == "sum" and chosen == "value"
    series = [
        Series(
            name or "(none)",
            values := {us_of(at.start): _scaled(at, chosen, scale) for at in one.points},
            colour,
            sum(value for value in values.values() if value) if is_growth else None,
            has_gaps=True,
        )
        for name, one, colour in zip(names, found.series, colours_of(names), strict=True)
    ]
    title = MEASURES[found.shape][chosen] if found.shape else found.name
    if len(found.series) == 1 and found.series[0].group:
        title = f"{title}: {found.series[0].group[:MOST_TITLE]}"
    return chart_of(title, unit, shown, series, moments=list(moments))


def _scaled(at: MetricMoment, measure: str, scale: float) -> float | None:
    value: float | None = getattr(at, measure)
    return None if value is None else value * scale


def _unit(unit: str, measure: str) -> tuple[Unit, float]:
    return ("count", 1.0) if measure in COUNTS else SCALES.get(unit, ("count", 1.0))


def _step_us(shown: TimeRange) -> int:
    fitting = (one for one in STEPS_S if shown.length_us / (one * 1_000_000) <= USUAL_MOMENTS)
    return next(fitting, STEPS_S[-1]) * 1_000_000


def _text(values: Values, name: str, most: int = MOST_CHARS) -> str:
    text = values.get(name) or ""
    if len(text) > most:
        raise invalid(name, f"Expected at most {most} characters")
    return text
