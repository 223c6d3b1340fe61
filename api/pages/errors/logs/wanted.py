"""Which log records a page shows: its time, its filter, and what the filter suggests."""

from collections.abc import Mapping, Sequence

from litestar import Response, get
from msgspec import Struct

from api.auth import AnyRequest
from api.pages.added import take_added
from api.pages.parts.filters import ADDED, TEXT, WHERE, Key, Term, read_terms
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.attribute_filters import read_attribute
from clickhouse.errors.log_filters import COLUMNS, LogFilter, Named, Text
from clickhouse.errors.logs import values_like
from schemas.errors.severities import LOG_LEVELS, least_of
from schemas.projects import ProjectContext

ATTRIBUTE = "attr."
MOST_TEXT_CHARS = 200
MOST_KEY_CHARS = 200
WORD = "word"
KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("level", "at least trace, debug, info, warn, error or fatal"),
        Key("trace", "the id of its trace"),
        Key("span", "the id of its span", negates=True),
        Key("logger", "who logged it", negates=True),
        Key("environment", "where it ran", negates=True),
        Key("release", "the version that ran", negates=True),
        Key("service", "its service.name", negates=True),
        Key("server", "the machine that it ran on", negates=True),
        Key("user", "whose it was: id, email, name or address", negates=True),
        Key(WORD, "a whole word of it, found by an index", negates=True),
        Key(TEXT, "in it; words alone do too", negates=True),
    )
}
EXAMPLE = "Filter: level:warn, logger:shop.pay, attr.order:42, a word of the line"


class Wanted(Struct, frozen=True):
    """What a page asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]

    @property
    def filter(self) -> LogFilter:
        """The filter of the query functions, with both ends of the range."""
        return filter_of(self.terms, self.range)


def wanted_of(request: AnyRequest, viewer: Viewer) -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    shown = range_of(values, viewer.project)
    terms = read_terms(values.get(WHERE, ""), KEYS, prefixes=(ATTRIBUTE,))
    take_added(request, terms, KEYS, prefixes=(ATTRIBUTE,))
    for term in terms:
        _check(term)
    return Wanted(on_clock(viewer.project, shown), shown, terms)


@get("/errors/logs/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on, with the newest records behind each value."""
    begun = values_of(request).get(ADDED, "").strip()
    minus = "-" if begun.startswith("-") else ""
    key, colon, text = begun.removeprefix("-").partition(":")
    options: list[tuple[str, str]] = []
    if not colon:
        options = [(f"{one.name}:", one.meaning) for one in KEYS.values() if key in one.name]
        options.append((ATTRIBUTE, "an attribute, as attr.order:42"))
    elif key == "level":
        options = [(f"level:{one}", "and what is worse") for one in LOG_LEVELS if text in one]
    elif key in COLUMNS or (key.startswith(ATTRIBUTE) and key != ATTRIBUTE):
        options = await _values(request, viewer, key, text.strip('"'))
    if begun.strip('-" ') and not (colon and (key in KEYS or key.startswith(ATTRIBUTE))):
        said = begun.removeprefix("-").strip('"')
        options.append((str(Term(TEXT, said)), KEYS[TEXT].meaning.partition(";")[0]))
    return await page(request, "llm/suggestions.html", options=options, minus=minus)


def filter_of(terms: Sequence[Term], shown: TimeRange) -> LogFilter:
    """Returns the filter of the query functions."""
    levels = [least_of(term.value) for term in terms if term.key == "level"]
    traces = [term.value for term in terms if term.key == "trace"]
    return LogFilter(
        from_us=shown.first_us,
        to_us=shown.last_us,
        least_severity=max(levels, default=0),
        trace_id=traces[0] if traces else None,
        named=tuple(
            Named(term.key, term.value, term.is_negated) for term in terms if term.key in COLUMNS
        ),
        attributes=tuple(
            read_attribute(term.key.removeprefix(ATTRIBUTE), term.value, is_negated=term.is_negated)
            for term in terms
            if term.key.startswith(ATTRIBUTE)
        ),
        texts=_texts(terms, TEXT),
        words=_texts(terms, WORD),
    )


def _texts(terms: Sequence[Term], key: str) -> tuple[Text, ...]:
    return tuple(Text(term.value, term.is_negated) for term in terms if term.key == key)


def _check(term: Term) -> None:
    if term.key in (TEXT, WORD) and not 2 <= len(term.value) <= MOST_TEXT_CHARS:
        raise invalid(WHERE, f"{term.key}: expected 2 to {MOST_TEXT_CHARS} characters")
    if term.key == "level" and term.value not in LOG_LEVELS:
        raise invalid(WHERE, f"level: expected one of {', '.join(LOG_LEVELS)}")
    if term.key.startswith(ATTRIBUTE):
        try:
            read_attribute(term.key, term.value, is_negated=term.is_negated)
        except ValueError as error:
            raise invalid(WHERE, f"{term.key}: {error}") from error
    if len(term.key) > MOST_KEY_CHARS:
        raise invalid(WHERE, f"Expected a name of at most {MOST_KEY_CHARS} characters")


async def _values(
    request: AnyRequest, viewer: Viewer, key: str, text: str
) -> list[tuple[str, str]]:
    shown = range_of(values_of(request), viewer.project)
    everything = LogFilter(from_us=shown.first_us, to_us=shown.last_us)
    async with reader_of(request, viewer.project).turn() as store:
        found = await values_like(store, viewer.project, everything, key, text)
    return [(str(Term(key, value)), f"{count:,} records") for value, count in found]
