"""One span of OpenTelemetry: its facts, what was said in it, attributes, events and links."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from api.auth import AnyRequest
from api.pages.llm.conversation import asked, bounded, joined
from api.pages.parts.messages import Said
from api.pages.parts.talk import Budget, Group, talk_of
from api.pages.parts.texts import us_of
from api.pages.parts.trees import Node, tree_of
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.otel.span_calls import Moments, read_calls
from clickhouse.otel.stored_spans import fetch_span
from clickhouse.queries.parts import PART_BYTES
from schemas.otel.answers import StoredSpan, TreeCall
from schemas.projects import ProjectContext

MOST_LINKS = 50
NO_CALLS = ("span", "tool", "")


class Part(Struct, frozen=True):
    """One of the values that came with a span."""

    title: str
    text: str
    tree: Node


class OpenedSpan(Struct, frozen=True):
    """Everything that is shown of a span."""

    span: StoredSpan
    at_us: int
    call: TreeCall | None
    talk: list[Group]
    left_out: int
    """Messages before them."""
    parts: list[Part]
    linked: list[str]
    """Traces that it names."""


@get("/otel/spans/{otel_span_id:str}", include_in_schema=False)
async def span_page(
    request: AnyRequest, viewer: Viewed, otel_span_id: FromPath[str]
) -> Response[str]:
    """Show one span, alone or in the drawer of its trace."""
    reader = reader_of(request, viewer.project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, PART_BYTES) as share,
    ):
        opened = await open_span(store, viewer.project, with_slashes(otel_span_id))
        share.give_back()
    if opened is None:
        raise NoSuchPage
    name = "span_drawer" if is_fragment(request) else "span"
    return await page(request, f"otel/{name}.html", opened=opened)


async def open_span(store: Warehouse, project: ProjectContext, item_id: str) -> OpenedSpan | None:
    """Returns a span, `None` where the project has none of that id."""
    span = await fetch_span(store, project, item_id)
    if span is None:
        return None
    at_us, call = us_of(span.timestamp), None
    if span.kind not in NO_CALLS:
        # A time is shown to the millisecond, and kept to the microsecond.
        calls = await read_calls(store, project, [span.id], Moments(at_us, at_us + 999))
        call = calls.get(span.id)
    return await asyncio.to_thread(_opened, span, at_us, call)


def _opened(span: StoredSpan, at_us: int, call: TreeCall | None) -> OpenedSpan:
    said = asked({"messages": span.input_messages})
    said += asked({"messages": span.output_messages})
    shown, left_out = bounded([Said(one) for one in said])
    parts = (
        ("Attributes", span.attributes),
        ("Events", span.events),
        ("Links", span.links),
        ("Resource", span.resource),
    )
    return OpenedSpan(
        span=span,
        at_us=at_us,
        call=call,
        talk=talk_of(joined(shown), Budget()),
        left_out=left_out,
        parts=[_part(title, value) for title, value in parts if value],
        linked=_linked(span.links),
    )


def _part(title: str, value: Any) -> Part:
    text = msgspec.json.encode(value).decode()
    return Part(title, text, tree_of(value))


def _linked(links: Sequence[Any]) -> list[str]:
    found = [one.get("traceId") or one.get("trace_id") for one in links if isinstance(one, dict)]
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and one))[:MOST_LINKS]
