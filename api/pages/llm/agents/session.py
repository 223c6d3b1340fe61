"""One session of an agent: its figures, and its steps as a timeline; a step opens in the drawer."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct
from msgspec.structs import replace

from api.auth import AnyRequest
from api.llm.costs import Explain
from api.pages.addresses import Address
from api.pages.llm.agents.span import OpenedSpan, open_span
from api.pages.llm.agents.timeline import Step, steps_of, trace_of, waiting_us
from api.pages.llm.key_names import key_names_for
from api.pages.llm.trace import Opened, open_trace
from api.pages.parts.filters import Term
from api.pages.parts.texts import count, exact, money, money_exact
from api.pages.parts.waterfall import Note, Row, page_of, waterfall_of
from api.pages.render import address_of, page
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.llm.agent_events import MOST_EVENTS, EventLine, list_events
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import list_lines
from schemas.projects import ProjectContext
from schemas.zones import HOUR_US

MOST_CALLS = 2_000
COLOURS = {
    "prompt": 0,
    "tool": 2,
    "answer": 7,
    "LLM call": 3,
    "subagent": 5,
    "waiting": 1,
    "session": 8,
    "other": 8,
}
HEADS = ("Tokens", "Cost", "So far")


class Figures(Struct, frozen=True):
    """A session in numbers. Costs are US cents."""

    agent: str
    cwd: str | None
    first_us: int
    last_us: int
    prompts: int
    tools: int
    failures: int
    subagents: int
    waiting_us: int
    tokens: int
    cost_cents: float | None
    unpriced: int
    calls: int
    models: list[str]
    is_cut: bool
    """Whether there are more events than are shown."""


@get("/agents/sessions/{session_id:str}", include_in_schema=False)
async def session_page(
    request: AnyRequest, viewer: Viewed, session_id: FromPath[str]
) -> Response[str]:
    """Show one session, with a step of it in the drawer where the address opens one."""
    values, session_id = values_of(request), with_slashes(session_id)
    number, opened = _number(values), values.get("open")
    explain: Explain = request.app.state.explain_cost
    which = TraceFilter(session_id=session_id)
    async with reader_of(request, viewer.project).turn() as store:
        events, calls = await asyncio.gather(
            list_events(store, viewer.project, session_id),
            list_lines(store, viewer.project, which, limit=MOST_CALLS, way="newer"),
        )
        if not events:
            raise NoSuchPage
        span, trace = await _opened(store, viewer.project, opened, explain)
    steps = await asyncio.to_thread(steps_of, events, calls)
    shown = within(steps, values.get("within"))
    # In a thread: of 12,000 steps the rows alone would keep the loop for 0.1 s.
    rows = await asyncio.to_thread(rows_of, shown, address_of(request), number)
    cuts = values.get("idle") != "1"
    drawn = await asyncio.to_thread(waterfall_of, rows, heads=HEADS, page=number, cuts=cuts)
    return await page(
        request,
        "agents/session.html",
        session_id=session_id,
        name=next((step.label for step in steps if step.kind == "prompt"), session_id),
        figures_of=await asyncio.to_thread(figures_of, events, steps),
        alone=None if shown is steps else shown[0],
        distributed=_distributed(address_of(request), session_id, events),
        drawn=drawn,
        cuts=cuts,
        span=span,
        trace=trace,
        keys=await key_names_for(request, viewer, trace.row if trace else None),
        missing=opened if opened and span is None and trace is None else None,
    )


def within(steps: list[Step], step_id: str | None) -> list[Step]:
    """Returns a step with those in it, or all where none is named. Raises `NoSuchPage`."""
    if not step_id:
        return steps
    first = next((place for place, step in enumerate(steps) if step_id in step.ids), None)
    if first is None:
        raise NoSuchPage
    depth, end = steps[first].depth, first + 1
    while end < len(steps) and steps[end].depth > depth:
        end += 1
    return [replace(step, depth=step.depth - depth) for step in steps[first:end]]


def rows_of(steps: Sequence[Step], address: Address, number: int) -> list[Row]:
    """Returns the rows of the timeline, with the sum of costs along the way.

    Those of other pages have neither notes nor addresses, which took more time than all else.
    """
    rows, total, is_known = [], 0.0, False
    _, _, linked = page_of(len(steps), number)
    for place, step in enumerate(steps):
        holds = 0 < place < len(steps) - 1 and steps[place + 1].depth > step.depth
        is_known |= step.cost_cents is not None
        total += step.cost_cents or 0.0
        rows.append(
            Row(
                label=step.label,
                start_us=step.start_us,
                end_us=step.end_us,
                depth=step.depth,
                kind=step.kind,
                colour=COLOURS[step.kind],
                hint="not over yet" if step.is_open and not step.hint else step.hint,
                notes=_notes(step, total if is_known else None) if place in linked else (),
                is_error=step.is_error,
                is_idle=step.kind == "waiting",
                is_frame=step.kind == "prompt",
                open_as=step.id,
                **(_links(step, address, holds=holds) if place in linked else {}),
            )
        )
    return rows


def figures_of(events: Sequence[EventLine], steps: Sequence[Step]) -> Figures:
    """Returns the numbers of a session: a start and its end are one."""
    kinds = [step.kind for step in steps]
    costs = [step.cost_cents for step in steps if step.cost_cents is not None]
    answers = [step for step in steps if step.kind in ("answer", "LLM call")]
    return Figures(
        agent=events[0].source,
        cwd=next((event.cwd for event in events if event.cwd), None),
        first_us=min(step.start_us for step in steps),
        last_us=max(step.until_us for step in steps),
        prompts=kinds.count("prompt"),
        tools=kinds.count("tool"),
        failures=sum(step.is_error and not step.is_open for step in steps),
        subagents=kinds.count("subagent"),
        waiting_us=waiting_us(events),
        tokens=sum(step.tokens or 0 for step in steps),
        cost_cents=sum(costs) if costs else None,
        unpriced=sum(step.cost_cents is None for step in answers),
        calls=kinds.count("LLM call"),
        models=sorted({step.model for step in answers if step.model}),
        is_cut=len(events) >= MOST_EVENTS,
    )


async def _opened(
    store: Warehouse, project: ProjectContext, opened: str | None, explain: Explain
) -> tuple[OpenedSpan | None, Opened | None]:
    """Returns what is open: a span, else a trace of that id."""
    if not opened:
        return None, None
    span = await open_span(store, project, opened)
    return span, None if span else await open_trace(store, project, opened, explain)


def _distributed(address: Address, session_id: str, events: Sequence[EventLine]) -> str:
    """Returns where the distributed traces of a session are; nothing where no span told of it."""
    told = [event.at_us for event in events if trace_of(event.span_id)]
    if not told:
        return ""
    first_ms, last_ms = (min(told) - HOUR_US) // 1000, (max(told) + HOUR_US) // 1000
    where = str(Term("session", session_id))
    return address.page(
        "otel/traces", where=where, range=None, live=None, from_=first_ms, to=last_ms
    )


def _links(step: Step, address: Address, *, holds: bool) -> dict[str, Any]:
    path = "llm/traces" if step.kind == "LLM call" else "agents/spans"
    alone = address.here(within=step.id, page=None, open=None) if holds else ""
    return {"href": address.thing(path, step.id), "alone": alone}


def _notes(step: Step, total: float | None) -> list[Note]:
    if step.tokens is None and step.cost_cents is None:
        return [Note(), Note(), Note()]
    return [
        Note(count(step.tokens), f"{exact(step.tokens)} tokens, input and output"),
        Note(money(step.cost_cents), money_exact(step.cost_cents)),
        Note(money(total), money_exact(total)),
    ]


def _number(values: Values) -> int:
    text = values.get("page") or "1"
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 5 and int(text)):
        raise invalid("page", "Expected a number from 1")
    return int(text)
