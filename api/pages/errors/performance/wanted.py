"""Which transactions a page shows: its time, its filter, and what the filter suggests."""

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
from clickhouse.errors.transaction_filters import (
    SPAN_COLUMNS,
    Named,
    SpanFilter,
    Text,
    TransactionFilter,
)
from clickhouse.errors.transaction_values import span_values_like, values_like
from schemas.projects import ProjectContext

OWN: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("environment", "where it ran", negates=True),
        Key("release", "the version that ran", negates=True),
        Key("status", "ok, internal_error, not_found, …", negates=True),
        Key("user", "whose it was: id, email, name or address", negates=True),
        Key("server", "the machine that it ran on", negates=True),
    )
}
"""Of the transactions of one name."""
KEYS: Mapping[str, Key] = {
    "name": Key("name", "its whole name", negates=True),
    "op": Key("op", "its operation, as http.server", negates=True),
    **OWN,
    TEXT: Key(TEXT, "in its name; words alone do too", negates=True),
}
SPAN_KEYS: Mapping[str, Key] = {
    "op": Key("op", "the operation of the span, as db.query", negates=True),
    "transaction": Key("transaction", "the transaction that it is in", negates=True),
    **{name: OWN[name] for name in ("environment", "release")},
    TEXT: Key(TEXT, "in its description; words alone do too", negates=True),
}
EXAMPLE = "Filter: environment:production, op:http.server, a word of the name"
OWN_EXAMPLE = "Filter: environment:production, -status:ok, release:1.4.2"
SPAN_EXAMPLE = "Filter: op:db.query, transaction:/checkout, a word of the query"
OF = {"transactions": KEYS, "one": OWN, "spans": SPAN_KEYS}
"""The keys of a page, by what it calls itself when it asks for suggestions."""
MOST_TEXT_CHARS = 200
MOST_NAME_CHARS = 4_000


class Wanted(Struct, frozen=True):
    """What a page asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]

    @property
    def filter(self) -> TransactionFilter:
        """The filter of the query functions, with both ends of the range."""
        return filter_of(self.terms, self.range)

    @property
    def before(self) -> TransactionFilter:
        """The same for the time before."""
        return filter_of(self.terms, self.range.before)

    @property
    def spans(self) -> SpanFilter:
        """The filter of the spans that a page of `SPAN_KEYS` asks for."""
        own = [term for term in self.terms if term.key in ("op", "transaction", TEXT)]
        within = filter_of([term for term in self.terms if term not in own], self.range)
        return SpanFilter(within=within, named=_named(own), texts=_texts(own))


def wanted_of(request: AnyRequest, viewer: Viewer, keys: Mapping[str, Key] = KEYS) -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    shown = range_of(values, viewer.project)
    terms = read_terms(values.get(WHERE, ""), keys)
    take_added(request, terms, keys)
    if any(term.key == TEXT and not 0 < len(term.value) <= MOST_TEXT_CHARS for term in terms):
        raise invalid(WHERE, f"text: expected 1 to {MOST_TEXT_CHARS} characters")
    return Wanted(on_clock(viewer.project, shown), shown, terms)


def name_and_op(request: AnyRequest) -> tuple[str, str]:
    """Reads which transactions a page is about; some have no name, and some no operation."""
    values = values_of(request)
    return values.get("name", ""), values.get("op", "")


@get("/performance/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on, with the transactions, or spans, behind each value."""
    values = values_of(request)
    of, begun = values.get("of", "transactions"), values.get(ADDED, "").strip()
    if of not in OF:
        raise invalid("of", f"Expected one of {', '.join(OF)}")
    keys, minus = OF[of], "-" if begun.startswith("-") else ""
    key, colon, text = begun.removeprefix("-").partition(":")
    options: list[tuple[str, str]] = []
    if not colon:
        options = [(f"{one.name}:", one.meaning) for one in keys.values() if key in one.name]
    elif key in keys and key != TEXT:
        options = await _values(request, viewer, of, key, text.strip('"'))
    if TEXT in keys and begun.strip('-" ') and not (colon and key in keys):
        said = begun.removeprefix("-").strip('"')
        options.append((str(Term(TEXT, said)), keys[TEXT].meaning.partition(";")[0]))
    return await page(request, "llm/suggestions.html", options=options, minus=minus)


def filter_of(terms: Sequence[Term], shown: TimeRange) -> TransactionFilter:
    """Returns the filter of the query functions."""
    return TransactionFilter(
        from_us=shown.first_us, to_us=shown.last_us, named=_named(terms), texts=_texts(terms)
    )


async def _values(
    request: AnyRequest, viewer: Viewer, of: str, key: str, text: str
) -> list[tuple[str, str]]:
    shown = range_of(values_of(request), viewer.project)
    everything = TransactionFilter(from_us=shown.first_us, to_us=shown.last_us)
    async with reader_of(request, viewer.project).turn() as store:
        if of == "spans" and key in SPAN_COLUMNS:
            wanted = SpanFilter(within=everything)
            found = await span_values_like(store, viewer.project, wanted, key, text)
        else:
            found = await values_like(store, viewer.project, everything, key, text)
    what = "spans" if of == "spans" and key in SPAN_COLUMNS else "transactions"
    return [(str(Term(key, value)), f"{count:,} {what}") for value, count in found]


def _named(terms: Sequence[Term]) -> tuple[Named, ...]:
    return tuple(Named(term.key, term.value, term.is_negated) for term in terms if term.key != TEXT)


def _texts(terms: Sequence[Term]) -> tuple[Text, ...]:
    return tuple(Text(term.value, term.is_negated) for term in terms if term.key == TEXT)
