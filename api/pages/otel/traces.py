"""The lists of distributed traces and of spans, newest first."""

from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.llm.places import read_place, written
from api.pages.arriving import page_with
from api.pages.otel.wanted import EXAMPLES, KEYS, Wanted, wanted_of
from api.pages.parts.charts import colour_of
from api.pages.parts.filters import chips_of
from api.pages.parts.snippets import otlp_snippets_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.llm.trace_lines import Place
from clickhouse.otel.span_list import SpanPlace, list_spans
from clickhouse.otel.summaries import summarise
from clickhouse.otel.trace_list import TracePlaceInList, find_traces

PAGE_ROWS = 50


@get("/otel/traces", include_in_schema=False)
async def traces_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the distributed traces of a range that fit the filter."""
    wanted, beyond = wanted_of(request, viewer, "traces"), _beyond(request)
    return await page_with(
        request,
        "otel/traces.html",
        _traces(request, viewer, wanted, beyond),
        **_frame(wanted, "traces", beyond),
    )


@get("/otel/spans", include_in_schema=False)
async def spans_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the spans of a range that fit the filter, whatever trace they are of."""
    wanted, beyond = wanted_of(request, viewer, "spans"), _beyond(request)
    return await page_with(
        request,
        "otel/spans.html",
        _spans(request, viewer, wanted, beyond),
        **_frame(wanted, "spans", beyond),
    )


def _frame(wanted: Wanted, of: str, beyond: Place | None) -> dict[str, Any]:
    return {
        "wanted": wanted,
        "chips": chips_of(wanted.terms, KEYS[of]),
        "example": EXAMPLES[of],
        "of": of,
        "is_first": beyond is None,
        "colour_of": colour_of,
    }


async def _traces(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, beyond: Place | None
) -> dict[str, Any]:
    place = TracePlaceInList(*beyond) if beyond else None
    async with reader_of(request, wanted.project).turn() as store:
        found = await find_traces(
            store, wanted.project, wanted.traces, limit=PAGE_ROWS + 1, beyond=place
        )
        shown = found[:PAGE_ROWS]
        lines = await summarise(
            store,
            wanted.project,
            [one.trace_id for one in shown],
            first_us=min((one.us for one in shown), default=0),
            last_us=max((one.us for one in shown), default=0),
        )
    moments = {one.trace_id: one.us for one in shown}
    return {
        "lines": [(moments[line.trace_id], line) for line in lines],
        "longest_ms": max((line.latency_ms for line in lines), default=0),
        "older": written(Place(*shown[-1])) if len(found) > len(shown) else None,
        "snippets": [] if found else await otlp_snippets_of(request, viewer),
    }


async def _spans(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, beyond: Place | None
) -> dict[str, Any]:
    place = SpanPlace(*beyond) if beyond else None
    async with reader_of(request, wanted.project).turn() as store:
        found = await list_spans(
            store, wanted.project, wanted.spans, limit=PAGE_ROWS + 1, beyond=place
        )
    shown = found[:PAGE_ROWS]
    return {
        "lines": shown,
        "older": written(Place(*shown[-1].place)) if len(found) > len(shown) else None,
        "snippets": [] if found else await otlp_snippets_of(request, viewer),
    }


def _beyond(request: AnyRequest) -> Place | None:
    text = values_of(request).get("older")
    return read_place(text) if text else None
