"""What happened before an error: its breadcrumbs, newest last, each with how long before it was."""

from typing import NamedTuple

from api.pages.errors.issues.cutting import SHORT, USUAL, Budget, Cut, Pairs, object_of
from api.pages.parts.texts import duration
from schemas.errors.event import Breadcrumb, ErrorEvent

SHOWN = 15
"""The newest, which are not folded."""
MOST_DATA = 12
LAST_US = 253_402_300_800_000_000
"""The end of the year 9999."""
MINUS = "\u2212"
MOODS = {"fatal": "down", "error": "down", "critical": "down", "warning": "degraded"}


class Crumb(NamedTuple):
    """One thing that happened."""

    at_us: int | None
    before: str
    """How long before the error, as `−2.4 s`; empty where its time is unknown."""
    kind: str
    category: str
    level: str
    mood: str
    """How its level looks: `down`, `degraded` or nothing."""
    message: Cut
    data: Pairs


class Crumbs(NamedTuple):
    """All of them, oldest first; the earlier ones are folded."""

    earlier: list[Crumb]
    shown: list[Crumb]


def crumbs_of(event: ErrorEvent, budget: Budget) -> Crumbs:
    """Returns what is shown; the newest are worked out first, for the budget is theirs."""
    found = [_crumb(one, event.timestamp_us, budget) for one in reversed(event.breadcrumbs)][::-1]
    return Crumbs(found[:-SHOWN], found[-SHOWN:])


def _crumb(one: Breadcrumb, error_us: int, budget: Budget) -> Crumb:
    cut = budget.cut
    # No calendar has what lies outside.
    at_us = one.timestamp_us if 0 <= (one.timestamp_us or -1) < LAST_US else None
    level = cut(one.level, SHORT).text.lower()
    return Crumb(
        at_us=at_us,
        before=before(at_us, error_us),
        kind=cut(one.type, SHORT).text,
        category=cut(one.category, SHORT).text,
        level=level,
        mood=MOODS.get(level, ""),
        message=cut(one.message, USUAL),
        data=budget.pairs(object_of(one.data), most=MOST_DATA, chars=SHORT),
    )


def before(us: int | None, error_us: int) -> str:
    """Writes how long before an error something was."""
    if us is None:
        return ""
    ms = (error_us - us) / 1000
    return "0 s" if abs(ms) < 1 else f"{MINUS if ms > 0 else '+'}{duration(abs(ms))}"
