"""One trace: the conversation, what it cost and why, the bodies, its session before and after."""

import asyncio
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from api.auth import AnyRequest
from api.llm.costs import Explain
from api.pages.llm.conversation import answered, asked, bounded
from api.pages.parts.messages import Message
from api.pages.parts.texts import us_of
from api.pages.parts.trees import Node, decoded, tree_of
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.reads import reader_of
from api.rows import one
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import Place, TraceLine, list_lines
from clickhouse.llm.traces import fetch_trace
from clickhouse.queries.parts import PART_BYTES
from schemas.llm.answers import TraceAnswer
from schemas.llm.costs import CostAnswer
from schemas.projects import ProjectContext

BODIES = ("request_body", "response_body", "metadata", "error")


class Body(Struct, frozen=True):
    """One of the JSON texts of a trace."""

    name: str
    size: int
    tree: Node | None
    """`None` where it is too large, or deeper than can be shown."""


class Parsed(Struct, frozen=True):
    """What stands in the JSON texts of a trace."""

    messages: list[Message]
    left_out: int
    """Messages before them."""
    bodies: list[Body]
    error: Any
    user: str | None


class Opened(Struct, frozen=True):
    """Everything that the page of a trace shows."""

    row: TraceAnswer
    at_us: int
    cost: CostAnswer
    read: Parsed
    previous: TraceLine | None
    following: TraceLine | None


@get("/llm/traces/{trace_id:str}", include_in_schema=False)
async def trace_page(request: AnyRequest, viewer: Viewed, trace_id: FromPath[str]) -> Response[str]:
    """Show one trace, alone or in the drawer of a list."""
    reader = reader_of(request, viewer.project)
    explain: Explain = request.app.state.explain_cost
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, PART_BYTES) as share,
    ):
        opened = await open_trace(store, viewer.project, with_slashes(trace_id), explain)
        share.give_back()
    if opened is None:
        raise NoSuchPage
    template = "llm/trace_drawer.html" if is_fragment(request) else "llm/trace.html"
    return await page(request, template, opened=opened)


@get("/llm/traces/{trace_id:str}/raw", include_in_schema=False)
async def raw_trace(
    request: AnyRequest, viewer: Viewed, trace_id: FromPath[str]
) -> Response[bytes]:
    """Return the whole row as the API has it, bodies of any length too."""
    return await one(
        reader_of(request, viewer.project),
        lambda store: fetch_trace(store, viewer.project, with_slashes(trace_id)),
        missing="Trace not found",
    )


async def open_trace(
    store: Warehouse, project: ProjectContext, trace_id: str, explain: Explain
) -> Opened | None:
    """Returns a trace with what belongs to it, `None` where the project has none of that id."""
    row = await fetch_trace(store, project, trace_id)
    if row is None:
        return None
    place = Place(us_of(row.timestamp), row.trace_id)
    previous, following, parsed = await asyncio.gather(
        _neighbour(store, project, row, place, "older"),
        _neighbour(store, project, row, place, "newer"),
        asyncio.to_thread(_parsed, row),
    )
    cost = await asyncio.to_thread(explain, project.project_id, row)
    return Opened(row, place.us, cost, parsed, previous, following)


async def _neighbour(
    store: Warehouse, project: ProjectContext, row: TraceAnswer, place: Place, way: Any
) -> TraceLine | None:
    if row.session_id is None:
        return None
    wanted = TraceFilter(session_id=row.session_id)
    found = await list_lines(store, project, wanted, limit=2, beyond=place, way=way)
    # Answers have milliseconds, the store has microseconds: the call itself may come again.
    others = [line for line in found if line.trace_id != row.trace_id]
    return others[0] if others else None


def _parsed(row: TraceAnswer) -> Parsed:
    values = {name: decoded(getattr(row, name)) for name in BODIES}
    bodies = [
        Body(name, len(raw), None if values[name] is None else tree_of(values[name]))
        for name in BODIES
        if (raw := getattr(row, name)) is not None
    ]
    metadata = values["metadata"]
    named = metadata.get("userId") or metadata.get("user_id") if isinstance(metadata, dict) else ""
    said = [*asked(values["request_body"]), *answered(values["response_body"], row.output_text)]
    messages, left_out = bounded(said)
    return Parsed(
        messages=messages,
        left_out=left_out,
        bodies=bodies,
        error=values["error"],
        user=named if isinstance(named, str) and named else None,
    )
