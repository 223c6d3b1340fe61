"""Which sessions of agents a page shows: its time, its filter, and what the filter suggests."""

from collections.abc import Mapping, Sequence

from litestar import Response, get
from msgspec import Struct

from api.auth import AnyRequest
from api.pages.added import take_added
from api.pages.llm.wanted import STATUSES
from api.pages.parts.filters import ADDED, WHERE, Key, Term, read_terms
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.llm.agent_filters import AgentFilter, Named
from clickhouse.llm.agent_sessions import values_of as stored_values
from schemas.projects import ProjectContext

KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("agent", "who sent it, as claude_code or codex", negates=True),
        Key("cwd", "the directory that it worked in", negates=True),
        Key("tool", "a tool that was used", negates=True),
        Key("status", "error where something failed, or success", negates=True),
        Key("model", "a model that answered", negates=True),
        Key("subagent", "the name of a subagent", negates=True),
    )
}
TOOL_KEYS = {name: KEYS[name] for name in ("agent", "cwd", "tool", "subagent")}
"""Of uses of tools."""
EXAMPLE = "Filter: agent:claude_code, tool:Bash, status:error"
TOOL_EXAMPLE = "Filter: agent:claude_code, tool:Bash"


class Wanted(Struct, frozen=True):
    """What a page asks for."""

    project: ProjectContext
    """On the clock of the page."""
    range: TimeRange
    terms: list[Term]

    @property
    def filter(self) -> AgentFilter:
        """The filter of the query functions, with both ends of the range."""
        return _filter(self.terms, self.range)

    @property
    def before(self) -> AgentFilter:
        """The same for the time before."""
        return _filter(self.terms, self.range.before)


def wanted_of(
    request: AnyRequest, viewer: Viewer, keys: Mapping[str, Key] = KEYS, *, default: str = "24h"
) -> Wanted:
    """Reads what an address asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=default)
    terms = read_terms(values.get(WHERE, ""), keys)
    take_added(request, terms, keys)
    if any(term.key == "status" and term.value not in STATUSES for term in terms):
        raise invalid(WHERE, f"status: expected one of {', '.join(STATUSES)}")
    return Wanted(on_clock(viewer.project, shown), shown, terms)


@get("/agents/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on, with the sessions behind each value."""
    values = values_of(request)
    keys, begun = TOOL_KEYS if values.get("of") == "tools" else KEYS, values.get(ADDED, "").strip()
    minus = "-" if begun.startswith("-") else ""
    key, colon, text = begun.removeprefix("-").partition(":")
    options: Sequence[tuple[str, str]] = []
    if not colon:
        options = [(f"{one.name}:", one.meaning) for one in keys.values() if key in one.name]
    elif key in keys:
        shown = range_of(values, viewer.project)
        wanted = AgentFilter(from_us=shown.first_us, to_us=shown.last_us)
        async with reader_of(request, viewer.project).turn() as store:
            found = await stored_values(store, viewer.project, wanted, key, text.strip('"'))
        options = [(str(Term(key, value)), f"{sessions:,} sessions") for value, sessions in found]
    return await page(request, "llm/suggestions.html", options=options, minus=minus)


def _filter(terms: Sequence[Term], shown: TimeRange) -> AgentFilter:
    named = tuple(Named(term.key, term.value, term.is_negated) for term in terms)
    return AgentFilter(from_us=shown.first_us, to_us=shown.last_us, named=named)
