"""What the palette finds beside pages: a trace or session by its id, models and users by name."""

import asyncio
from typing import NamedTuple

from litestar import Response, get
from litestar.response.redirect import Redirect

from api.auth import AnyRequest
from api.pages.llm.suggestions import values_like
from api.pages.llm.wanted import KEYS, wanted_of
from api.pages.parts.filters import Term, read_terms
from api.pages.render import address_of, is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.spans import count_spans, fetch_span
from clickhouse.llm.traces import count_traces, fetch_trace
from schemas.projects import ProjectContext

LEAST_ID_CHARS = 4
MOST_ID_CHARS = 200
SHOWN = 6


class Hit(NamedTuple):
    """One thing that was found, and where it is."""

    kind: str
    text: str
    beside: str
    href: str


@get("/find", include_in_schema=False)
async def find(request: AnyRequest, viewer: Viewed) -> Response[str] | Redirect:
    """List what fits a text; without a script, go to the trace or session of that id."""
    text = values_of(request).get("q", "").strip()
    by_id = await _by_id(request, viewer.project, text)
    if not is_fragment(request):
        if not by_id:
            raise NoSuchPage
        return Redirect(by_id[0].href, status_code=303)
    hits = [*by_id, *(await _by_name(request, viewer, text) if text else ())]
    return await page(request, "llm/found.html", text=text, hits=hits)


async def _by_id(request: AnyRequest, project: ProjectContext, text: str) -> list[Hit]:
    if not LEAST_ID_CHARS <= len(text) <= MOST_ID_CHARS:
        return []
    address = address_of(request)
    async with reader_of(request, project).turn() as store:
        trace, calls, span, events = await asyncio.gather(
            fetch_trace(store, project, text),
            count_traces(store, project, TraceFilter(session_id=text)),
            fetch_span(store, project, text),
            count_spans(store, project, SpanFilter(session_id=text)),
        )
    hits = []
    if trace is not None:
        href = address.thing("llm/traces", trace.trace_id)
        hits.append(Hit("trace", trace.trace_id, trace.model_requested, href))
    if calls:
        href = address.thing("llm/sessions", text)
        hits.append(Hit("session", text, f"{calls:,} calls", href))
    if events:
        href = address.thing("agents/sessions", text)
        hits.append(Hit("agent session", text, f"{events:,} events", href))
    if span is not None:
        href = address.thing("agents/spans", span.span_id)
        hits.append(Hit("agent event", span.span_id, span.tool_name or span.event_type, href))
    return hits


async def _by_name(request: AnyRequest, viewer: Viewed, text: str) -> list[Hit]:
    wanted = wanted_of(request, viewer, default="7d")
    hits = []
    for key in ("model", "user"):
        for term, calls in (await values_like(request, wanted, key, text.lower()))[:SHOWN]:
            (found,) = read_terms(term, KEYS)
            hits.append(Hit(key, found.value, calls, _page_of(request, found)))
    return hits


def _page_of(request: AnyRequest, term: Term) -> str:
    if term.key == "user":
        return address_of(request).thing("llm/users", term.value)
    return address_of(request).page("llm/traces", where=str(term))
