"""What the events of an issue have under each tag, as shares."""

from collections.abc import Sequence
from typing import NamedTuple

from api.pages.errors.issues.cutting import SHORT
from api.pages.errors.issues.event import NAMEABLE
from api.pages.parts.filters import Term
from clickhouse.errors.issue_details import TagBreakdown

MOST_KEYS = 20
SHOWN = 5
"""Values of a key."""
UNASKED = ("platform", "sdk")
"""Fields that no filter asks for."""


class Share(NamedTuple):
    """A value, and how many of the events that have the key have it."""

    value: str
    events: int
    percent: float
    where: str
    """The filter that asks for it; empty where none can."""


class Shares(NamedTuple):
    """One key with its most frequent values."""

    key: str
    values: list[Share]
    others: int


class Tags(NamedTuple):
    """What is shown of all keys."""

    various: list[Shares]
    same: list[Shares]
    """Keys of which one value was seen alone."""


def shares_of(found: Sequence[TagBreakdown]) -> Tags:
    """Returns what is shown of the tags, those first that most events have."""
    shares = [
        Shares(
            one.key[:SHORT],
            [_share(one, top.value, top.events) for top in one.top[:SHOWN]],
            one.values - len(one.top[:SHOWN]),
        )
        for one in found[:MOST_KEYS]
    ]
    same = [one for one in shares if len(one.values) == 1 and not one.others]
    return Tags([one for one in shares if one not in same], same)


def _share(one: TagBreakdown, value: str, events: int) -> Share:
    can_ask = NAMEABLE.fullmatch(one.key) and len(value) <= SHORT and one.key not in UNASKED
    where = str(Term(one.key, value)) if can_ask else ""
    return Share(value[:SHORT], events, 100 * events / one.events if one.events else 0.0, where)
