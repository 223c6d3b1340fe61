"""One distributed trace: its spans as a waterfall, with what belongs to them in place."""

import asyncio
import re

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from api.auth import AnyRequest, services
from api.pages.addresses import Address
from api.pages.errors.logs.links import address_of_trace
from api.pages.otel.span import open_span
from api.pages.otel.tree_rows import HEADS, PAGE_SPANS, Beside, error_row, paged, rows_of
from api.pages.parts.texts import us_of
from api.pages.parts.waterfall import Row, Waterfall, waterfall_of_page
from api.pages.render import address_of, page
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import Between
from clickhouse.otel.summaries import summarise
from clickhouse.otel.trees import Cursor, Page, read_tree
from clickhouse.queries.parts import PART_BYTES
from controlplane.errors.listing import issues_of
from schemas.otel.answers import TraceSummary, TraceTree
from schemas.projects import ProjectContext

OF_SPAN = re.compile(r"([0-9a-f]{32})-[0-9a-f]{16}")
"""The id of a span, or of a call that a span told: its trace is found by it too."""
MOST_UNDER = 200


class OpenedTrace(Struct, frozen=True):
    """Everything that the page of a trace shows."""

    tree: TraceTree
    drawn_from_us: int
    """When its first span began."""
    summary: TraceSummary | None
    """`None` of a trace that has no span of OpenTelemetry."""
    drawn: Waterfall
    errors: list[Row]
    """Those that belong to no span of the tree."""
    logs: str
    """Where its log records are; empty where it has none."""
    under: str
    """The span that is shown with what is in it, and nothing else; empty for all of them."""


@get("/otel/traces/{otel_trace_id:str}", include_in_schema=False)
async def trace_page(
    request: AnyRequest, viewer: Viewed, otel_trace_id: FromPath[str]
) -> Response[str]:
    """Show one distributed trace, with a span of it in the drawer where the address opens one."""
    values, asked = values_of(request), with_slashes(otel_trace_id)
    number, under, opened = _number(values), values.get("under", ""), values.get("open")
    if len(under) > MOST_UNDER:
        raise invalid("under", f"Expected at most {MOST_UNDER} characters")
    match = OF_SPAN.fullmatch(asked)
    which = Page(PAGE_SPANS, Cursor((number - 1) * PAGE_SPANS), under)
    project, reader = viewer.project, reader_of(request, viewer.project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(project.project_id, PART_BYTES) as share,
    ):
        tree = await read_tree(store, project, match[1] if match else asked, which)
        if tree is None:
            raise NoSuchPage
        summary = await _summary(store, project, tree)
        span = await open_span(store, project, opened) if opened else None
        share.give_back()
    issues = await _issues(request, project, tree)
    beside = Beside(address_of(request), issues)
    found = await asyncio.to_thread(_shown, tree, summary, beside, which)
    return await page(
        request,
        "otel/trace.html",
        found=found,
        opened=span,
        missing=opened if opened and span is None else None,
    )


def _shown(
    tree: TraceTree, summary: TraceSummary | None, beside: Beside, which: Page
) -> OpenedTrace:
    rows = rows_of(tree, beside)
    top = tree.spans[0] if which.under and tree.spans and not which.cursor.place else None
    of_whole = tree.span_count
    if which.under:
        of_whole = top.descendants + 1 if top else which.cursor.place + len(tree.spans)
        of_whole += bool(tree.cursor) and not top
    return OpenedTrace(
        tree=tree,
        drawn_from_us=us_of(tree.timestamp),
        summary=summary,
        drawn=waterfall_of_page(
            rows, paged(tree, which.cursor.place // PAGE_SPANS + 1, of_whole), heads=HEADS
        ),
        errors=[error_row(error, beside, 0) for error in tree.errors],
        logs=_logs(tree, beside.address),
        under=which.under,
    )


def _logs(tree: TraceTree, address: Address) -> str:
    if not tree.log_count:
        return ""
    first_us = us_of(tree.timestamp)
    between = Between(first_us, first_us + round(tree.duration_ms * 1000))
    return address_of_trace(address, tree.trace_id, between)


async def _summary(
    store: Warehouse, project: ProjectContext, tree: TraceTree
) -> TraceSummary | None:
    at_us = us_of(tree.timestamp)
    found = await summarise(store, project, [tree.trace_id], first_us=at_us, last_us=at_us)
    return found[0] if found else None


async def _issues(request: AnyRequest, project: ProjectContext, tree: TraceTree) -> dict[str, str]:
    """Returns the issues of the errors on the page, by their fingerprints."""
    errors = [*tree.errors, *(error for span in tree.spans for error in span.errors)]
    fingerprints = list({error.fingerprint for error in errors})
    if not fingerprints:
        return {}
    found = await issues_of(services(request).database, project.project_id, fingerprints)
    return {fingerprint: issue.id for fingerprint, issue in found.items()}


def _number(values: Values) -> int:
    text = values.get("page") or "1"
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 5 and int(text)):
        raise invalid("page", "Expected a number from 1")
    return int(text)
