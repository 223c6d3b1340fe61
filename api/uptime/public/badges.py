"""Badges: small pictures that say how something is. Pure.

An SVG of two fields, as those of shields.io look. It holds no style and no script, and its title
says in words what it shows.
"""

from typing import Literal, NamedTuple

from api.pages.render import environment
from api.uptime.public.feed import NO_XML
from api.uptime.public.words import STATE_WORDS, latest, uptime_words
from schemas.uptime.boards import Board, Component, ComponentState, Overall, uptime_of

BadgeKind = Literal["state", "uptime", "latency"]
GREEN, YELLOW, ORANGE, RED, BLUE, GREY = (
    *("#2e7d4f", "#8a6a00", "#b35309", "#b3261e"),
    *("#2f62b0", "#6b6b66"),
)
"""Each dark enough for white text on it."""
OF_STATE: dict[ComponentState, str] = {
    "up": GREEN,
    "degraded": YELLOW,
    "down": RED,
    "unknown": GREY,
    "maintenance": BLUE,
    "paused": GREY,
}
OF_OVERALL: dict[Overall, tuple[str, str]] = {
    "up": ("operational", GREEN),
    "degraded": ("degraded", YELLOW),
    "incident": ("incident", YELLOW),
    "partial": ("partial outage", ORANGE),
    "down": ("down", RED),
    "maintenance": ("maintenance", BLUE),
    "unknown": ("no data", GREY),
}
MOST_CHARS = 40


class Badge(NamedTuple):
    """What it is about, what it says, and in which colour."""

    label: str
    value: str
    colour: str


def badge_of_page(board: Board) -> Badge:
    """Returns how all of a page is."""
    return Badge(board.title, *OF_OVERALL[board.overall])


def badge_of(component: Component, kind: BadgeKind, days: int) -> Badge:
    """Returns what is asked of one component; of uptime, over so many of its last days."""
    if kind == "state":
        value, colour = STATE_WORDS[component.state].lower(), OF_STATE[component.state]
        return Badge(component.name, value, colour)
    label = f"{component.name} {'uptime' if kind == 'uptime' else 'response'}"
    if kind == "latency":
        newest = latest(component.response_ms)
        value = "no data" if newest is None else f"{newest:.0f} ms"
        return Badge(label, value, GREY if newest is None else BLUE)
    percent = uptime_of(component.days[-days:])
    return Badge(f"{label} {days}d", uptime_words(percent), _colour_of(percent))


def svg_of(badge: Badge) -> bytes:
    """Returns the picture."""
    label, value = (_fitted(text) for text in (badge.label, badge.value))
    given = {"left": _width(label), "right": _width(value), "colour": badge.colour}
    template = environment().get_template("status/badge.svg")
    return template.render(label=label, value=value, **given).encode()


def _colour_of(percent: float | None) -> str:
    if percent is None:
        return GREY
    for least, colour in ((99.9, GREEN), (99.0, YELLOW), (95.0, ORANGE)):
        if percent >= least:
            return colour
    return RED


def _fitted(text: str) -> str:
    clean = NO_XML.sub("\ufffd", text)
    return clean if len(clean) <= MOST_CHARS else clean[: MOST_CHARS - 1] + "…"


def _width(text: str) -> int:
    """Returns about how wide a text is, in pixels, with its margins; the picture has it fit."""
    return 12 + sum(4 if one in "iljtf.,:'|! " else 10 if one in "mwMW" else 7 for one in text)
