"""How a condition of the search goes on: keys, then the values that there are."""

from collections.abc import Mapping

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.errors.issues.event import NAMEABLE
from api.pages.errors.issues.events_wanted import HANDLED
from api.pages.errors.issues.events_wanted import OWN as OF_EVENTS
from api.pages.errors.issues.wanted import KEYS as OF_ISSUES
from api.pages.errors.issues.wanted import RANGE
from api.pages.parts.filters import ADDED, TEXT, Term
from api.pages.parts.ranges import on_clock, range_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.errors.issue_values import tag_keys, values_like
from schemas.errors.event import LEVELS
from schemas.errors.issues import ErrorFilter
from schemas.projects import ProjectContext

SHOWN = 12
STATES = {
    "unresolved": "open, regressed too",
    "resolved": "until they happen again",
    "ignored": "for a time, or for good",
    "regressed": "resolved before, and happened again",
    "unhandled": "nothing caught some of its events",
    "assigned": "to anybody",
    "unassigned": "to nobody",
}
FIXED: Mapping[str, Mapping[str, str]] = {
    "is": STATES,
    "level": dict.fromkeys(LEVELS, ""),
    "handled": dict.fromkeys(HANDLED, ""),
    "assignee": {"me": "yourself", "none": "nobody"},
}
NEGATABLE = "-"
OF = "of"
EVENTS = "events"
"""Which list asks: that of one issue's events has fewer keys."""

Option = tuple[str, str]
"""A text to put in, and what stands beside it."""


@get("/errors/issues/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on, with the events behind each value."""
    begun = values_of(request).get(ADDED, "").strip()
    minus = NEGATABLE if begun.startswith(NEGATABLE) else ""
    key, colon, text = begun.removeprefix(NEGATABLE).partition(":")
    options = (
        await _values(request, viewer, key, text.strip('"').lower())
        if colon
        else await _keys(request, viewer, key)
    )
    if begun.strip('-" ') and not colon:
        said = begun.removeprefix(NEGATABLE).strip('"')
        options.append((str(Term(TEXT, said)), "in the title or the place"))
    return await page(request, "llm/suggestions.html", options=options, minus=minus)


async def _keys(request: AnyRequest, viewer: Viewer, begun: str) -> list[Option]:
    keys = OF_EVENTS if values_of(request).get(OF) == EVENTS else OF_ISSUES
    own = [(f"{key.name}:", key.meaning) for key in keys.values() if begun in key.name]
    shown, project = _asked(request, viewer)
    async with reader_of(request, project).turn() as store:
        found = await tag_keys(store, project, shown)
    tags = [
        (f"{key}:", f"a tag of {events:,} events")
        for key, events in found
        if begun in key and key not in keys and NAMEABLE.fullmatch(key)
    ]
    return [*own, *tags[:SHOWN]]


async def _values(request: AnyRequest, viewer: Viewer, key: str, begun: str) -> list[Option]:
    if key in FIXED:
        return [
            (str(Term(key, value)), meaning)
            for value, meaning in FIXED[key].items()
            if begun in value
        ]
    if key in (TEXT, "trace") or not NAMEABLE.fullmatch(key):
        return []
    shown, project = _asked(request, viewer)
    async with reader_of(request, project).turn() as store:
        found = await values_like(store, project, shown, key, begun)
    return [(str(Term(key, value)), f"{events:,} events") for value, events in found]


def _asked(request: AnyRequest, viewer: Viewer) -> tuple[ErrorFilter, ProjectContext]:
    shown = range_of(values_of(request), viewer.project, default=RANGE)
    wanted = ErrorFilter(from_us=shown.first_us, to_us=shown.last_us)
    return wanted, on_clock(viewer.project, shown)
