"""Which releases a page shows: its time, its filter, and what the filter suggests."""

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
from clickhouse.errors.session_health import SessionFilter
from clickhouse.errors.session_values import session_values_like
from clickhouse.errors.transaction_filters import Named, TransactionFilter
from schemas.errors.issues import ErrorFilter, ReleaseRow
from schemas.projects import ProjectContext

KEYS: Mapping[str, Key] = {
    "environment": Key("environment", "where it ran"),
    TEXT: Key(TEXT, "in the name of the release; words alone do too"),
}
OWN: Mapping[str, Key] = {"environment": KEYS["environment"]}
"""Of the page of one release."""
EXAMPLE = "Filter: environment:production, a word of the name"
OWN_EXAMPLE = "Filter: environment:production"
MOST_TEXT_CHARS = 200


class Wanted(Struct, frozen=True):
    """What a page asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]

    @property
    def environment(self) -> str | None:
        """The one environment, where one is asked for."""
        return next((one.value for one in self.terms if one.key == "environment"), None)

    def sessions(
        self, *versions: str, before: bool = False, release: str | None = None
    ) -> SessionFilter:
        """Returns which sessions: of some releases, of one, or of all; or those of before."""
        shown = self.range.before if before else self.range
        return SessionFilter(
            from_us=shown.first_us,
            to_us=shown.last_us,
            environment=self.environment,
            release=release,
            releases=versions or None,
        )

    def errors(self, release: str | None = None) -> ErrorFilter:
        """Returns which errors."""
        return ErrorFilter(
            from_us=self.range.first_us,
            to_us=self.range.last_us,
            environment=self.environment,
            release=release,
        )

    def transactions(self, release: str) -> TransactionFilter:
        """Returns the transactions of a release."""
        named = [Named("release", release)]
        if self.environment is not None:
            named.append(Named("environment", self.environment))
        return TransactionFilter(
            from_us=self.range.first_us, to_us=self.range.last_us, named=tuple(named)
        )

    def shows(self, row: ReleaseRow) -> bool:
        """Tells whether the name of a release has all words of the filter."""
        words = [one.value.lower() for one in self.terms if one.key == TEXT]
        return all(word in row.version.lower() for word in words)


def wanted_of(request: AnyRequest, viewer: Viewer, keys: Mapping[str, Key] = KEYS) -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    shown = range_of(values, viewer.project)
    terms = read_terms(values.get(WHERE, ""), keys)
    take_added(request, terms, keys)
    if any(term.key == TEXT and not 0 < len(term.value) <= MOST_TEXT_CHARS for term in terms):
        raise invalid(WHERE, f"text: expected 1 to {MOST_TEXT_CHARS} characters")
    return Wanted(on_clock(viewer.project, shown), shown, terms)


@get("/releases/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on: the environments that have sessions."""
    begun = values_of(request).get(ADDED, "").strip()
    key, colon, text = begun.partition(":")
    options: list[tuple[str, str]] = []
    if not colon:
        options = [(f"{one.name}:", one.meaning) for one in OWN.values() if key in one.name]
    elif key in OWN:
        shown = range_of(values_of(request), viewer.project)
        between = shown.first_us, shown.last_us
        async with reader_of(request, viewer.project).turn() as store:
            found = await session_values_like(store, viewer.project, between, key, text.strip('"'))
        options = _options(key, found)
    return await page(request, "llm/suggestions.html", options=options, minus="")


def _options(key: str, found: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(str(Term(key, value)), f"{count:,} updates of sessions") for value, count in found]
