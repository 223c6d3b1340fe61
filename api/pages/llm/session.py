"""One session: its calls in their order, the cost as it grows, and the time between them."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from api.auth import AnyRequest
from api.llm.costs import Explain
from api.pages.llm.key_names import key_names_for
from api.pages.llm.places import place_of, written
from api.pages.llm.prompts import Prompt, address_value, prompts_of
from api.pages.llm.trace import open_trace
from api.pages.parts.filters import Term
from api.pages.parts.strips import Slot, Strip, strip_of
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import values_of
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.session_calls import SLOTS, Before, add_up_to, slots_of
from clickhouse.llm.session_lines import SessionLine, read_session
from clickhouse.llm.spans import count_spans
from clickhouse.llm.trace_lines import Place, TraceLine, list_lines
from schemas.projects import ProjectContext

PAGE_CALLS = 50


class Call(NamedTuple):
    """One call, and what the calls before it make of it."""

    line: TraceLine
    number: int
    gap_ms: float | None
    """Since the end of what went before it; below 0 where it began earlier."""
    spent_cents: float | None
    """Up to this call, and with it; `None` where no cost is known yet."""


class OpenedSession(Struct, frozen=True):
    """Everything that the page of a session shows."""

    line: SessionLine
    calls: list[Call]
    later: str | None
    """Where the next page begins."""
    strip: Strip
    where: str
    """The filter of its calls."""


@get("/llm/sessions/{session_id:str}", include_in_schema=False)
async def session_page(
    request: AnyRequest, viewer: Viewed, session_id: FromPath[str]
) -> Response[str]:
    """Show one session, alone or in the drawer of a list."""
    values, project = values_of(request), viewer.project
    after, chosen = place_of(values, "after"), values.get("open")
    explain: Explain = request.app.state.explain_cost
    async with reader_of(request, project).turn() as store:
        opened = await open_session(store, project, with_slashes(session_id), after=after)
        if opened is None:
            raise NoSuchPage
        if is_fragment(request):
            return await page(request, "llm/session_drawer.html", opened=opened)
        of_agent = SpanFilter(session_id=opened.line.session_id)
        events = await count_spans(store, project, of_agent)
        trace = await open_trace(store, project, chosen, explain) if chosen else None
        prompts = await _prompts(store, project, opened) if values.get("whole") == "1" else None
    return await page(
        request,
        "llm/session.html",
        opened=opened,
        is_of_agent=events > 0,
        is_first=after is None,
        trace=trace,
        keys=await key_names_for(request, viewer, trace.row if trace else None),
        missing=chosen if chosen and trace is None else None,
        asks=address_value([call.line.place for call in opened.calls]),
        prompts=prompts,
    )


async def open_session(
    store: Warehouse,
    project: ProjectContext,
    session_id: str | None,
    *,
    after: Place | None = None,
) -> OpenedSession | None:
    """Returns a session with a page of its calls, `None` where the project has none of that id."""
    line = await read_session(store, project, session_id) if session_id else None
    if line is None:
        return None
    wanted = TraceFilter(session_id=line.session_id, from_us=line.first.us, to_us=line.last_us)
    lines, before, slots = await asyncio.gather(
        list_lines(store, project, wanted, limit=PAGE_CALLS + 1, beyond=after, way="newer"),
        _before(store, project, wanted, after),
        slots_of(store, project, wanted),
    )
    return OpenedSession(
        line,
        calls_of(lines[:PAGE_CALLS], before),
        written(lines[PAGE_CALLS - 1].place) if len(lines) > PAGE_CALLS else None,
        strip_of([Slot(*slot) for slot in slots], SLOTS),
        str(Term("session", line.session_id)),
    )


def calls_of(lines: Sequence[TraceLine], before: Before) -> list[Call]:
    """Returns the calls of a page, by what the calls before it add up to."""
    calls = []
    spent, ended_us = before.cost_cents, before.ended_us
    for number, line in enumerate(lines, before.calls + 1):
        gap_ms = None if ended_us is None else (line.timestamp_us - ended_us) / 1000
        if line.cost_cents is not None:
            spent = (spent or 0) + line.cost_cents
        ends_us = line.timestamp_us + round(line.latency_ms * 1000)
        ended_us = ends_us if ended_us is None else max(ended_us, ends_us)
        calls.append(Call(line, number, gap_ms, spent))
    return calls


async def _before(
    store: Warehouse, project: ProjectContext, wanted: TraceFilter, after: Place | None
) -> Before:
    return Before() if after is None else await add_up_to(store, project, wanted, after)


async def _prompts(
    store: Any, project: ProjectContext, opened: OpenedSession
) -> list[Prompt | None]:
    return await prompts_of(store, project, [call.line.place for call in opened.calls])
