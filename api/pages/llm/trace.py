"""One trace: the conversation, what it cost and why, the bodies, its session before and after."""

import asyncio
from collections.abc import Sequence

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Raw, Struct

from api.auth import AnyRequest
from api.llm.costs import Explain
from api.pages.llm.conversation import answered, asked, bounded, joined
from api.pages.llm.difference import Request, difference_of
from api.pages.llm.key_names import key_names_for
from api.pages.parts.against import Difference
from api.pages.parts.messages import Said
from api.pages.parts.talk import Budget, Group, Shown, shown_value, talk_of
from api.pages.parts.trees import MOST_BYTES, Node, decoded, tree_of
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.reads import reader_of
from api.rows import one
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.llm.around import Around, fetch_request, find_around, find_place
from clickhouse.llm.filters import SpanFilter
from clickhouse.llm.score_filters import ScoreFilter
from clickhouse.llm.scores import ScoreLine, list_scores
from clickhouse.llm.spans import count_spans
from clickhouse.llm.trace_lines import TraceLine
from clickhouse.llm.traces import fetch_trace
from clickhouse.queries.parts import PART_BYTES
from schemas.llm.answers import TraceAnswer
from schemas.llm.costs import CostAnswer
from schemas.projects import ProjectContext

MOST_SCORES = 50
BODIES = ("request_body", "response_body", "metadata", "error")


class Body(Struct, frozen=True):
    """One of the JSON texts of a trace."""

    name: str
    size: int
    tree: Node | None
    """`None` where it is too large, or deeper than can be shown."""


class Parsed(Struct, frozen=True):
    """What stands in the JSON texts of a trace."""

    talk: list[Group]
    left_out: int
    """Messages before them."""
    difference: Difference | None
    """`None` where no call before it is known, with its request."""
    bodies: list[Body]
    error: Shown | None
    user: str | None


class Opened(Struct, frozen=True):
    """Everything that the page of a trace shows."""

    row: TraceAnswer
    at_us: int
    cost: CostAnswer
    read: Parsed
    previous: TraceLine | None
    following: TraceLine | None
    is_of_agent: bool
    """Whether agents sent events with the same `session_id`."""
    scores: Sequence[ScoreLine]
    """The newest of the call, and of all of its trace."""


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
    keys = await key_names_for(request, viewer, opened.row)
    return await page(request, template, opened=opened, keys=keys)


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


@get("/llm/traces/{trace_id:str}/raw/{part:str}", include_in_schema=False)
async def raw_body(
    request: AnyRequest, viewer: Viewed, trace_id: FromPath[str], part: FromPath[str]
) -> Response[bytes]:
    """Return one body, of any length, as it was sent."""
    if part not in BODIES:
        raise NotFoundException("Body not found")

    async def ask(store: Warehouse) -> Raw | None:
        row = await fetch_trace(store, viewer.project, with_slashes(trace_id))
        return None if row is None else getattr(row, part)

    return await one(reader_of(request, viewer.project), ask, missing="Body not found")


async def open_trace(
    store: Warehouse, project: ProjectContext, trace_id: str, explain: Explain
) -> Opened | None:
    """Returns a trace with what belongs to it, `None` where the project has none of that id."""
    row, place, page = await asyncio.gather(
        fetch_trace(store, project, trace_id),
        find_place(store, project, trace_id),
        list_scores(store, project, ScoreFilter(trace_id=trace_id), limit=MOST_SCORES),
    )
    if row is None or place is None:
        return None
    around, events = Around(None, None), 0
    if row.session_id is not None:
        around, events = await asyncio.gather(
            find_around(store, project, row.session_id, place),
            count_spans(store, project, SpanFilter(session_id=row.session_id)),
        )
    before = None
    if around.before is not None:
        body = await fetch_request(store, project, around.before.place, most_bytes=MOST_BYTES)
        before = None if body is None else (around.before.model, body)
    parsed, cost = await asyncio.gather(
        asyncio.to_thread(read_bodies, row, before),
        asyncio.to_thread(explain, project.project_id, row),
    )
    return Opened(row, place.us, cost, parsed, around.before, around.after, events > 0, page.lines)


def read_bodies(row: TraceAnswer, before: tuple[str, Raw] | None) -> Parsed:
    """Returns what the bodies say, against the model and the request of the call before."""
    values = {name: decoded(getattr(row, name)) for name in BODIES}
    budget = Budget()
    difference = None
    said = [Said(message) for message in asked(values["request_body"])]
    if before is not None and values["request_body"] is not None:
        then = Request(before[0], decoded(before[1]))
        difference = difference_of(then, Request(row.model_requested, values["request_body"]))
        said = difference.said
    said += [Said(message) for message in answered(values["response_body"], row.output_text)]
    shown, left_out = bounded(said)
    metadata = values["metadata"]
    named = metadata.get("userId") or metadata.get("user_id") if isinstance(metadata, dict) else ""
    error = values["error"]
    return Parsed(
        talk=talk_of(joined(shown), budget),
        left_out=left_out,
        difference=difference,
        bodies=[
            Body(name, len(raw), None if values[name] is None else tree_of(values[name]))
            for name in BODIES
            if (raw := getattr(row, name)) is not None
        ],
        error=None if error is None else shown_value(error, budget),
        user=named if isinstance(named, str) and named else None,
    )
