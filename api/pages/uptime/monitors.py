"""The list of monitors: what is down comes first, and it follows what happens."""

from collections import Counter
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.live.following import EVENTS, OWN, LivePart, stream_parts
from api.pages.parts.filters import Term, chips_of, with_term, written
from api.pages.parts.ranges import Live
from api.pages.parts.snippets import Snippet, url_of
from api.pages.render import address_of, page
from api.pages.uptime.fields import TYPE_TITLES
from api.pages.uptime.live import of_all
from api.pages.uptime.standing import Line, lines_of, now_us, state_of
from api.pages.uptime.wanted import EXAMPLE, KEYS, MOODS, STATES, Wanted, in_order, wanted_of
from api.pages.viewer import Viewed, Viewer
from controlplane.uptime.monitors import MAX_MONITORS, list_monitors
from controlplane.uptime.news import count_open
from schemas.uptime.monitors import Monitor

MONITORS = "/uptime/monitors"
PAGE_ROWS = 50
REST_S = 2.0
CURL = """curl {url}/v1/monitors \\
  -H "Authorization: Bearer $MONITOR_KEY" -H 'Content-Type: application/json' -d '{{
    "name": "Example", "type": "http", "url": "https://example.com/",
    "interval_seconds": 60, "expected_status": 200}}'

# A monitor key: Settings, API tokens; or
# sluice token create monitors --monitors --scope write"""


class Tab(NamedTuple):
    """Monitors of one state, or all."""

    title: str
    tally: int
    where: str | None
    """The filter that shows them."""
    is_shown: bool


@get(MONITORS, include_in_schema=False)
async def monitors_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the monitors of the project."""
    wanted = wanted_of(request)
    return await page_with(
        request,
        "uptime/monitors.html",
        _found(request, viewer),
        wanted=wanted,
        live=await live_of(request, viewer),
        chips=chips_of(wanted.terms, KEYS),
        example=EXAMPLE,
    )


@get(f"{MONITORS}.events", include_in_schema=False)
async def monitors_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the list anew as checks come."""
    wanted_of(request)  # says at once what is wrong with the address
    part = LivePart("figures", REST_S, "uptime/_monitors_list.html", _found)
    return stream_parts(request, viewer, of_all(request, viewer), part, of=viewer.is_admin)


@get("/uptime/glance", include_in_schema=False)
async def uptime_glance(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show how many monitors are down and how many incidents are open, alone or on a page."""
    monitors = await all_monitors(request, viewer)
    at_us = now_us()
    states = Counter(state_of(one, at_us) for one in monitors)
    return await page(
        request,
        "uptime/glance.html",
        states_=[(name, title, states[name]) for name, title in STATES.items()],
        moods=MOODS,
        total=len(monitors),
        open_incidents=await count_open(services(request).database, viewer.project.project_id),
    )


async def live_of(request: AnyRequest, viewer: Viewer, ending: str = EVENTS) -> Live:
    """Returns how a page goes on that has no range: it follows unless somebody stops it."""
    address = address_of(request)
    values = {name: value for name, value in address.values.items() if name not in OWN}
    href = address.url(address.path + ending, **values)
    seen = await of_all(request, viewer).latest()
    return Live(href, seen, address.values.get("live") != "0")


async def all_monitors(request: AnyRequest, viewer: Viewer) -> list[Monitor]:
    """Returns all monitors of the viewer's project."""
    known, project_id = services(request), viewer.project.project_id
    return await list_monitors(known.database, known.vault, project_id, limit=MAX_MONITORS)


async def _found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    wanted, at_us = wanted_of(request), now_us()
    monitors = [(one, state_of(one, at_us)) for one in await all_monitors(request, viewer)]
    fitting = in_order([one for one in monitors if wanted.shows(*one)], wanted.sort)
    first = (wanted.page - 1) * PAGE_ROWS
    shown = fitting[first : first + PAGE_ROWS]
    lines: list[Line] = await lines_of(request, viewer, shown, at_us) if shown else []
    return {
        "wanted": wanted,
        "types": TYPE_TITLES,
        "zone": viewer.project.time_zone,
        "is_admin": viewer.is_admin,
        "lines": lines,
        "now_us": at_us,
        "tabs": _tabs(wanted, Counter(state for _, state in monitors)),
        "total": len(monitors),
        "fitting": len(fitting),
        "further": wanted.page + 1 if first + PAGE_ROWS < len(fitting) else None,
        "is_empty": not monitors,
        "snippets": [] if monitors else _snippets(request),
    }


def _tabs(wanted: Wanted, states: Counter[str]) -> list[Tab]:
    """Returns a tab for all, and one for each state that there is."""
    chosen = next((one for one in wanted.terms if one.key == "state" and not one.is_negated), None)
    others = [one for one in wanted.terms if one != chosen]
    tabs = [Tab("All", states.total(), written(others), chosen is None)]
    for name, title in STATES.items():
        is_shown = chosen is not None and chosen.value == name
        if states[name] or is_shown:
            where = with_term(others, Term("state", name), KEYS)
            tabs.append(Tab(title, states[name], where, is_shown))
    return tabs


def _snippets(request: AnyRequest) -> list[Snippet]:
    return [("With curl, and a monitor key", CURL.format(url=url_of(request)))]


HANDLERS = (monitors_page, monitors_events, uptime_glance)
