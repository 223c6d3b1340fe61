"""The slowest sorts of spans of a project: queries, requests to others, everything."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.errors.performance.wanted import SPAN_EXAMPLE, SPAN_KEYS, Wanted, wanted_of
from api.pages.errors.snippets import transaction_snippets_of
from api.pages.parts.filters import chips_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.errors.transaction_spans import slowest_spans

SHOWN = 100
ORDERS = ("total", "count", "avg", "p95", "max")
KINDS: Mapping[str, tuple[str, str]] = {
    "all": ("All", ""),
    "queries": ("Queries", "db"),
    "requests": ("Requests to others", "http.client"),
    "caches": ("Caches", "cache"),
}
"""Name to title and what an operation begins with."""


@get("/performance/spans", include_in_schema=False)
async def spans_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the sorts of spans that take most time."""
    wanted, values = wanted_of(request, viewer, SPAN_KEYS), values_of(request)
    kind, order = _one_of(values, "kind", tuple(KINDS)), _one_of(values, "sort", ORDERS)
    return await page_with(
        request,
        "errors/performance/spans.html",
        _found(request, viewer, wanted, kind, order),
        wanted=wanted,
        chips=chips_of(wanted.terms, SPAN_KEYS),
        example=SPAN_EXAMPLE,
        kinds=KINDS,
        kind=kind,
        sort=order,
    )


async def _found(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, kind: str, order: str
) -> dict[str, Any]:
    narrowed = replace(wanted.spans, op_begins=KINDS[kind][1])
    async with reader_of(request, wanted.project).turn() as store:
        found = await slowest_spans(store, wanted.project, narrowed, order=order, limit=SHOWN)
    is_bare = not (found.sorts or wanted.terms or kind != "all")
    snippets = await transaction_snippets_of(request, viewer) if is_bare else []
    return {"spans": found, "snippets": snippets}


def _one_of(values: Values, name: str, options: tuple[str, ...]) -> str:
    chosen = values.get(name) or options[0]
    if chosen not in options:
        raise invalid(name, f"Expected one of {', '.join(options)}")
    return chosen
