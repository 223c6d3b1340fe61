"""The list of log records: filtered, in pages, over time by level, and as they come."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from msgspec.structs import replace

from api.auth import AnyRequest
from api.errors.logs import read_place, written
from api.pages.arriving import page_with
from api.pages.errors.logs.one import open_log
from api.pages.errors.logs.wanted import EXAMPLE, KEYS, Wanted, wanted_of
from api.pages.errors.snippets import log_snippets_of
from api.pages.live.hub import Part, View
from api.pages.live.streams import SEEN, stream_of
from api.pages.parts.charts import Chart, Series, chart_of
from api.pages.parts.filters import Term, chips_of, with_term, without_term
from api.pages.parts.ranges import Live
from api.pages.render import address_of, part
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.errors.logs import count_levels, count_stored, list_lines
from schemas.errors.severities import LOG_LEVELS, UNKNOWN, LogLevel

PAGE_ROWS = 100
COLOURS: Mapping[LogLevel | None, int] = {
    "fatal": 3, "error": 6, "warn": 1, "info": 0, "debug": 5, "trace": 7, None: 8,
}  # fmt: skip
"""The worst first, as they stand in the legend."""
OWN = ("open", SEEN)
"""Values of an address that change nothing of the list."""
EVENTS = ".events"


@get("/errors/logs", include_in_schema=False)
async def list_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a page of records, the newest first."""
    wanted = wanted_of(request, viewer)
    return await page_with(
        request,
        "errors/logs/list.html",
        _found(request, viewer),
        wanted=wanted,
        live=await _live(request, viewer, wanted),
        chips=chips_of(wanted.terms, KEYS),
        example=EXAMPLE,
    )


@get("/errors/logs.events", include_in_schema=False)
async def list_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the first page of the list anew as records come."""
    wanted_of(request, viewer)  # says at once what is wrong with the address
    asked = address_of(request)
    values = {name: value for name, value in asked.values.items() if name not in OWN}
    address = replace(asked, path=asked.path.removesuffix(EVENTS), values=values)

    async def make() -> str:
        shown = await _lines(request, viewer)
        # The page says already that there is nothing, and with the viewer's own key.
        if shown["is_empty"]:
            return ""
        return await part(request, "errors/logs/_list.html", address=address, **shown)

    key = (address.prefix, address.path, tuple(sorted(values.items())), viewer.project)
    view = View(
        key,
        viewer.project.project_id,
        lambda: _counted(request, viewer),
        [Part("figures", 1.0, make)],
    )
    return stream_of(request, viewer, view, asked.values)


def levels_of(wanted: Wanted) -> list[tuple[str, str | None, bool]]:
    """Returns the least level to choose: its name, the filter that it makes, and whether it is."""
    chosen = next((term for term in wanted.terms if term.key == "level"), None)
    others = [term for term in wanted.terms if term.key != "level"]
    any_level = without_term(wanted.terms, chosen) if chosen else without_term(others, Term("", ""))
    choices: list[tuple[str, str | None, bool]] = [("all", any_level, chosen is None)]
    for level in LOG_LEVELS[1:-1]:
        is_chosen = chosen is not None and chosen.value == level
        choices.append((level, with_term(others, Term("level", level)), is_chosen))
    return choices


def chart(wanted: Wanted, counts: Mapping[int, Mapping[LogLevel | None, int]]) -> Chart:
    """Returns how many records there were over time, a line for each level that there is."""
    series = []
    for level, colour in COLOURS.items():
        values = {at: found.get(level, 0) for at, found in counts.items()}
        total = sum(values.values())
        if total:
            series.append(Series(level or UNKNOWN, values, colour, total))
    return chart_of("Log records", "count", wanted.range, series)


async def _found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    opened_id = values_of(request).get("open")
    shown = await _lines(request, viewer)
    opened = await open_log(request, viewer, opened_id) if opened_id else None
    is_bare = shown["is_empty"] and not shown["chips"]
    return {
        **shown,
        "opened": opened,
        "missing": opened_id if opened_id and opened is None else None,
        "snippets": await log_snippets_of(request, viewer) if is_bare else [],
    }


async def _lines(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    values, wanted = values_of(request), wanted_of(request, viewer)
    older = values.get("older")
    beyond = read_place(older, "older") if older else None
    project = wanted.project
    async with reader_of(request, project).turn() as store:
        lines, counts = await asyncio.gather(
            list_lines(store, project, wanted.filter, limit=PAGE_ROWS + 1, beyond=beyond),
            count_levels(store, project, wanted.filter, wanted.range.bucket),
        )
    shown = lines[:PAGE_ROWS]
    return {
        "wanted": wanted,
        "chips": chips_of(wanted.terms, KEYS),
        "levels": levels_of(wanted),
        "lines": shown,
        "drawn": chart(wanted, counts),
        "total": sum(sum(found.values()) for found in counts.values()),
        "older": written(shown[-1].place) if len(lines) > len(shown) else None,
        "is_first": beyond is None,
        "is_empty": not lines,
    }


async def _live(request: AnyRequest, viewer: Viewer, wanted: Wanted) -> Live | None:
    """Returns how the page goes on; before its parts are made, so that nothing is missed."""
    address = address_of(request)
    if wanted.range.preset is None or address.values.get("older"):
        return None
    seen = await _counted(request, viewer)
    values = {name: value for name, value in address.values.items() if name not in OWN}
    href = address.url(address.path + EVENTS, **values)
    return Live(href, seen, address.values.get("live") == "1")


async def _counted(request: AnyRequest, viewer: Viewer) -> int:
    async with reader_of(request, viewer.project).turn() as store:
        return await count_stored(store, viewer.project)
