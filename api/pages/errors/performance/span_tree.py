"""From the spans of a transaction to the rows of a waterfall: what was within what. Pure.

1. The transaction itself is the first row, and holds everything.
2. A span is within the one that it names; where that is not there, within the transaction.
3. Spans that are within each other in a circle are within the transaction.
4. LLM calls and errors of the same trace stand in the span that they name; those that name none,
   in the transaction, where they are within its time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from msgspec import Struct

from api.pages.addresses import Address
from api.pages.parts.texts import duration, exact
from api.pages.parts.waterfall import MOST_INDENT, Note, Row, page_of
from api.slashes import as_segment
from clickhouse.errors.trace_links import TraceLinks
from clickhouse.errors.transaction_lines import StoredTransaction, TransactionLine
from clickhouse.errors.transaction_spans import SpanLine

HEADS = ("Own time",)
COLOURS = {"db": 2, "http": 4, "cache": 1, "queue": 5, "template": 6, "function": 7, "gen_ai": 3}
"""By what an operation begins with."""
OTHER_COLOUR = 8
LLM_COLOUR = 3
OK = ("ok", "", "unknown", "cancelled")
BESIDE = ("LLM call", "error")
"""Kinds of steps that are no spans."""


class Step(Struct):
    """One span, LLM call or error, with its place in the tree."""

    id: str
    label: str
    start_us: int
    end_us: int | None
    kind: str
    colour: int
    hint: str = ""
    is_error: bool = False
    depth: int = 0
    own_us: int | None = None
    """The part of its time in which none of the spans in it ran."""


class Drawn(NamedTuple):
    """What is drawn of a transaction."""

    rows: list[Row]
    has_begins: bool
    """Whether the sender said when spans began: Open Sentry's do not."""


def steps_of(stored: StoredTransaction, spans: Sequence[SpanLine], links: TraceLinks) -> list[Step]:
    """Returns the steps in the order of their tree, the transaction first."""
    transaction, known = stored.line, {span.span_id for span in spans}
    within: dict[str, list[Step]] = defaultdict(list)
    for parent, step in (*_spans(spans, known), *_others(stored, links, known)):
        within[parent].append(step)
    for steps in within.values():
        steps.sort(key=lambda step: step.start_us)
    root = Step(
        id="",
        label=transaction.name or "(no name)",
        start_us=transaction.at_us,
        end_us=transaction.end_us,
        kind="transaction",
        colour=0,
        hint=transaction.op,
        is_error=transaction.failed,
    )
    return _in_order(root, within)


def rows_of(
    transaction: TransactionLine, steps: Sequence[Step], address: Address, number: int
) -> Drawn:
    """Returns the rows of the waterfall; those of other pages have no addresses."""
    _, _, linked = page_of(len(steps), number)
    rows = [
        Row(
            label=step.label,
            start_us=step.start_us,
            end_us=step.end_us,
            depth=min(step.depth, MOST_INDENT),
            kind=step.kind,
            colour=step.colour,
            hint=step.hint,
            notes=_notes(step),
            is_error=step.is_error,
            is_frame=not place,
            open_as=step.id,
            href=_href(transaction, step, address) if place in linked else "",
        )
        for place, step in enumerate(steps)
    ]
    begun = [step.start_us for step in steps[1:] if step.kind not in BESIDE]
    return Drawn(rows, has_begins=len(begun) < 2 or set(begun) != {transaction.at_us})


def _spans(spans: Iterable[SpanLine], known: set[str]) -> Iterable[tuple[str, Step]]:
    for span in spans:
        step = Step(
            id=span.span_id,
            label=span.description or span.op or "(no name)",
            start_us=span.started_us,
            end_us=span.end_us,
            kind=_kind(span.op),
            colour=COLOURS.get(_kind(span.op), OTHER_COLOUR),
            hint=span.op if span.description else "",
            is_error=span.status not in OK,
        )
        yield span.parent_span_id if span.parent_span_id in known else "", step


def _others(
    stored: StoredTransaction, links: TraceLinks, known: set[str]
) -> Iterable[tuple[str, Step]]:
    found: list[tuple[str, Step]] = []
    for call in links.calls:
        end_us = call.at_us + round(call.latency_ms * 1000)
        label, failed = call.model or "(no model)", call.status == "error"
        step = Step(call.trace_id, label, call.at_us, end_us, "LLM call", LLM_COLOUR, "", failed)
        found.append((call.span_id, step))
    for error in links.errors:
        said = error.title or error.type
        step = Step(error.event_id, said, error.at_us, None, "error", OTHER_COLOUR, "", True)
        found.append((error.span_id, step))
    first_us, last_us = stored.line.at_us, stored.line.end_us
    for span_id, step in found:
        if span_id in known:
            yield span_id, step
        elif span_id == stored.span_id or (not span_id and first_us <= step.start_us <= last_us):
            yield "", step


def _in_order(root: Step, within: dict[str, list[Step]]) -> list[Step]:
    found, todo = [root], [(step, 1) for step in reversed(within.pop("", []))]
    root.own_us = _own_us(root, [step for step, _ in todo])
    while todo or within:
        if not todo:
            # What is left is in a circle: any of it may be the first.
            todo = [(step, 1) for step in reversed(within.pop(next(iter(within))))]
        step, depth = todo.pop()
        step.depth = depth
        # Of a span that came twice, the first one holds what is within it.
        inner = within.pop(step.id, []) if step.kind not in BESIDE else []
        step.own_us = _own_us(step, inner)
        found.append(step)
        todo += [(one, step.depth + 1) for one in reversed(inner)]
    return found


def _own_us(step: Step, inner: Iterable[Step]) -> int | None:
    if step.end_us is None:
        return None
    own, at = step.end_us - step.start_us, step.start_us
    for one in sorted(inner, key=lambda one: one.start_us):
        first, last = max(one.start_us, at), min(one.end_us or one.start_us, step.end_us)
        if last > first:
            own -= last - first
            at = last
    return own


def _kind(op: str) -> str:
    return op.partition(".")[0] or "other"


def _notes(step: Step) -> list[Note]:
    if step.own_us is None:
        return [Note()]
    ms = step.own_us / 1000
    return [Note(duration(ms), f"{exact(ms)} ms in which nothing in it ran")]


def _href(transaction: TransactionLine, step: Step, address: Address) -> str:
    if step.kind == "LLM call":
        return address.thing("llm/traces", step.id)
    if step.kind == "error" or not step.id:
        return ""
    rest = f"/spans/{quote(as_segment(step.id), safe='')}"
    return address.thing("performance/transactions", transaction.event_id, rest)
