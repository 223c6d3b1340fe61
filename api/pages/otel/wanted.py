"""Which traces, or spans, a page shows: its time, its filter, and what the filter suggests."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

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
from api.search_terms import ATTRIBUTE, RESOURCE
from clickhouse.attribute_filters import Attribute, read_attribute
from clickhouse.otel.services import hours_around, list_services
from clickhouse.otel.span_list import COLUMNS, OtelSpanFilter
from clickhouse.otel.trace_list import OtelTraceFilter
from schemas.ids import canonical_id
from schemas.projects import ProjectContext

MOST_TEXT_CHARS = 200
MOST_MS = 10**12
MOST_SUGGESTED = 20
MOST_SERVICES = 200
NAMES = {"trace": "trace_id", "session": "session_id"}
"""Keys that the query functions call otherwise."""
STATES = {"traces": ("error", "success"), "spans": ("error", "ok", "unset")}
TRACE_KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("service", "a service that has spans in it"),
        Key("status", "error where any span failed, or else success"),
        Key("latency", "in milliseconds, as latency:>500", compares=True),
        Key("cost", "of its calls in dollars, as cost:>0.01", compares=True),
        Key("source", "the agent that sent it, as claude_code"),
        Key("session", "the id of its session"),
    )
}
SPAN_KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("service", "its service.name"),
        Key("name", "its whole name"),
        Key("status", "error, ok or unset"),
        Key("latency", "in milliseconds, as latency:>500", compares=True),
        Key("kind", "what it is: span, model, tool, agent, …"),
        Key("span_kind", "server, client, internal, producer or consumer"),
        Key("convention", "whose conventions it follows"),
        Key("environment", "where it ran"),
        Key("release", "the version that ran"),
        Key("host", "the machine that it ran on"),
        Key("user", "whose it was"),
        Key("session", "the id of its session"),
        Key("trace", "the id of its trace"),
        Key(TEXT, "in its name or what its status says; words alone do too"),
    )
}
KEYS = {"traces": TRACE_KEYS, "spans": SPAN_KEYS}
ATTRIBUTES = [
    (ATTRIBUTE, "an attribute, as attr.order:42, attr.order:!=42 or attr.order:>42"),
    (RESOURCE, "an attribute of what sent it, as resource.host.arch:arm64"),
]
PREFIXES: Mapping[str, tuple[str, ...]] = {"traces": (), "spans": (ATTRIBUTE, RESOURCE)}
EXAMPLES = {
    "traces": "Filter: service:shop, status:error, latency:>500",
    "spans": "Filter: service:shop, attr.order:42, latency:>500, a word of the name",
}


class Wanted(Struct, frozen=True):
    """What a page asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]

    @property
    def traces(self) -> OtelTraceFilter:
        """The filter of traces."""
        named = {term.key: term.value for term in self.terms if not term.sign}
        status = named.get("status")
        return OtelTraceFilter(
            from_us=self.range.first_us,
            to_us=self.range.last_us,
            service=named.get("service"),
            source=named.get("source"),
            session_id=canonical_id(named["session"]) if "session" in named else None,
            status=status,
            min_us=_bound(self.terms, ">", 1_000),
            max_us=_bound(self.terms, "<", 1_000),
            min_cost_cents=_cents(self.terms, ">"),
            max_cost_cents=_cents(self.terms, "<"),
        )

    @property
    def spans(self) -> OtelSpanFilter:
        """The filter of spans."""
        named = [(NAMES.get(term.key, term.key), term.value) for term in self.terms]
        return OtelSpanFilter(
            from_us=self.range.first_us,
            to_us=self.range.last_us,
            named=tuple((name, value) for name, value in named if name in COLUMNS),
            min_duration_ns=_bound(self.terms, ">", 1_000_000),
            max_duration_ns=_bound(self.terms, "<", 1_000_000),
            attributes=_attributes(self.terms, ATTRIBUTE),
            resource=_attributes(self.terms, RESOURCE),
            terms=tuple(term.value for term in self.terms if term.key == TEXT),
        )


def wanted_of(request: AnyRequest, viewer: Viewer, of: str) -> Wanted:
    """Reads what an address asks for, of `traces` or `spans`. Raises `InvalidParameters`."""
    values, keys, prefixes = values_of(request), KEYS[of], PREFIXES[of]
    shown = range_of(values, viewer.project)
    terms = read_terms(values.get(WHERE, ""), keys, prefixes=prefixes)
    take_added(request, terms, keys, prefixes=prefixes)
    for term in terms:
        _check(term, of)
    return Wanted(on_clock(viewer.project, shown), shown, terms)


@get("/otel/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on; of services, with the requests behind each."""
    values = values_of(request)
    of, begun = values.get("of", "traces"), values.get(ADDED, "").strip().removeprefix("-")
    if of not in KEYS:
        raise invalid("of", f"Expected one of {', '.join(KEYS)}")
    keys = KEYS[of]
    key, colon, text = begun.partition(":")
    options: list[tuple[str, str]] = []
    if not colon:
        options = [(f"{one.name}:", one.meaning) for one in keys.values() if key in one.name]
        options += ATTRIBUTES if of == "spans" else []
    elif key == "status":
        options = [(f"status:{one}", "") for one in STATES[of] if text in one]
    elif key == "service":
        options = await _services(request, viewer, text.strip('"'))
    if TEXT in keys and len(begun.strip('" ')) > 1 and not colon:
        options.append((str(Term(TEXT, begun.strip('"'))), keys[TEXT].meaning.partition(";")[0]))
    return await page(request, "llm/suggestions.html", options=options, minus="")


def _attributes(terms: Sequence[Term], prefix: str) -> tuple[Attribute, ...]:
    return tuple(_attribute(term, prefix) for term in terms if term.key.startswith(prefix))


def _attribute(term: Term, prefix: str) -> Attribute:
    try:
        return read_attribute(term.key.removeprefix(prefix), term.value)
    except ValueError as error:
        raise invalid(WHERE, f"{term.key[:64]}: {error}") from error


def _bound(terms: Sequence[Term], sign: str, times: int) -> int | None:
    """Returns a bound of `latency`, which is in milliseconds, in a smaller unit."""
    found = [term.amount for term in terms if term.key == "latency" and term.sign == sign]
    return round(min(found[0], Decimal(MOST_MS)) * times) if found else None


def _cents(terms: Sequence[Term], sign: str) -> Decimal | None:
    """Returns a bound of `cost`, which is in dollars."""
    found = [term.amount for term in terms if term.key == "cost" and term.sign == sign]
    return found[0] * 100 if found else None


def _check(term: Term, of: str) -> None:
    if term.key == TEXT and not 2 <= len(term.value) <= MOST_TEXT_CHARS:
        raise invalid(WHERE, f"text: expected 2 to {MOST_TEXT_CHARS} characters")
    if term.key == "status" and term.value not in STATES[of]:
        raise invalid(WHERE, f"status: expected one of {', '.join(STATES[of])}")
    for prefix in PREFIXES[of]:
        _attributes([term], prefix)


async def _services(request: AnyRequest, viewer: Viewer, text: str) -> list[tuple[str, str]]:
    shown = range_of(values_of(request), viewer.project)
    hours = hours_around(shown.first_us, shown.last_us)
    async with reader_of(request, viewer.project).turn() as store:
        found = await list_services(store, viewer.project, hours, limit=MOST_SERVICES)
    return [
        (str(Term("service", one.service)), f"{one.spans:,} spans")
        for one in found
        if one.service and text.lower() in one.service.lower()
    ][:MOST_SUGGESTED]
