"""The list of transactions by name: throughput, percentiles, failures, apdex, beside before."""

import asyncio
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest
from api.errors.performance import per_minute
from api.errors.places import read_place, written
from api.pages.arriving import page_with
from api.pages.errors.performance.measures import charts_of, rating, tiles_of
from api.pages.errors.performance.wanted import EXAMPLE, KEYS, Wanted, wanted_of
from api.pages.errors.snippets import transaction_snippets_of
from api.pages.parts import charts
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import spark
from api.pages.parts.filters import chips_of
from api.pages.parts.texts import change
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors import transactions
from clickhouse.errors.transaction_sums import Figures
from clickhouse.errors.transactions import Listing, TransactionGroup

PAGE_ROWS = 50
ORDERS = ("total", "count", "p50", "p95", "p99", "failure_rate", "apdex")


class Line(NamedTuple):
    """One row of the table."""

    group: TransactionGroup
    per_minute: float
    share: float | None
    """Of the time that all transactions took, in percent."""
    p95_before: float | None
    change: str
    is_slower: bool
    rating: str
    spark: str


@get("/performance", include_in_schema=False)
async def groups_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the transactions of a range by name, those that take most time first."""
    wanted = wanted_of(request, viewer)
    listing = listing_of(values_of(request))
    return await page_with(
        request,
        "errors/performance/groups.html",
        _found(request, viewer, wanted, listing),
        wanted=wanted,
        chips=chips_of(wanted.terms, KEYS),
        example=EXAMPLE,
        sort=listing.order,
        is_first=listing.beyond is None,
    )


async def _found(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, listing: Listing
) -> dict[str, Any]:
    project, period = wanted.project, wanted.range.bucket
    async with reader_of(request, project).turn() as store:
        groups, now, before, over_time = await asyncio.gather(
            transactions.list_groups(store, project, wanted.filter, listing),
            transactions.total(store, project, wanted.filter),
            transactions.total(store, project, wanted.before),
            transactions.course(store, project, wanted.filter, period),
        )
        shown = groups[:PAGE_ROWS]
        lines = await _lines(store, wanted, shown, now.figures)
    changes = await changes_in(request, project.project_id, wanted.range)
    return {
        "lines": lines,
        "groups": now.groups,
        "tiles": tiles_of(wanted, now.figures, before.figures, over_time),
        "drawn": charts_of(wanted, now.figures, over_time, (), changes),
        "older": written(shown[-1].place) if len(groups) > len(shown) else None,
        "snippets": [] if groups else await transaction_snippets_of(request, viewer),
    }


async def _lines(
    store: Warehouse, wanted: Wanted, groups: list[TransactionGroup], whole: Figures
) -> list[Line]:
    hashes = [group.hash for group in groups]
    were, cells = await asyncio.gather(
        transactions.read_groups(store, wanted.project, wanted.before, hashes),
        transactions.cross_groups(
            store, wanted.project, wanted.filter, hashes, wanted.range.bucket
        ),
    )
    moments = charts.moments_of(wanted.range)
    lines = []
    for group in groups:
        found, was = group.figures, were.get(group.hash)
        counts = cells.get(group.hash, {})
        p95_before = was.spread[2] if was else None
        lines.append(
            Line(
                group=group,
                per_minute=per_minute(found.count, wanted.filter),
                share=found.duration_ns / whole.duration_ns * 100 if whole.duration_ns else None,
                p95_before=p95_before,
                change=change(found.spread[2], p95_before) if was else "new",
                is_slower=p95_before is not None and found.spread[2] > p95_before * 1.1,
                rating=rating(found.apdex),
                spark=spark([counts.get(at, 0) for at in moments]),
            )
        )
    return lines


def listing_of(values: Values) -> Listing:
    """Reads order and place of the list. Raises `InvalidParameters`.

    One more than a page is asked for, to see whether there are more.
    """
    order = values.get("sort") or ORDERS[0]
    if order not in ORDERS:
        raise invalid("sort", f"Expected one of {', '.join(ORDERS)}")
    text = values.get("older")
    return Listing(order, PAGE_ROWS + 1, read_place(text, "older") if text else None)
