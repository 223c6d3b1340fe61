"""Which events of an issue a list shows: its time, and its filter in the words of issues."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.added import take_added
from api.pages.errors.issues.event import NAMEABLE
from api.pages.errors.issues.wanted import KEYS as OF_ISSUES
from api.pages.errors.issues.wanted import RANGE
from api.pages.parts.filters import TEXT, WHERE, Key, Term, read_terms
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.viewer import Viewer
from api.parameters import invalid, values_of
from clickhouse.errors.event_filters import COLUMNS, EventFilter
from clickhouse.errors.trace_links import spellings
from schemas.errors.event import LEVELS
from schemas.errors.issues import IssueRow
from schemas.projects import ProjectContext

OWN: Mapping[str, Key] = {
    **{name: OF_ISSUES[name] for name in ("level", "release", "environment", "user")},
    **{name: OF_ISSUES[name] for name in ("transaction", "server_name")},
    "handled": Key("handled", "yes or no"),
    "trace": Key("trace", "the id of a trace"),
    TEXT: Key(TEXT, "in what it says, its place or its transaction; words alone do too"),
}
HANDLED: Mapping[str, bool] = {"yes": True, "no": False}
NAMES = {"trace": "trace_id"}
EXAMPLE = "Filter: release:2.1, environment:production, browser:Firefox, a word"
MOST_TAGS = 10


class Keys(Mapping[str, Key]):
    """Every key that a filter of events may have: their own, and each other one as a tag's."""

    def __getitem__(self, name: str) -> Key:
        return OWN.get(name) or Key(name, "a tag", negates=True, repeats=True)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __iter__(self) -> Iterator[str]:
        return iter(OWN)

    def __len__(self) -> int:
        return len(OWN)


KEYS = Keys()


class Wanted(Struct, frozen=True):
    """What a list of events asks for."""

    project: ProjectContext
    """On the clock of the page."""
    row: IssueRow
    range: TimeRange
    terms: list[Term]

    @property
    def filter(self) -> EventFilter:
        """The filter of the query functions."""
        within = EventFilter(
            group_hashes=self.row.group_hashes,
            from_us=self.range.first_us,
            to_us=self.range.last_us,
        )
        return _narrowed(within, self.terms)


def wanted_of(request: AnyRequest, viewer: Viewer, row: IssueRow) -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=RANGE)
    terms = read_terms(values.get(WHERE, ""), KEYS)
    take_added(request, terms, KEYS)
    check(terms)
    return Wanted(on_clock(viewer.project, shown), row, shown, terms)


def check(terms: Iterable[Term]) -> None:
    """Raises `InvalidParameters` for what the list cannot ask for."""
    tags = 0
    for term in terms:
        if not NAMEABLE.fullmatch(term.key):
            raise invalid(WHERE, f"Unknown key {term.key[:64]!r}: in quotes it is a text to find")
        if term.key == "level" and term.value not in LEVELS:
            raise invalid(WHERE, f"level: expected one of {', '.join(LEVELS)}")
        if term.key == "handled" and term.value not in HANDLED:
            raise invalid(WHERE, "handled: expected yes or no")
        if term.key == TEXT and term.is_negated:
            raise invalid(WHERE, "A text cannot be left out, only asked for")
        tags += term.key not in OWN
    if tags > MOST_TAGS:
        raise invalid(WHERE, f"Expected at most {MOST_TAGS} tags")
    if sum(term.key == TEXT for term in terms) > 1:
        raise invalid(WHERE, 'Expected one text; words that belong together stand in "quotes"')


def _narrowed(wanted: EventFilter, terms: Iterable[Term]) -> EventFilter:
    for key, value, is_negated, _ in terms:
        name = NAMES.get(key, key)
        if is_negated:
            wanted = replace(wanted, without=(*wanted.without, (name, value)))
        elif key == "level":
            wanted = replace(wanted, levels=(*wanted.levels, value))
        elif key == "handled":
            wanted = replace(wanted, handled=HANDLED[value])
        elif key == "trace":
            wanted = replace(wanted, trace_id=spellings(value)[0])
        elif key == TEXT or name in COLUMNS:
            wanted = replace(wanted, **{name: value})
        else:
            wanted = replace(wanted, tags=(*wanted.tags, (key, value)))
    return wanted
