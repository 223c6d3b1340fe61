"""Spans that SDKs stream one by one, each to its row.

A span is masked and read as the one span of a transaction: the same rules and bounds hold for both.
Who it was stays with the transaction, by which people are found, exported and erased.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from processors.errors.events import repairing
from processors.errors.legible import legible
from processors.errors.moments import moment_us, settle
from processors.errors.parts import Problems, encode_any, text_of
from processors.errors.transactions import SentTransaction, decode_transaction, spans_of
from schemas.errors.rows import StreamedSpanRow
from schemas.errors.sent import SentItem
from schemas.errors.streamed import OPERATION, SEGMENT_NAME, StreamedSpan, decode_streamed
from schemas.errors.transaction import SpanPart

PERSON = "user."
"""What attributes begin with that say who it was."""

Mask = Callable[[bytes], bytes]
"""JSON in, JSON out."""


def read_streamed(sent: SentItem, mask: Mask, item_id: str, received_at_us: int) -> StreamedSpanRow:
    """Reads a span to its row. Raises `Unfit` for what is none, and nothing else."""

    def work(item: bytes) -> StreamedSpanRow:
        streamed = decode_streamed(item)
        problems: Problems = []
        one = decode_transaction(mask(encode_any(_as_transaction(streamed))))
        return StreamedSpanRow(
            item_id,
            streamed.transaction_id,
            text_of(streamed.trace_id, "trace_id", problems),
            text_of(one.transaction, "transaction", problems),
            _part(one, sent.head.sent_at, received_at_us, problems),
        )

    return repairing(work, legible(bytes(sent.item)))


def _as_transaction(streamed: StreamedSpan) -> dict[str, Any]:
    span = {
        "span_id": streamed.span_id,
        "parent_span_id": streamed.parent_span_id,
        "op": streamed.text(OPERATION),
        "description": streamed.name,
        "status": streamed.status,
        "start_timestamp": streamed.start_timestamp,
        "timestamp": streamed.end_timestamp,
        "data": {
            name: value for name, value in streamed.data.items() if not name.startswith(PERSON)
        },
    }
    return {
        "transaction": streamed.text(SEGMENT_NAME),
        "start_timestamp": streamed.start_timestamp,
        "timestamp": streamed.end_timestamp,
        "spans": [span],
    }


def _part(one: SentTransaction, sent_at: str, received_at_us: int, problems: Problems) -> SpanPart:
    began, ended = moment_us(one.start_timestamp), moment_us(one.timestamp)
    known = one.start_timestamp if ended is None else one.timestamp
    moment = settle(known, sent_at, received_at_us, problems)
    part = spans_of(one.spans, moment.shift_us, problems).parts[0]
    # Without a readable begin, it took no time that we know.
    return part if began is not None else replace(part, started_us=moment.at_us, duration_ns=0)
