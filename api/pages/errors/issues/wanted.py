"""Which issues a list shows: its time, its search, its order, and the words for them.

Where an address names no search, it is `is:unresolved`; `is:all` stands for no condition at all.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, get_args

from msgspec import Struct

from api.auth import AnyRequest
from api.pages.added import take_added
from api.pages.errors.issues.event import NAMEABLE
from api.pages.parts.filters import (
    TEXT,
    WHERE,
    Chip,
    Key,
    Term,
    always_quoted,
    chips_of,
    read_terms,
)
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.viewer import Viewer
from api.parameters import invalid, values_of
from schemas.errors.issues import IssueSort
from schemas.projects import ProjectContext

RANGE = "7d"
USUAL = "is:unresolved"
EVERYTHING = "is:all"
REGRESSED = "is:regressed"
SORTS: tuple[IssueSort, ...] = get_args(IssueSort)
STATES = ("unresolved", "open", "resolved", "ignored", "archived", "regressed", "all")
"""Words of `is` of which an issue is one at a time. (Who is regressed is unresolved.)"""
KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key(
            "is",
            "unresolved, resolved, ignored, regressed, unhandled, assigned, unassigned",
            repeats=True,
            states=STATES,
        ),
        Key("level", "fatal, error, warning, info or debug", negates=True, repeats=True),
        Key("release", "of its events", negates=True),
        Key("environment", "of its events", negates=True),
        Key("user", "who met it: id, email, name or address", negates=True),
        Key("assignee", "me, none, or the email of a member"),
        Key("type", "of the exception", repeats=True),
        Key("platform", "python, javascript, …", repeats=True),
        Key("transaction", "the route or job in which it happened", negates=True),
        Key("server_name", "the machine", negates=True),
        Key("first_release", "the release that it was seen in first"),
        Key("first_seen", "-24h for within a day, +7d for longer ago"),
        Key(TEXT, "in the title or the place; words alone do too", negates=True),
    )
}


class Keys(Mapping[str, Key]):
    """Every key that a filter may have: those of issues, and each other one as that of a tag."""

    def __getitem__(self, name: str) -> Key:
        if name in KEYS:
            return KEYS[name]
        return Key(name, "a tag of its events", negates=True, repeats=True)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __iter__(self) -> Iterator[str]:
        return iter(KEYS)

    def __len__(self) -> int:
        return len(KEYS)


class View(NamedTuple):
    """One of the lists that are a click away."""

    title: str
    where: str | None
    is_shown: bool


class Wanted(Struct, frozen=True):
    """What a list asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]
    sort: IssueSort

    @property
    def search(self) -> str:
        """The search in the words of the API."""
        return " ".join(map(_searched, self.terms))

    @property
    def chips(self) -> list[Chip]:
        """The conditions; without the last one all issues are asked for, and not the usual ones."""
        terms = [one for one in self.terms if str(one) != EVERYTHING]
        return [
            chip._replace(without=chip.without or EVERYTHING) for chip in chips_of(terms, Keys())
        ]

    @property
    def views(self) -> list[View]:
        """The lists that are a click away, and which of them this one is."""
        named = [one for one in self.terms if one.key == "is" and one.value in STATES]
        others = [one for one in self.terms if one not in named]
        state = " ".join(map(str, named)) or EVERYTHING
        return [
            View(title, None if where == USUAL and not others else _with(where, others),
                 where == state)
            for title, where in VIEWS
        ]  # fmt: skip


VIEWS = (
    ("Unresolved", USUAL),
    ("Regressed", REGRESSED),
    ("Ignored", "is:ignored"),
    ("Resolved", "is:resolved"),
    ("All", EVERYTHING),
)


def wanted_of(request: AnyRequest, viewer: Viewer) -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=RANGE)
    terms = read_terms(values.get(WHERE, USUAL), Keys())
    take_added(request, terms, Keys())
    for term in terms:
        if not NAMEABLE.fullmatch(term.key):
            raise invalid(WHERE, f"Unknown key {term.key[:64]!r}: in quotes it is a text to find")
    named = values.get("sort") or SORTS[0]
    sort = next((one for one in SORTS if one == named), None)
    if sort is None:
        raise invalid("sort", f"Expected one of {', '.join(SORTS)}")
    return Wanted(on_clock(viewer.project, shown), shown, terms, sort)


def _searched(term: Term) -> str:
    if term.key == TEXT:
        return f"{'!' if term.is_negated else ''}{always_quoted(term.value)}"
    # What is resolved again is not what people look for.
    return f"{term} {USUAL}" if str(term) == REGRESSED else str(term)


def _with(where: str, others: list[Term]) -> str:
    return " ".join([where, *map(str, others)])
