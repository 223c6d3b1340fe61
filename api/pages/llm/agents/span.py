"""One event of an agent: its facts, and what went in and came out, alone or in the drawer."""

import asyncio
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Raw, Struct

from api.auth import AnyRequest
from api.pages.parts.talk import Budget, Shown, shown_prose, shown_value
from api.pages.parts.texts import us_of
from api.pages.parts.trees import Node, decoded, tree_of
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.reads import reader_of
from api.rows import one
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.llm.spans import fetch_span
from clickhouse.queries.parts import PART_BYTES
from schemas.llm.answers import SpanAnswer
from schemas.projects import ProjectContext

BODIES = ("tool_input", "tool_response", "metadata")


class Body(Struct, frozen=True):
    """One of the JSON texts of an event."""

    name: str
    size: int
    text: str
    tree: Node | None
    """`None` where it is too large, or deeper than can be shown."""


class OpenedSpan(Struct, frozen=True):
    """Everything that the page of an event shows."""

    row: SpanAnswer
    at_us: int
    bodies: list[Body]
    error: Shown | None
    said: Shown | None
    """The prompt, or the message to a person."""


@get("/agents/spans/{span_id:str}", include_in_schema=False)
async def span_page(request: AnyRequest, viewer: Viewed, span_id: FromPath[str]) -> Response[str]:
    """Show one event, alone or in the drawer of a timeline."""
    reader = reader_of(request, viewer.project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, PART_BYTES) as share,
    ):
        opened = await open_span(store, viewer.project, with_slashes(span_id))
        share.give_back()
    if opened is None:
        raise NoSuchPage
    template = "agents/span_drawer.html" if is_fragment(request) else "agents/span.html"
    return await page(request, template, opened=opened)


@get("/agents/spans/{span_id:str}/raw", include_in_schema=False)
async def raw_span(request: AnyRequest, viewer: Viewed, span_id: FromPath[str]) -> Response[bytes]:
    """Return the whole row as the API has it, bodies of any length too."""
    return await one(
        reader_of(request, viewer.project),
        lambda store: fetch_span(store, viewer.project, with_slashes(span_id)),
        missing="Span not found",
    )


async def open_span(store: Warehouse, project: ProjectContext, span_id: str) -> OpenedSpan | None:
    """Returns an event, `None` where the project has none of that id."""
    row = await fetch_span(store, project, span_id)
    if row is None:
        return None
    return await asyncio.to_thread(_parsed, row)


def _body(name: str, raw: Raw, value: Any) -> Body:
    if value is None:
        return Body(name, len(raw), "", None)
    return Body(name, len(raw), bytes(raw).decode(), tree_of(value))


def _parsed(row: SpanAnswer) -> OpenedSpan:
    values = {name: decoded(getattr(row, name)) for name in BODIES}
    bodies = [
        _body(name, raw, values[name]) for name in BODIES if (raw := getattr(row, name)) is not None
    ]
    metadata = values["metadata"] if isinstance(values["metadata"], dict) else {}
    texts = [metadata.get(name) for name in ("prompt", "message")]
    said = next((text for text in texts if isinstance(text, str) and text), None)
    error, budget = decoded(row.error), Budget()
    return OpenedSpan(
        row,
        us_of(row.timestamp),
        bodies,
        error=None if error is None else shown_value(error, budget),
        said=None if said is None else shown_prose(said, budget),
    )
