"""The models that a project used: calls, tokens, cost, and why the cost of some is unknown."""

from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.llm.models import NO_COUNTS, NOW_PRICED, Between, models_between
from api.pages.arriving import page_with
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.parts.snippets import snippets_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of

SHOWN = 200
WITHOUT_PRICE = (NO_COUNTS[0], NOW_PRICED[0])
"""Why the cost of calls is unknown where another price would not help."""


@get("/llm/models", include_in_schema=False)
async def models_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the models of a range, the most expensive first."""
    shown = range_of(values_of(request), viewer.project, default="30d")
    return await page_with(request, "llm/models.html", _models(request, viewer, shown), shown=shown)


async def _models(request: AnyRequest, viewer: Viewer, shown: TimeRange) -> dict[str, Any]:
    project = on_clock(viewer.project, shown)
    between = Between(shown.first_us, shown.last_us)
    async with reader_of(request, project).turn() as store:
        found = await models_between(request, store, project, between, limit=SHOWN)
    return {
        "models": found.models,
        "total": found.total,
        "without_price": WITHOUT_PRICE,
        "cost": sum(model.cost_cents for model in found.models),
        "snippets": [] if found.models else await snippets_of(request, viewer),
    }
