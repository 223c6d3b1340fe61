"""Explore: any measure, by anything, of whatever the filter leaves; as chart, table and CSV."""

import asyncio
import csv
import io
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.llm.comparison import MOST_BEFORE, Asked, Found, chart_of_groups, rows_of
from api.pages.llm.measures import MEASURES
from api.pages.llm.readings import as_needed, cells_of, groups_of, moments_of, totals_of
from api.pages.llm.wanted import KEYS, Wanted, wanted_of
from api.pages.parts.filters import chips_of
from api.pages.parts.snippets import snippets_of
from api.pages.render import is_fragment, page
from api.pages.viewer import Viewed
from api.parameters import MOST_KEY_CHARS, Values, invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.groups import Grouping
from clickhouse.llm.rollups import DIMENSIONS, METADATA, scope
from schemas.llm.answers import Group
from schemas.zones import HOUR_US

LISTED = 50
MOST_CSV = 1_000
MOST_BY = 3
BY = ("model", "provider", "user", "environment", "status", "session_id")
WHOLE = "whole"
"""In an address: show everything at once, as browsers without JavaScript need it."""
SHORT_US = 6 * HOUR_US
"""In ranges of up to here calls are few."""
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell."""


@get("/llm/explore", include_in_schema=False)
async def explore_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show a measure over time and by group; what takes its time comes after the rest."""
    values, wanted = values_of(request), wanted_of(request, viewer)
    asked = asked_of(values)
    shown: dict[str, Any] = {
        "wanted": wanted,
        "chips": chips_of(wanted.terms, KEYS),
        "keys": KEYS,
        "asked": asked,
        "measures": MEASURES,
        "dimensions": BY,
    }
    if is_slow(wanted, asked) and not is_fragment(request) and WHOLE not in values:
        return await page(request, "llm/explore.html", is_awaited=True, **shown)
    async with reader_of(request, wanted.project).turn() as store:
        found = await (_grouped if asked.by else _ungrouped)(store, wanted, asked)
    rows = rows_of(wanted, asked, found)
    is_empty = not found.total.total_requests
    return await page(
        request,
        "llm/explore.html",
        is_awaited=False,
        **shown,
        chart=chart_of_groups(wanted, asked, found, rows),
        rows=rows,
        total=found.total,
        is_empty=is_empty,
        snippets=await snippets_of(request, viewer) if is_empty else [],
    )


@get("/llm/explore.csv", include_in_schema=False)
async def explore_csv(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Return the table, or without groups each moment, with every measure."""
    values, wanted = values_of(request), wanted_of(request, viewer)
    asked = asked_of(values)
    names: tuple[str, ...] = asked.by or (wanted.range.bucket,)
    order = asked.measure.order if asked.by else "key"
    grouping = Grouping(names, order, not asked.by, MOST_CSV)
    async with reader_of(request, wanted.project).turn() as store:
        groups = await groups_of(store, wanted, wanted.filter, grouping)
    text = await asyncio.to_thread(_written, names, groups)
    headers = {"Content-Disposition": 'attachment; filename="explore.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def is_slow(wanted: Wanted, asked: Asked) -> bool:
    """Whether groups are found, of which each has a course, or calls are read one by one."""
    if wanted.range.length_us <= SHORT_US:
        return False
    scoped = scope(wanted.project, wanted.filter, names=(), base_only=wanted.is_fine)
    return bool(asked.by) or scoped.table != "hourly"


def asked_of(values: Values) -> Asked:
    """Reads what to measure. Raises `InvalidParameters`."""
    measure = values.get("measure") or "calls"
    if measure not in MEASURES:
        raise invalid("measure", f"Expected one of {', '.join(MEASURES)}")
    by = tuple(
        dict.fromkeys(name for one in values.get("by", "").split(",") if (name := one.strip()))
    )
    if len(by) > MOST_BY:
        raise invalid("by", f"Expected at most {MOST_BY} names")
    for name in by:
        if name not in DIMENSIONS and not (name.startswith(METADATA) and name != METADATA):
            raise invalid("by", f"Expected some of {', '.join((*BY, METADATA + '<key>'))}")
        if len(name) > MOST_KEY_CHARS:
            raise invalid("by", f"Expected a key of at most {MOST_KEY_CHARS} characters")
    return Asked(MEASURES[measure], by, values.get("compare") == "1")


async def _ungrouped(store: Warehouse, wanted: Wanted, asked: Asked) -> Found:
    total, moments = await asyncio.gather(
        totals_of(store, wanted, wanted.filter),
        moments_of(store, wanted, wanted.filter, asked.measure),
    )
    if not asked.compares:
        return Found(total, moments)
    before, earlier = await asyncio.gather(
        totals_of(store, wanted, wanted.before),
        moments_of(store, wanted, wanted.before, asked.measure),
    )
    return Found(total, moments, before, earlier)


async def _grouped(store: Warehouse, wanted: Wanted, asked: Asked) -> Found:
    grouping = Grouping(asked.by, asked.measure.order, False, LISTED)
    earlier = grouping._replace(limit=MOST_BEFORE)
    total, moments, groups, were, cells = await asyncio.gather(
        totals_of(store, wanted, wanted.filter),
        moments_of(store, wanted, wanted.filter, asked.measure),
        groups_of(store, wanted, wanted.filter, grouping),
        as_needed(store, wanted, wanted.before, earlier, asked.measure),
        cells_of(store, wanted, asked.by, asked.measure),
    )
    return Found(total, moments, groups=groups, were=were, cells=cells)


def _written(names: tuple[str, ...], groups: list[Group]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*names, *MEASURES])
    for group in groups:
        keys = [_cell(group.key[name]) for name in names]
        writer.writerow([*keys, *(measure.of(group) for measure in MEASURES.values())])
    return text.getvalue()


def _cell(text: str | None) -> str:
    """Returns a sender's text as a cell that a spreadsheet does not run."""
    text = text or ""
    return f"'{text}" if text.startswith(FORMULAS) else text
