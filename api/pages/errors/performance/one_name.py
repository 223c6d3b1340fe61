"""The transactions of one name: over time, by release, its slowest ones, where the time goes."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from litestar import Response, get
from msgspec.structs import replace

from api.auth import AnyRequest
from api.errors.places import read_line, written_line
from api.pages.arriving import page_with
from api.pages.errors.performance.measures import charts_of, rating, tiles_of
from api.pages.errors.performance.wanted import (
    OWN,
    OWN_EXAMPLE,
    Wanted,
    name_and_op,
    wanted_of,
)
from api.pages.parts.changes import changes_in
from api.pages.parts.filters import chips_of
from api.pages.parts.texts import change
from api.pages.render import page
from api.pages.viewer import Viewed
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.errors import transactions
from clickhouse.errors.repeated_spans import find_patterns
from clickhouse.errors.transaction_filters import SpanFilter, TransactionFilter
from clickhouse.errors.transaction_lines import Order, list_lines
from clickhouse.errors.transaction_spans import slowest_spans
from clickhouse.errors.transactions import Release, of_name

EXAMPLES = 10
SORTS_SHOWN = 12
PAGE_ROWS = 100
LISTS: Mapping[str, tuple[str, Order]] = {
    "slowest": ("Slowest", "slowest"),
    "newest": ("Newest", "newest"),
    "failed": ("Failed", "newest"),
}


class ReleaseLine(NamedTuple):
    """One release beside the one before it."""

    release: Release
    change: str
    """Of its p95."""
    is_slower: bool
    rating: str


class Asked(NamedTuple):
    """What a page of one name is about."""

    name: str
    op: str
    wanted: Wanted

    @property
    def filter(self) -> TransactionFilter:
        """The filter of the query functions."""
        return of_name(self.wanted.filter, self.name, self.op)

    @property
    def before(self) -> TransactionFilter:
        """The same for the time before."""
        return of_name(self.wanted.before, self.name, self.op)

    @property
    def frame(self) -> dict[str, Any]:
        """What each of the pages shows first."""
        return {
            "name": self.name,
            "op": self.op,
            "wanted": self.wanted,
            "chips": chips_of(self.wanted.terms, OWN),
            "example": OWN_EXAMPLE,
        }


@get("/performance/name", include_in_schema=False)
async def name_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the figures of one name over time, and by release; the rest comes after them."""
    asked = Asked(*name_and_op(request), wanted_of(request, viewer, OWN))
    return await page_with(
        request, "errors/performance/name.html", _figures(request, asked), **asked.frame
    )


@get("/performance/name/more", include_in_schema=False)
async def name_rest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the slowest transactions of one name, its slowest spans, and queries that repeat."""
    asked = Asked(*name_and_op(request), wanted_of(request, viewer, OWN))
    project = asked.wanted.project
    failed = replace(asked.filter, only_failed=True)
    async with reader_of(request, project).turn() as store:
        slowest, failures, spans, patterns = await asyncio.gather(
            list_lines(store, project, asked.filter, order="slowest", limit=EXAMPLES),
            list_lines(store, project, failed, order="newest", limit=EXAMPLES),
            slowest_spans(
                store, project, SpanFilter(within=asked.filter), order="total", limit=SORTS_SHOWN
            ),
            find_patterns(store, project, asked.filter),
        )
    return await page(
        request,
        "errors/performance/name_rest.html",
        slowest=slowest,
        failures=failures,
        spans=spans,
        patterns=patterns,
        **asked.frame,
    )


@get("/performance/transactions", include_in_schema=False)
async def lines_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the slowest, the newest or the failed transactions of one name, in pages."""
    values = values_of(request)
    asked = Asked(*name_and_op(request), wanted_of(request, viewer, OWN))
    chosen, beyond = _chosen(values), values.get("older")
    wanted = replace(asked.filter, only_failed=chosen == "failed")
    async with reader_of(request, asked.wanted.project).turn() as store:
        lines = await list_lines(
            store,
            asked.wanted.project,
            wanted,
            order=LISTS[chosen][1],
            limit=PAGE_ROWS + 1,
            beyond=read_line(beyond, "older") if beyond else None,
        )
    shown = lines[:PAGE_ROWS]
    return await page(
        request,
        "errors/performance/lines.html",
        lines=shown,
        chosen=chosen,
        lists=LISTS,
        older=written_line(shown[-1].place) if len(lines) > len(shown) else None,
        is_first=not beyond,
        **asked.frame,
    )


def release_lines(releases: Sequence[Release]) -> list[ReleaseLine]:
    """Returns releases, the newest first, each beside the one that came before it."""
    lines = []
    for one, older in zip_longest(releases, releases[1:]):
        now, was = one.figures.spread[2], older.figures.spread[2] if older else None
        is_slower = was is not None and now > was * 1.1
        lines.append(ReleaseLine(one, change(now, was), is_slower, rating(one.figures.apdex)))
    return lines


async def _figures(request: AnyRequest, asked: Asked) -> dict[str, Any]:
    wanted, project = asked.wanted, asked.wanted.project
    async with reader_of(request, project).turn() as store:
        now, before, over_time, releases = await asyncio.gather(
            transactions.total(store, project, asked.filter),
            transactions.total(store, project, asked.before),
            transactions.course(store, project, asked.filter, wanted.range.bucket),
            transactions.list_releases(store, project, asked.filter),
        )
    changes = await changes_in(request, project.project_id, wanted.range)
    return {
        "is_empty": not now.figures.count and not before.figures.count,
        "tiles": tiles_of(wanted, now.figures, before.figures, over_time),
        "drawn": charts_of(wanted, now.figures, over_time, releases, changes),
        "releases": release_lines(releases),
    }


def _chosen(values: Values) -> str:
    name = values.get("sort") or "slowest"
    if name not in LISTS:
        raise invalid("sort", f"Expected one of {', '.join(LISTS)}")
    return name
