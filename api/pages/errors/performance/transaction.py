"""One transaction: its facts, its spans as a waterfall, queries that repeat, what its trace has."""

import asyncio
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import Raw, Struct

from api.auth import AnyRequest, services
from api.errors.performance import Whole, read_whole
from api.pages.errors.logs.links import logs_of_trace
from api.pages.errors.performance.span_tree import HEADS, rows_of, steps_of
from api.pages.parts.trees import Node, decoded, tree_of
from api.pages.parts.waterfall import waterfall_of
from api.pages.render import address_of, is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.errors.repeated_spans import repeated
from clickhouse.errors.trace_links import Between
from clickhouse.errors.transaction_lines import TransactionLine, fetch_transaction
from clickhouse.errors.transaction_spans import SpanLine, fetch_span
from clickhouse.queries.parts import PART_BYTES
from controlplane.errors.listing import issues_of
from schemas.errors.transaction import TransactionEvent, transaction_decoder
from schemas.projects import ProjectContext

EMPTY = TransactionEvent(event_id="", started_us=0)
MEASURED = {
    "fp": "First paint",
    "fcp": "First contentful paint",
    "lcp": "Largest contentful paint",
    "fid": "First input delay",
    "inp": "Interaction to next paint",
    "ttfb": "Time to first byte",
    "cls": "Layout shift",
}
MOST_MEASURED = 24
TO_MS = {"nanosecond": 1e-6, "microsecond": 1e-3, "millisecond": 1.0, "second": 1e3}


class Measured(Struct, frozen=True):
    """One measurement; of durations in milliseconds."""

    title: str
    value: float
    unit: str
    """`ms`, or what the sender says."""


class Part(Struct, frozen=True):
    """One of the JSON texts of a transaction or a span."""

    title: str
    text: str
    tree: Node


class OpenedSpan(Struct, frozen=True):
    """Everything that is shown of a span."""

    transaction: TransactionLine
    span: SpanLine
    data: Part | None


@get("/performance/transactions/{transaction_id:str}", include_in_schema=False)
async def transaction_page(
    request: AnyRequest, viewer: Viewed, transaction_id: FromPath[str]
) -> Response[str]:
    """Show one transaction, with a span of it in the drawer where the address opens one."""
    values = values_of(request)
    number, opened = _number(values), values.get("open")
    reader = reader_of(request, viewer.project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, PART_BYTES) as share,
    ):
        whole = await read_whole(store, viewer.project, with_slashes(transaction_id))
        if whole is None:
            raise NoSuchPage
        line = whole.stored.line
        span = await _open(store, viewer.project, line, opened) if opened else None
        between = Between(line.at_us, line.end_us)
        address = address_of(request)
        logs = await logs_of_trace(store, viewer.project, address, line.trace_id, between)
        share.give_back()
    issues = await _issues(request, viewer.project, whole)
    shown = await asyncio.to_thread(_shown, request, whole, number)
    return await page(
        request,
        "errors/performance/transaction.html",
        line=line,
        logs=logs,
        stored=whole.stored,
        links=whole.links,
        issues=issues,
        span=span,
        missing=opened if opened and span is None else None,
        **shown,
    )


@get("/performance/transactions/{transaction_id:str}/spans/{span_id:str}", include_in_schema=False)
async def span_page(
    request: AnyRequest, viewer: Viewed, transaction_id: FromPath[str], span_id: FromPath[str]
) -> Response[str]:
    """Show one span, alone or in the drawer of its transaction."""
    reader = reader_of(request, viewer.project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, PART_BYTES) as share,
    ):
        stored = await fetch_transaction(store, viewer.project, with_slashes(transaction_id))
        span = None
        if stored is not None:
            span = await _open(store, viewer.project, stored.line, with_slashes(span_id))
        share.give_back()
    if span is None:
        raise NoSuchPage
    name = "span_drawer" if is_fragment(request) else "span"
    return await page(request, f"errors/performance/{name}.html", opened=span)


def event_of(body: Raw | None) -> TransactionEvent:
    """Reads what is stored of a transaction beside its columns; nothing of what cannot be read."""
    try:
        return transaction_decoder.decode(body) if body is not None else EMPTY
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return EMPTY


def measured(event: TransactionEvent) -> list[Measured]:
    """Returns the measurements that are numbers, web vitals first."""
    names = sorted(event.measurements, key=lambda name: (name not in MEASURED, name))
    found = []
    for name in names:
        one = event.measurements[name]
        value, unit = (one.get("value"), one.get("unit")) if isinstance(one, dict) else (one, "")
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        unit = unit if isinstance(unit, str) and unit != "none" else ""
        scale = TO_MS.get(unit)
        found.append(
            Measured(MEASURED.get(name, name), value * (scale or 1), "ms" if scale else unit)
        )
    return found[:MOST_MEASURED]


def _shown(request: AnyRequest, whole: Whole, number: int) -> dict[str, Any]:
    """Works out what takes a while: of 10,000 spans it would keep the loop for 0.1 s."""
    line, event = whole.stored.line, event_of(whole.stored.body)
    steps = steps_of(whole.stored, whole.spans, whole.links)
    rows, has_begins = rows_of(line, steps, address_of(request), number)
    parts = [
        _part("Request", _asked(event)),
        _part("Contexts", event.contexts),
        _part("Extra", event.extra),
    ]
    return {
        "drawn": waterfall_of(rows, heads=HEADS, page=number, cuts=False),
        "has_begins": has_begins,
        "spans": len(whole.spans),
        "left_out": event.spans_left_out + max(line.spans - len(whole.spans), 0),
        "repeated": repeated(whole.spans),
        "labels": {span.span_id: span.description or span.op for span in whole.spans},
        "measured": measured(event),
        "tags": sorted(event.tags.items()),
        "problems": event.problems,
        "parts_shown": [part for part in parts if part is not None],
    }


async def _issues(request: AnyRequest, project: ProjectContext, whole: Whole) -> dict[str, str]:
    """Returns the issues of the errors of the trace, by their fingerprints."""
    fingerprints = list({error.fingerprint for error in whole.links.errors})
    if not fingerprints:
        return {}
    database = services(request).database
    found = await issues_of(database, project.project_id, fingerprints)
    return {fingerprint: issue.id for fingerprint, issue in found.items()}


async def _open(
    store: Warehouse, project: ProjectContext, line: TransactionLine, span_id: str
) -> OpenedSpan | None:
    found = await fetch_span(store, project, line, span_id)
    if found is None:
        return None
    span, data = found
    return OpenedSpan(line, span, await asyncio.to_thread(_part, "Data", data))


def _part(title: str, raw: Raw | None) -> Part | None:
    value = decoded(raw) if raw else None
    if raw is None or not value:
        return None
    return Part(title, bytes(raw).decode(), tree_of(value))


def _asked(event: TransactionEvent) -> Raw | None:
    """Returns what was asked for; headers and bodies are in the API's answer."""
    if event.request is None:
        return None
    asked = {name: getattr(event.request, name) for name in ("method", "url", "query")}
    return Raw(msgspec.json.encode({name: text for name, text in asked.items() if text}))


def _number(values: Values) -> int:
    text = values.get("page") or "1"
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 5 and int(text)):
        raise invalid("page", "Expected a number from 1")
    return int(text)
