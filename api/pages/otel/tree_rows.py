"""From a page of a trace's tree to the rows of a waterfall. Pure.

1. A span is a row, in the colour of its service, as deep as it stands.
2. What belongs to a span stands right below it, one deeper: what a model was asked and answered,
   what a tool was given, errors, and the first log records.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from api.pages.addresses import Address
from api.pages.parts.charts import colours_of
from api.pages.parts.texts import count, exact, money, money_exact, us_of
from api.pages.parts.waterfall import MOST_INDENT, Note, Paged, Row
from schemas.otel.answers import Said, TraceTree, TreeCall, TreeError, TreeSpan

PAGE_SPANS = 500
HEADS = ("Tokens", "Cost")
OTHER_COLOUR = 8
MOST_SAID = 200
NO_NOTES = (Note(), Note())
PLACES = {
    "call": "llm/traces",
    "agent_event": "agents/spans",
    "transaction": "performance/transactions",
}
"""Where rows of other sources than OpenTelemetry have their pages."""


class Beside(NamedTuple):
    """What rows lead to."""

    address: Address
    issues: Mapping[str, str]
    """Ids of issues, by the fingerprint of an error."""


def rows_of(tree: TraceTree, beside: Beside) -> list[Row]:
    """Returns the rows of a page, in the order of the tree."""
    first_us = us_of(tree.timestamp)
    own = {span.service for span in tree.spans if span.service}
    named = [*tree.services, *sorted(own.difference(tree.services))]
    colours = dict(zip(named, colours_of(named), strict=True))
    rows: list[Row] = []
    for span in tree.spans:
        inner = list(_inner(span, beside, first_us))
        rows += [_row(span, beside.address, first_us, colours, len(inner)), *inner]
    return rows


def paged(tree: TraceTree, page: int, of_whole: int) -> Paged:
    """Returns which page of a tree it is; `of_whole` counts the spans of all of them."""
    first_us = us_of(tree.timestamp)
    pages = max(1, -(-of_whole // PAGE_SPANS))
    within = (first_us, first_us + max(1, round(tree.duration_ms * 1000)))
    return Paged(min(page, pages), pages, of_whole, within)


def href_of(span: TreeSpan, address: Address) -> str:
    """Returns the page that tells all of a span; nothing where there is none."""
    if span.source == "otel":
        return address.thing("otel/spans", span.id)
    if span.source in PLACES:
        return address.thing(PLACES[span.source], span.id)
    if span.source == "transaction_span":
        event_id = span.id[: -len(span.span_id) - 1]
        return address.thing(PLACES["transaction"], event_id)
    return ""


def _row(
    span: TreeSpan, address: Address, first_us: int, colours: Mapping[str, int], inner: int
) -> Row:
    start_us = first_us + round(span.offset_ms * 1000)
    service, href = span.service or _sender(span.source), href_of(span, address)
    is_ours = span.source == "otel"
    return Row(
        label=_label(span),
        start_us=start_us,
        end_us=start_us + round(span.duration_ms * 1000),
        depth=min(span.depth, MOST_INDENT),
        kind=service,
        colour=colours.get(service, OTHER_COLOUR),
        hint=_hint(span, service),
        notes=_notes(span.call),
        is_error=span.status == "error",
        href=href if is_ours else "",
        open_as=span.id if is_ours else "",
        leads_to="" if is_ours else href,
        alone=address.here(under=span.span_id, page=None, open=None) if span.descendants else "",
        below=span.descendants + inner,
    )


def _inner(span: TreeSpan, beside: Beside, first_us: int) -> Iterator[Row]:
    at_us, depth = first_us + round(span.offset_ms * 1000), min(span.depth + 1, MOST_INDENT)
    end_us = at_us + round(span.duration_ms * 1000)
    if span.call is not None:
        for said, moment in ((span.call.asked, at_us), (span.call.answered, end_us)):
            if said is not None and said.text:
                yield _moment(_words(said), moment, depth, said.role or "message", 3)
    if span.tool is not None:
        given = ((span.tool.input, at_us, "in"), (span.tool.output, end_us, "out"))
        for text, moment, what in given:
            if text:
                yield _moment(text[:MOST_SAID], moment, depth, f"tool {what}", 5)
    yield from (error_row(error, beside, depth) for error in span.errors)
    if span.logs is None:
        return
    for log in span.logs.first:
        href = beside.address.thing("errors/logs", log.record_id)
        yield _moment(
            log.body[:MOST_SAID] or "(no text)", us_of(log.timestamp), depth, "log", 6, href
        )
    if span.logs.count > len(span.logs.first):
        more = span.logs.count - len(span.logs.first)
        where = f"trace:{span.trace_id} span:{span.span_id}"
        href = beside.address.page("errors/logs", where=where, range=None, live=None, from_=0)
        yield _moment(f"{more:,} more log records", at_us, depth, "log", 6, href)


def error_row(error: TreeError, beside: Beside, depth: int) -> Row:
    """Returns an error as a moment; it leads to its issue."""
    issue = beside.issues.get(error.fingerprint)
    href = ""
    if issue is not None:
        href = beside.address.thing("errors/issues", issue, f"/events/{error.event_id}")
    said = error.title or error.type or "(no title)"
    row = _moment(said, us_of(error.timestamp), depth, error.level or "error", OTHER_COLOUR, href)
    return Row(
        label=row.label,
        start_us=row.start_us,
        end_us=None,
        depth=depth,
        colour=OTHER_COLOUR,
        hint=row.hint,
        notes=NO_NOTES,
        is_error=True,
        leads_to=href,
    )


def _moment(label: str, at_us: int, depth: int, hint: str, colour: int, leads_to: str = "") -> Row:
    return Row(
        label=label,
        start_us=at_us,
        end_us=None,
        depth=depth,
        colour=colour,
        hint=hint,
        notes=NO_NOTES,
        leads_to=leads_to,
    )


def _words(said: Said) -> str:
    return " ".join(said.text[:MOST_SAID].split()) or "(blank)"


def _label(span: TreeSpan) -> str:
    if span.tool is not None and span.tool.name:
        return span.tool.name
    return span.name or "(no name)"


def _hint(span: TreeSpan, service: str) -> str:
    said = [service]
    if span.call is not None and span.call.model:
        said.append(span.call.model)
    if span.is_orphan:
        said.append("its parent has not come")
    if span.is_skewed:
        said.append("began before its parent, by their clocks")
    if span.status_message:
        said.append(span.status_message)
    return " · ".join(said)


def _notes(call: TreeCall | None) -> tuple[Note, Note]:
    if call is None:
        return NO_NOTES
    known = [one for one in (call.input_tokens, call.output_tokens) if one is not None]
    tokens = Note()
    if known:
        each = f"{exact(call.input_tokens)} in, {exact(call.output_tokens)} out"
        tokens = Note(count(sum(known)), each)
    if call.billing:
        return tokens, Note("–", f"Not billed: {call.billing}")
    return tokens, Note(money(call.cost_cents), money_exact(call.cost_cents))


def _sender(source: str) -> str:
    return {"call": "LLM call", "agent_event": "agent"}.get(source, "Sentry's SDK")
