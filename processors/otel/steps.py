"""The steps of the system `otel`, by kind."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from clickhouse.otel.tables import (
    message_arrays,
    otel_span_arrays,
    told_call_arrays,
    told_span_arrays,
)
from processors.blocks import KindStep
from processors.columns import Columns, Numbers, Rows, SentChunk, Unfit, bodies_of
from processors.llm.cost.own import Book, Prices
from processors.llm.steps import note_unpriced_calls
from processors.otel.billing import Mark, bill, mark_of, scope_of
from processors.otel.inherited import Placed, inherit
from processors.otel.meaning import read_span
from processors.otel.span_rows import rows_of
from schemas.kinds import OTEL_SPAN
from schemas.otel.bounds import REASONS, Undecodable
from schemas.otel.items import ItemDecoder, why_not
from schemas.otel.rows import SpanRows
from schemas.otel.signals import Span
from schemas.otel.traces import TRACES
from schemas.projects import ProjectId

T = TypeVar("T")
Scope = tuple[ProjectId, str]
"""Within what calls are billed together."""


def steps(current: Callable[[], Prices]) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind. `current` gives the prices as they are now."""

    def build(sent: Sequence[SentChunk]) -> Columns:
        return build_spans(current(), sent)

    return {OTEL_SPAN.name: KindStep(OTEL_SPAN, build, partial(note_unpriced_calls, "traces"))}


class Told:
    """The spans of a block while they are read: their rows, and who is billed."""

    def __init__(self) -> None:
        self.rows: list[SpanRows] = []
        self._marks: dict[Scope, list[Mark]] = defaultdict(list)
        self._of: list[tuple[Scope, str]] = []

    def read(
        self, project_id: ProjectId, decoder: ItemDecoder[Span], item: bytes, book: Book
    ) -> None:
        """Adds a span. Raises `Unfit`."""
        try:
            decoded = decoder.decode(item)
        except Undecodable as error:
            raise Unfit(str(error)) from error
        if not decoded.items:
            raise Unfit(REASONS[why_not(decoded)])
        span = decoded.items[0]
        meaning = read_span(span)
        self.rows.append(rows_of(span, meaning, book))
        scope = project_id, scope_of(span.trace_id, meaning)
        self._marks[scope].append(mark_of(span.span_id, span.parent_span_id, meaning, False))
        self._of.append((scope, span.span_id))

    def settle(self) -> None:
        """Says which calls are billed, as far as this block tells: later spans may change it."""
        verdicts = {
            scope: bill(marks)
            for scope, marks in self._marks.items()
            if sum(mark.role != "none" for mark in marks) > 1
        }
        for row, (scope, span_id) in zip(self.rows, self._of, strict=True):
            verdict = verdicts[scope].get(span_id, "billed") if scope in verdicts else "billed"
            if row.call is not None and verdict != "billed":
                row.call.call.billing = verdict
        inherit([Placed(of[0], row) for row, (of, _) in zip(self.rows, self._of, strict=True)])


def build_spans(prices: Prices, sent: Sequence[SentChunk]) -> Columns:
    """Turns spans into columns of four tables."""
    decoder = ItemDecoder(TRACES)
    told = Told()
    dead: dict[int, str] = {}
    number = 0
    for chunk in sent:
        book = prices.of(chunk.project_id)
        for body, _ in bodies_of([chunk]):
            try:
                told.read(chunk.project_id, decoder, body, book)
            except Unfit as error:
                dead[number] = str(error)
            number += 1
    told.settle()
    rows = told.rows
    if not rows:
        return Columns((), {}, dead)
    calls, call_items = _present([one.call for one in rows])
    agents, agent_items = _present([one.agent for one in rows])
    messages = [message for one in rows for message in one.messages]
    owners = np.repeat(np.arange(len(rows)), [len(one.messages) for one in rows])
    tables = {
        "otel_spans": Rows(otel_span_arrays([one.span for one in rows])),
        "traces": Rows(told_call_arrays(calls), call_items),
        "spans": Rows(told_span_arrays(agents), agent_items),
        "messages": Rows(message_arrays(messages), owners),
    }
    return Columns([one.item_id for one in rows], tables, dead)


def _present(values: Sequence[T | None]) -> tuple[list[T], Numbers]:
    """Returns what is there, and its numbers."""
    found = [(number, one) for number, one in enumerate(values) if one is not None]
    return [one for _, one in found], np.array([number for number, _ in found], np.int64)
