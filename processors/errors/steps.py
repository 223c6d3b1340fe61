"""The steps of the system `errors`, by kind: decode, mask, read, group, row."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.structs import astuple, replace

from clickhouse.errors.tables import (
    error_arrays,
    span_owners,
    transaction_arrays,
    transaction_span_arrays,
)
from clickhouse.errors.tables_beside import attachment_arrays, check_in_arrays, feedback_arrays
from processors.blocks import KindStep, StoredItems, nothing
from processors.columns import Columns, Rows, SentChunk, row_by_row
from processors.errors.attachments import read_attachment
from processors.errors.check_ins import read_check_in
from processors.errors.events import decode_sent, read_error, read_transaction, repairing
from processors.errors.feedback import read_feedback
from processors.errors.rows import Grouped, error_row, transaction_row
from schemas.errors.event import ErrorEvent
from schemas.errors.sent import SentItem
from schemas.kinds import ATTACHMENT, CHECK_IN, ERROR, FEEDBACK, TRANSACTION
from schemas.projects import ProjectId


class Meaning(NamedTuple):
    """What the settings of a project make of its events."""

    mask: Callable[[bytes], bytes]
    """An item without personal data: JSON in, JSON out."""
    group: Callable[[ErrorEvent], Grouped]
    keeps_addresses: bool = True
    """Whether it may be read where the request came from."""


MeaningOf = Callable[[ProjectId], Meaning]


class Arrived(NamedTuple):
    """What an item's chunk says of it."""

    meaning: Meaning
    received_at_us: int


def steps(
    current: Callable[[], MeaningOf],
    follow: Callable[[StoredItems], Awaitable[None]] = nothing,
) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind.

    `current` gives what projects' settings are now: a block is read by what it gives once. `follow`
    is what the control plane does of errors that are stored.
    """

    def build(
        build_rows: Callable[[MeaningOf, Sequence[SentChunk]], Columns], sent: Sequence[SentChunk]
    ) -> Columns:
        return build_rows(current(), sent)

    return {
        ERROR.name: KindStep(ERROR, partial(build, build_errors), follow=follow),
        TRANSACTION.name: KindStep(TRANSACTION, partial(build, build_transactions)),
        FEEDBACK.name: KindStep(FEEDBACK, partial(build, build_feedback)),
        CHECK_IN.name: KindStep(CHECK_IN, partial(build, build_check_ins)),
        ATTACHMENT.name: KindStep(ATTACHMENT, build_attachments),
    }


def build_errors(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns error events into columns."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, event_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)  # first: also where the item is unfit
        event = read_error(_masked(decode_sent(body), meaning), event_id, received_at_us)
        return astuple(error_row(event, meaning.group(event)))

    return row_by_row(sent, row_of, lambda columns: {"errors": Rows(error_arrays(columns))})


def build_transactions(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns transactions into columns of two tables."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, event_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)
        item = _masked(decode_sent(body), meaning)
        return astuple(transaction_row(read_transaction(item, event_id, received_at_us)))

    return row_by_row(sent, row_of, _transaction_tables)


def build_feedback(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns what people say into columns."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, event_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)
        item = _masked(decode_sent(body), meaning)
        return astuple(read_feedback(item, event_id, received_at_us))

    return row_by_row(sent, row_of, lambda columns: {"feedback": Rows(feedback_arrays(columns))})


def build_check_ins(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns what jobs say of their runs into columns."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, update_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)
        item = _masked(decode_sent(body), meaning)
        return astuple(read_check_in(item, update_id, received_at_us))

    return row_by_row(sent, row_of, lambda columns: {"check_ins": Rows(check_in_arrays(columns))})


def build_attachments(sent: Sequence[SentChunk]) -> Columns:
    """Turns files into columns; nothing in them is masked."""

    def row_of(body: bytes, attachment_id: str) -> tuple[Any, ...]:
        return astuple(read_attachment(body, attachment_id))

    return row_by_row(
        sent, row_of, lambda columns: {"attachments": Rows(attachment_arrays(columns))}
    )


def _transaction_tables(columns: Sequence[Sequence[Any]]) -> Mapping[str, Rows]:
    spans = Rows(transaction_span_arrays(columns), span_owners(columns))
    return {"transactions": Rows(transaction_arrays(columns)), "transaction_spans": spans}


def _masked(sent: SentItem, meaning: Meaning) -> SentItem:
    """Masks an item before anything is read of it; nothing unmasked gets past here."""
    head = sent.head if meaning.keeps_addresses else replace(sent.head, client_ip="")
    return replace(sent, head=head, item=Raw(repairing(meaning.mask, bytes(sent.item))))


def _arrivals(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Iterator[Arrived]:
    """Yields what is known of each item."""
    for one in sent:
        arrived = Arrived(meaning_of(one.project_id), one.received_at_us)
        for _ in one.bodies:
            yield arrived
