"""The steps of the system `llm`, by kind."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow.compute as pc
from msgspec.structs import astuple

from clickhouse.llm.tables import span_arrays, trace_arrays
from processors.blocks import KindStep, StoredItems
from processors.columns import Columns, Rows, SentChunk, row_by_row
from processors.llm.cost.book import PriceBook
from processors.llm.spans import decode_span, span_row
from processors.llm.traces import decode_trace, trace_row
from schemas import metrics
from schemas.kinds import SPAN, TRACE


def steps(book: PriceBook) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind."""
    return {
        TRACE.name: KindStep(TRACE, partial(build_traces, book), note_unpriced),
        SPAN.name: KindStep(SPAN, partial(build_spans, book), note_unpriced),
    }


def build_traces(book: PriceBook, sent: Sequence[SentChunk]) -> Columns:
    """Turns traces into columns."""

    def row_of(body: bytes, _: str) -> tuple[Any, ...]:
        return astuple(trace_row(decode_trace(body), book))

    return row_by_row(sent, row_of, lambda columns: {"traces": Rows(trace_arrays(columns))})


def build_spans(book: PriceBook, sent: Sequence[SentChunk]) -> Columns:
    """Turns spans into columns."""

    def row_of(body: bytes, _: str) -> tuple[Any, ...]:
        return astuple(span_row(decode_span(body), book))

    return row_by_row(sent, row_of, lambda columns: {"spans": Rows(span_arrays(columns))})


def note_unpriced(stored: StoredItems) -> None:
    """Counts what has tokens and no price."""
    kind = stored.batch.kind
    rows = stored.batch.rows(kind.tables[0], stored.items)
    unpriced = pc.and_(rows["computed_cost"].is_null(), rows["input_tokens"].is_valid())
    metrics.UNPRICED.labels(kind.name).inc(pc.sum(unpriced).as_py() or 0)
