"""Versions of a prompt over time: what can be drawn of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from api.pages.parts.charts import Chart, Series, Unit, chart_of, colours_of
from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import us_of
from schemas.llm.prompt_answers import PromptMoment, PromptSums

CHARTED = 6


class Measure(NamedTuple):
    """What can be drawn."""

    name: str
    title: str
    unit: Unit
    of_moment: Callable[[PromptMoment], float]
    of_all: Callable[[PromptSums], float]


MEASURES = (
    Measure("calls", "Calls", "count", lambda one: one.requests, lambda one: one.requests),
    Measure("cost", "Cost", "usd", lambda one: one.cost_cents, lambda one: one.cost_cents),
    Measure(
        "per_call",
        "Cost per call",
        "usd",
        lambda one: one.cost_cents / one.requests if one.requests else 0,
        lambda one: one.cost_per_request,
    ),
    Measure("latency", "Latency", "ms", lambda one: one.avg_latency, lambda one: one.avg_latency),
    Measure(
        "errors",
        "Error rate",
        "percent",
        lambda one: 100 * one.errors / one.requests if one.requests else 0,
        lambda one: one.error_rate,
    ),
)


def is_measure(name: str) -> bool:
    """Tells whether something of this name can be drawn."""
    return any(one.name == name for one in MEASURES)


def chart_of_versions(name: str, shown: TimeRange, versions: Sequence[PromptSums]) -> Chart:
    """Returns a chart of the versions with most calls."""
    measure = next(one for one in MEASURES if one.name == name)
    drawn = list(versions)[:CHARTED]
    colours = colours_of([one.version or "" for one in drawn])
    series = [
        Series(
            one.version or "(none)",
            {us_of(at.start): measure.of_moment(at) for at in one.over_time or ()},
            colour,
            measure.of_all(one),
            has_gaps=measure.name not in ("calls", "cost"),
        )
        for one, colour in zip(drawn, colours, strict=True)
    ]
    return chart_of(f"{measure.title} by version", measure.unit, shown, series)
