"""Which traces a page of `llm` shows: its time, its filter, and the words for both."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from api.auth import AnyRequest
from api.llm.scored import SCORED, scored_of
from api.pages.added import take_added
from api.pages.parts.filters import TEXT, WHERE, Key, Term, read_terms
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.viewer import Viewer
from api.parameters import Values, invalid, values_of
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollups import METADATA
from schemas.projects import ProjectContext

KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("model", "the model that was asked for", negates=True),
        Key("provider", "who served the call", negates=True),
        Key("status", "success, or error", negates=True),
        Key("environment", "as the metadata says", negates=True),
        Key("user", "whose call it was, as the metadata says", negates=True),
        Key("api_key", "the id of the key that it came with", negates=True),
        Key("session", "the conversation that it belongs to", negates=True),
        Key("model_used", "the model that answered"),
        Key("prompt", "the prompt that it used"),
        Key("prompt_version", "the version of it"),
        Key("latency", "milliseconds, as latency:>500", compares=True),
        Key("cost", "dollars, as cost:>0.01", compares=True),
        Key("score", "the name of a score that it, or its trace, has"),
        Key("score_value", "words of a score, or true or false"),
        Key("score_min", "the least number of a score"),
        Key("score_max", "the greatest number of a score"),
        Key(TEXT, "in the request, the answer or the error; words alone do too", negates=True),
    )
}
FIELDS = {"session": "session_id"}
"""What the query functions call a key, where they call it otherwise."""
STATUSES = ("success", "error")
FINE = ("latency", "cost", "model_used", *SCORED)
"""Keys of which no rollup knows."""
MOST_METADATA = 10
MOST_TEXTS = 5
MOST_TEXT_CHARS = 200


class Wanted(Struct, frozen=True):
    """What a page asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]
    filter: TraceFilter
    """With both ends of the range."""

    @property
    def before(self) -> TraceFilter:
        """The same filter for the time before."""
        return filter_of(self.terms, self.range.before)

    @property
    def is_fine(self) -> bool:
        """Whether the filter asks for what no rollup knows."""
        return any(term.key in FINE for term in self.terms)


def wanted_of(request: AnyRequest, viewer: Viewer, *, default: str = "24h") -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values: Values = values_of(request)
    shown = range_of(values, viewer.project, default=default)
    terms = read_terms(values.get(WHERE, ""), KEYS, prefixes=(METADATA,))
    take_added(request, terms, KEYS, prefixes=(METADATA,))
    if sum(term.key.startswith(METADATA) for term in terms) > MOST_METADATA:
        raise invalid(WHERE, f"Expected at most {MOST_METADATA} conditions on metadata")
    return Wanted(on_clock(viewer.project, shown), shown, terms, filter_of(terms, shown))


def filter_of(terms: list[Term], shown: TimeRange) -> TraceFilter:
    """Returns the filter of the query functions. Raises `InvalidParameters`."""
    given: dict[str, Any] = {}
    metadata, without = [], []
    of_scores: dict[str, str] = {}
    texts: dict[bool, list[str]] = {False: [], True: []}
    for term in terms:
        name = FIELDS.get(term.key, term.key)
        if term.key.startswith(METADATA):
            metadata.append((term.key.removeprefix(METADATA), term.value))
        elif term.key == "status" and term.value not in STATUSES:
            raise invalid(WHERE, f"status: expected one of {', '.join(STATUSES)}")
        elif term.key == TEXT:
            texts[term.is_negated].append(_searched(term.value))
        elif term.key in SCORED:
            of_scores[term.key] = term.value
        elif term.is_negated:
            without.append((name, term.value))
        elif term.sign:
            given |= _bound(term)
        else:
            given[name] = term.value
    if sum(map(len, texts.values())) > MOST_TEXTS:
        raise invalid(WHERE, f"Expected at most {MOST_TEXTS} texts to find")
    return TraceFilter(
        from_us=shown.first_us,
        to_us=shown.last_us,
        metadata=tuple(metadata),
        without=tuple(without),
        texts=tuple(texts[False]),
        without_texts=tuple(texts[True]),
        scored=scored_of(of_scores),
        **given,
    )


def is_searched(text: str) -> bool:
    """Tells whether a text can be looked for: one character would be in nearly every call."""
    return 1 < len(text) <= MOST_TEXT_CHARS


def _searched(text: str) -> str:
    if not is_searched(text):
        raise invalid(WHERE, f"text: expected 2 to {MOST_TEXT_CHARS} characters, as {TEXT}:refund")
    return text


def _bound(term: Term) -> dict[str, Decimal]:
    end = "min" if term.sign == ">" else "max"
    if term.key == "latency":
        return {f"{end}_latency_ms": term.amount}
    return {f"{end}_cost_cents": term.amount * 100}
