"""The steps of the system `llm`, by kind."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count, repeat
from typing import Any

import pyarrow.compute as pc
from msgspec.structs import astuple

from clickhouse.llm.tables import span_arrays, trace_arrays
from processors.blocks import KindStep, StoredItems, nothing
from processors.columns import Columns, Rows, SentChunk, row_by_row
from processors.llm.cost.own import Book, Prices
from processors.llm.known_templates import KnownTemplates, Used
from processors.llm.scores import build_scores
from processors.llm.spans import decode_span, span_row
from processors.llm.traces import decode_trace, trace_row
from schemas import metrics
from schemas.kinds import PROMPT_TEMPLATES, SCORE, SPAN, TRACE


def steps(
    current: Callable[[], Prices],
    *,
    templates: KnownTemplates | None = None,
    follow: Callable[[StoredItems], Awaitable[None]] = nothing,
) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind.

    `current` gives the prices as they are now. A block is priced by what it gives once. `templates`
    are those of the process. `follow` is what the control plane does of calls that are stored.
    """
    templates = templates or KnownTemplates()

    def traces(sent: Sequence[SentChunk]) -> Columns:
        return build_traces(current(), sent, templates)

    def spans(sent: Sequence[SentChunk]) -> Columns:
        return build_spans(current(), sent)

    def note(stored: StoredItems) -> None:
        note_unpriced(stored)
        templates.note(stored)

    return {
        TRACE.name: KindStep(TRACE, traces, note, follow),
        SPAN.name: KindStep(SPAN, spans, note_unpriced),
        SCORE.name: KindStep(SCORE, build_scores),
    }


def build_traces(prices: Prices, sent: Sequence[SentChunk], templates: KnownTemplates) -> Columns:
    """Turns traces into columns, and the templates of their prompts that are not stored yet."""
    of_items = _of_items(prices, sent)
    numbers = count()
    used: list[Used] = []

    def row_of(body: bytes, _: str) -> tuple[Any, ...]:
        chunk, book = next(of_items)  # first: also where the item turns out to be unfit
        row = trace_row(decode_trace(body), book)
        number = next(numbers)
        if row.prompt_text:
            used.append(Used(number, chunk.project_id, chunk.received_at_us, row))
        return astuple(row)

    return row_by_row(
        sent,
        row_of,
        lambda columns: {
            "traces": Rows(trace_arrays(columns)),
            PROMPT_TEMPLATES: templates.rows(used),
        },
    )


def build_spans(prices: Prices, sent: Sequence[SentChunk]) -> Columns:
    """Turns spans into columns."""
    of_items = _of_items(prices, sent)

    def row_of(body: bytes, _: str) -> tuple[Any, ...]:
        book = next(of_items)[1]
        return astuple(span_row(decode_span(body), book))

    return row_by_row(sent, row_of, lambda columns: {"spans": Rows(span_arrays(columns))})


def _of_items(prices: Prices, sent: Sequence[SentChunk]) -> Iterator[tuple[SentChunk, Book]]:
    """Yields the chunk and the book of each item."""
    for one in sent:
        yield from repeat((one, prices.of(one.project_id)), len(one.bodies))


def note_unpriced(stored: StoredItems) -> None:
    """Counts what has tokens and no price."""
    note_unpriced_calls(stored.batch.kind.tables[0].name, stored)


def note_unpriced_calls(table: str, stored: StoredItems) -> None:
    """The same of the calls that are rows of a table."""
    kind = stored.batch.kind
    (found,) = (one for one in kind.tables if one.name == table)
    rows = stored.batch.rows(found, stored.items)
    unpriced = pc.and_(rows["computed_cost"].is_null(), rows["input_tokens"].is_valid())
    metrics.UNPRICED.labels(kind.name).inc(pc.sum(unpriced).as_py() or 0)
