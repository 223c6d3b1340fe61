"""Explore: any measure, by anything, of whatever the filter leaves; as chart, table and file."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.live.following import LivePart
from api.pages.llm.comparison import MOST_BEFORE, Asked, Found, chart_of_groups, rows_of
from api.pages.llm.key_names import chips_with_names, key_names_of
from api.pages.llm.live import follow, live_of
from api.pages.llm.measures import MEASURES, in_unit, kind_of, named
from api.pages.llm.readings import (
    as_needed,
    groups_and_cells,
    groups_of,
    marks_of,
    moments_of,
    totals_of,
)
from api.pages.llm.wanted import KEYS, Wanted, wanted_of
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import with_marks
from api.pages.parts.sheets import Column, Format, Row, download, moment_of
from api.pages.parts.snippets import with_snippets
from api.pages.parts.texts import us_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import MOST_KEY_CHARS, Values, invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.groups import Grouping
from clickhouse.llm.rollups import DIMENSIONS, METADATA
from schemas.llm.answers import Group

LISTED = 50
MOST_ROWS = 1_000
MOST_BY = 3
BY = (
    "model",
    "provider",
    "user",
    "environment",
    "api_key",
    "status",
    "session_id",
    "prompt",
    "prompt_version",
)


@get("/llm/explore", include_in_schema=False)
async def explore_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a measure over time and by group."""
    wanted, asked = wanted_of(request, viewer), asked_of(values_of(request))
    live = await live_of(request, viewer)
    return await page_with(
        request,
        "llm/explore.html",
        with_snippets(request, viewer, _figures(request, viewer)),
        live=live,
        keys=KEYS,
        dimensions=BY,
        chips=await chips_with_names(request, viewer, wanted.terms),
        **_asked_for(wanted, asked),
    )


@get("/llm/explore.events", include_in_schema=False)
async def explore_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send chart and table anew as events come."""
    asked_of(values_of(request))  # says at once what is wrong, and not at each making
    return follow(request, viewer, LivePart("figures", 1.0, "llm/_explore_figures.html", _figures))


@get("/llm/explore.csv", include_in_schema=False)
async def explore_csv(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Return the table, or without groups each moment, with every measure."""
    return await _taken_away(request, viewer, "csv")


@get("/llm/explore.parquet", include_in_schema=False)
async def explore_parquet(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Return the same as Parquet."""
    return await _taken_away(request, viewer, "parquet")


async def _taken_away(request: AnyRequest, viewer: Viewer, form: Format) -> Response[Any]:
    wanted, asked = wanted_of(request, viewer), asked_of(values_of(request))
    names: tuple[str, ...] = asked.by or (wanted.range.bucket,)
    order = asked.measure.order if asked.by else "key"
    grouping = Grouping(names, order, not asked.by, MOST_ROWS)

    async def pages() -> AsyncGenerator[list[Row]]:
        async with reader_of(request, wanted.project).turn() as store:
            groups = await groups_of(store, wanted, wanted.filter, grouping)
        yield [_row(asked.by, group) for group in groups]

    keys = [Column(name, "text") for name in asked.by] or [Column("start", "time")]
    measured = [Column(named(one), kind_of(one)) for one in MEASURES.values()]
    return await download("explore", form, [*keys, *measured], pages())


def _row(by: tuple[str, ...], group: Group) -> Row:
    keys: list[str | datetime | None] = [group.key[name] for name in by]
    if not by and group.start:
        keys = [moment_of(us_of(group.start))]
    return [*keys, *(in_unit(measure, measure.of(group)) for measure in MEASURES.values())]


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


async def _figures(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    wanted, asked = wanted_of(request, viewer), asked_of(values_of(request))
    async with reader_of(request, wanted.project).turn() as store:
        found, marks = await asyncio.gather(
            (_grouped if asked.by else _ungrouped)(store, wanted, asked),
            marks_of(store, wanted),
        )
    if "api_key" in asked.by:
        found = found._replace(names=await key_names_of(request, viewer))
    marks += await changes_in(request, wanted.project.project_id, wanted.range)
    rows = rows_of(wanted, asked, found)
    return {
        **_asked_for(wanted, asked),
        "chips": await chips_with_names(request, viewer, wanted.terms),
        "chart": with_marks(chart_of_groups(wanted, asked, found, rows), marks),
        "rows": rows,
        "is_empty": not found.total.total_requests,
        "sums_only": found.total.sums_only,
    }


def _asked_for(wanted: Wanted, asked: Asked) -> dict[str, Any]:
    return {
        "wanted": wanted,
        "asked": asked,
        "measures": MEASURES,
    }


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
    total, moments, (groups, cells), were = await asyncio.gather(
        totals_of(store, wanted, wanted.filter),
        moments_of(store, wanted, wanted.filter, asked.measure),
        groups_and_cells(store, wanted, grouping, asked.measure),
        as_needed(store, wanted, wanted.before, earlier, asked.measure),
    )
    return Found(total, moments, groups=groups, were=were, cells=cells)
