"""What the palette finds of `llm`: a trace or session by its id, models and users by name."""

import asyncio

from api.auth import AnyRequest
from api.pages.finding import Finder, Hit
from api.pages.llm.suggestions import values_like
from api.pages.llm.wanted import KEYS, wanted_of
from api.pages.parts.filters import Term, read_terms
from api.pages.render import address_of
from api.pages.viewer import Viewer
from api.reads import reader_of
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.spans import count_spans, fetch_span
from clickhouse.llm.traces import count_traces, fetch_trace

LEAST_ID_CHARS = 4
SHOWN = 6


async def _by_id(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    project = viewer.project
    if len(text) < LEAST_ID_CHARS:
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


async def _by_name(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    wanted = wanted_of(request, viewer, default="7d")
    hits = []
    for key in ("model", "user"):
        options = await values_like(request, viewer, wanted, Term(key, text.lower()))
        for term, calls in options[:SHOWN]:
            (found,) = read_terms(term, KEYS)
            hits.append(Hit(key, found.value, calls, _page_of(request, found)))
    return hits


def _page_of(request: AnyRequest, term: Term) -> str:
    if term.key == "user":
        return address_of(request).thing("llm/users", term.value)
    return address_of(request).page("llm/traces", where=str(term))


FINDER = Finder(_by_id, _by_name)
