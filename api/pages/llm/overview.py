"""The overview: a range at a glance, beside the time before; what moved most, and what is wrong."""

import asyncio
from typing import Any, NamedTuple

from litestar import Response, get
from msgspec.structs import replace

from api.auth import AnyRequest
from api.outcomes import LATEST_S
from api.pages.arriving import page_with
from api.pages.live.following import LivePart
from api.pages.llm.live import follow, live_of
from api.pages.llm.measures import MEASURES, Measure, total_of, value_at
from api.pages.llm.moves import moves_of
from api.pages.llm.readings import Moments, marks_of, moments_of, sides_of, sums_of, totals_of
from api.pages.llm.wanted import Wanted, wanted_of
from api.pages.parts import charts
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import Chart, Mark, Series, chart_of, spark, with_marks
from api.pages.parts.snippets import with_snippets
from api.pages.parts.texts import change
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.groups import Grouping
from clickhouse.llm.trace_lines import list_lines
from clickhouse.queries.outcomes import Wanted as WantedOutcomes
from clickhouse.queries.outcomes import add_up_outcomes
from schemas.llm.answers import AnalyticsAnswer

TILES = ("calls", "cost", "error_rate", "p95", "sessions")
CHARTS = ("calls", "cost", "errors")
SHOWN = 6
REJECTED = ("invalid", "too_large", "rate_limited", "overloaded", "dead")
WORSE_UP = ("error_rate", "p95")


class Tile(NamedTuple):
    """One figure beside what it was."""

    measure: Measure
    now: float | None
    before: float | None
    spark: str
    change: str
    is_worse: bool


class Seen(NamedTuple):
    """What the store said of the range and of the time before."""

    now: AnalyticsAnswer
    before: AnalyticsAnswer
    moments: Moments
    earlier: Moments
    marks: list[Mark]


@get("/overview", include_in_schema=False)
async def overview_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the figures of the last 24 hours, or of another range; the rest comes after them."""
    frame = {"live": await live_of(request, viewer), "wanted": wanted_of(request, viewer)}
    return await page_with(
        request,
        "llm/overview.html",
        with_snippets(request, viewer, _figures(request, viewer)),
        **frame,
    )


@get("/overview/more", include_in_schema=False)
async def overview_rest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show what moved most, the newest errors, unpriced models and what was rejected."""
    return await page(request, "llm/overview_rest.html", **await _rest(request, viewer))


@get("/overview.events", include_in_schema=False)
async def overview_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send both halves anew as events come."""
    return follow(
        request,
        viewer,
        LivePart("figures", 1.0, "llm/_overview_figures.html", _figures),
        LivePart("rest", 10.0, "llm/_overview_rest.html", _rest),
    )


async def _figures(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    return await figures_of(request, wanted_of(request, viewer))


async def figures_of(request: AnyRequest, wanted: Wanted) -> dict[str, Any]:
    """Returns the tiles and charts of a range."""
    async with reader_of(request, wanted.project).turn() as store:
        seen = await see(store, wanted)
    changes = await changes_in(request, wanted.project.project_id, wanted.range)
    seen = seen._replace(marks=[*seen.marks, *changes])
    is_empty = not seen.now.total_requests and not seen.before.total_requests
    return {
        "wanted": wanted,
        "tiles": [tile_of(MEASURES[name], seen, wanted) for name in TILES],
        "drawn": [glance_of(MEASURES[name], seen, wanted) for name in CHARTS],
        "is_empty": is_empty,
    }


async def _rest(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    wanted = wanted_of(request, viewer)
    failed = replace(wanted.filter, status="error")
    # What failed has mostly no tokens, and so no cost: that is no gap in the price list.
    succeeded = replace(wanted.filter, status="success")
    first_s, last_s = (
        min(max(us // 10**6, 0), LATEST_S) for us in (wanted.range.first_us, wanted.range.last_us)
    )
    # A minute counts where the range touches it.
    asked = WantedOutcomes((first_s - first_s % 60, last_s), None, None, "day")
    unpriced = Grouping(("provider", "model"), "unpriced", False, SHOWN)
    async with reader_of(request, wanted.project).turn() as store:
        sides, errors, outcomes, models = await asyncio.gather(
            sides_of(store, wanted),
            list_lines(store, wanted.project, failed, limit=SHOWN),
            add_up_outcomes(store, wanted.project, asked),
            sums_of(store, wanted, succeeded, unpriced),
        )
    return {
        "wanted": wanted,
        "moves": moves_of(sides),
        "compared": list(sides),
        "errors": errors,
        "rejected": {name: n for name in REJECTED if (n := outcomes.totals.get(name, 0))},
        "outcomes": outcomes,
        "unpriced": [model for model in models if model.unpriced_requests],
    }


async def see(store: Warehouse, wanted: Wanted) -> Seen:
    """Returns what the tiles and charts of a range show."""
    # Percentiles of each bucket would take five statements more than sums do.
    sums = MEASURES["calls"]
    return Seen(
        *await asyncio.gather(
            totals_of(store, wanted, wanted.filter),
            totals_of(store, wanted, wanted.before),
            moments_of(store, wanted, wanted.filter, sums),
            moments_of(store, wanted, wanted.before, sums),
            marks_of(store, wanted),
        )
    )


def tile_of(measure: Measure, seen: Seen, wanted: Wanted) -> Tile:
    """Returns one figure beside what it was."""
    now, before = total_of(measure, seen.now), total_of(measure, seen.before)
    moments = () if measure.is_spread else charts.moments_of(wanted.range)
    values = [value_at(measure, seen.moments, at) for at in moments]
    is_worse = measure.name in WORSE_UP and (now or 0) > (before or 0) > 0
    return Tile(measure, now, before, spark(values), change(now, before), is_worse)


def glance_of(measure: Measure, seen: Seen, wanted: Wanted) -> Chart:
    """Returns a measure over time, with the time before."""
    now = {at: measure.of(group) for at, group in seen.moments.items()}
    before = {at: measure.of(group) for at, group in seen.earlier.items()}
    chart = chart_of(
        measure.title,
        measure.unit,
        wanted.range,
        [Series(measure.title, now, 0, total_of(measure, seen.now))],
        before=[Series(measure.title, before, 0, total_of(measure, seen.before))],
    )
    return with_marks(chart, seen.marks)
