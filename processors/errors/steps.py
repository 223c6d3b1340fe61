"""The steps of the system `errors`, by kind: decode, mask, read, group, row."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.structs import astuple, replace

from clickhouse.errors.session_tables import session_arrays
from clickhouse.errors.tables import (
    error_arrays,
    log_arrays,
    span_owners,
    streamed_span_arrays,
    transaction_arrays,
    transaction_span_arrays,
)
from clickhouse.errors.tables_beside import attachment_arrays, check_in_arrays, feedback_arrays
from processors.blocks import KindStep, Ready, StoredItems, needs_nothing, nothing
from processors.columns import Build, Columns, Rows, SentChunk, row_by_row
from processors.errors.attachments import read_attachment
from processors.errors.check_ins import read_check_in
from processors.errors.events import decode_sent, read_error, read_transaction, repairing
from processors.errors.feedback import read_feedback
from processors.errors.logs import read_log
from processors.errors.mapped import Ahead, AheadKey, Mapper, prepared
from processors.errors.rows import Grouped, error_row, transaction_row
from processors.errors.sessions import session_row
from processors.errors.streamed import read_streamed
from schemas.errors.event import ErrorEvent
from schemas.errors.sent import SentItem
from schemas.kinds import (
    ATTACHMENT,
    CHECK_IN,
    ERROR,
    FEEDBACK,
    LOG,
    SESSION,
    STREAMED_SPAN,
    TRANSACTION,
)
from schemas.projects import ProjectId


class Meaning(NamedTuple):
    """What the settings of a project make of its events."""

    mask: Callable[[bytes], bytes]
    """An item without personal data: JSON in, JSON out."""
    group: Callable[[ErrorEvent], Grouped]
    keeps_addresses: bool = True
    """Whether it may be read where the request came from."""


MeaningOf = Callable[[ProjectId], Meaning]
Mask = Callable[[bytes], bytes]
NOTHING_AHEAD: Ahead = {}


class Arrived(NamedTuple):
    """What an item's chunk says of it."""

    meaning: Meaning
    received_at_us: int


def steps(
    current: Callable[[], MeaningOf],
    follow: Callable[[StoredItems], Awaitable[None]] = nothing,
    follow_releases: Callable[[StoredItems], Awaitable[None]] = nothing,
    mapper: Mapper | None = None,
    feed: Callable[[StoredItems], Awaitable[None]] = nothing,
) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind.

    `current` gives what projects' settings are now: a block is read by what it gives once. `follow`
    is what the control plane does of errors that are stored, `follow_releases` of what else names
    a release. `mapper` applies source maps. `feed` tells heartbeat monitors of check-ins.
    """

    def build(
        build_rows: Callable[[MeaningOf, Sequence[SentChunk]], Columns], sent: Sequence[SentChunk]
    ) -> Columns:
        return build_rows(current(), sent)

    def prepare(sent: Sequence[SentChunk]) -> Ready | None:
        assert mapper is not None
        return prepare_errors(current(), mapper, sent)

    return {
        ERROR.name: KindStep(
            ERROR,
            partial(build, build_errors),
            prepare=needs_nothing if mapper is None else prepare,
            follow=follow,
        ),
        TRANSACTION.name: KindStep(
            TRANSACTION, partial(build, build_transactions), follow=follow_releases
        ),
        STREAMED_SPAN.name: KindStep(STREAMED_SPAN, partial(build, build_streamed_spans)),
        LOG.name: KindStep(LOG, partial(build, build_logs)),
        SESSION.name: KindStep(SESSION, build_sessions, follow=follow_releases),
        FEEDBACK.name: KindStep(FEEDBACK, partial(build, build_feedback)),
        CHECK_IN.name: KindStep(CHECK_IN, partial(build, build_check_ins), follow=feed),
        ATTACHMENT.name: KindStep(ATTACHMENT, build_attachments),
    }


def build_errors(
    meaning_of: MeaningOf, sent: Sequence[SentChunk], ahead: Ahead = NOTHING_AHEAD
) -> Columns:
    """Turns error events into columns. Those of `ahead` are read already, and mapped."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, event_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)  # first: also where the item is unfit
        event = ahead.get(AheadKey(body, event_id, received_at_us)) if ahead else None
        if event is None:
            event = read_error(_masked(decode_sent(body), meaning), event_id, received_at_us)
        return astuple(error_row(event, meaning.group(event)))

    return row_by_row(sent, row_of, lambda columns: {"errors": Rows(error_arrays(columns))})


def prepare_errors(
    meaning_of: MeaningOf, mapper: Mapper, sent: Sequence[SentChunk]
) -> Ready | None:
    """Reads the events that source maps may be for; returns what maps them, and builds them all.

    What cannot be read is left to `build_errors`, which says why.
    """

    def read(project_id: ProjectId, body: bytes, key: AheadKey) -> tuple[ErrorEvent, Mask]:
        meaning = meaning_of(project_id)
        item = _masked(decode_sent(body), meaning)
        return read_error(item, key.event_id, key.received_at_us), meaning.mask

    def build(ahead: Ahead) -> Build:
        return partial(build_errors, meaning_of, ahead=ahead)

    return prepared(mapper, sent, read, build)


def build_transactions(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns transactions into columns of two tables."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, event_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)
        item = _masked(decode_sent(body), meaning)
        return astuple(transaction_row(read_transaction(item, event_id, received_at_us)))

    return row_by_row(sent, row_of, _transaction_tables)


def build_streamed_spans(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns spans that came by themselves into columns."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, item_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)
        return astuple(read_streamed(decode_sent(body), meaning.mask, item_id, received_at_us))

    return row_by_row(
        sent, row_of, lambda columns: {"streamed_spans": Rows(streamed_span_arrays(columns))}
    )


def build_logs(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns log records into columns."""
    arrivals = _arrivals(meaning_of, sent)

    def row_of(body: bytes, record_id: str) -> tuple[Any, ...]:
        meaning, received_at_us = next(arrivals)
        record = _without_address(decode_sent(body), meaning)
        return astuple(read_log(record, meaning.mask, record_id, received_at_us))

    return row_by_row(sent, row_of, lambda columns: {"logs": Rows(log_arrays(columns))})


def build_sessions(sent: Sequence[SentChunk]) -> Columns:
    """Turns sessions into columns. Nothing is masked: what could tell of a person is not kept."""
    chunks = iter([one for one in sent for _ in one.bodies])

    def row_of(body: bytes, item_id: str) -> tuple[Any, ...]:
        chunk = next(chunks)
        item = decode_sent(body)
        at_us = chunk.received_at_us
        return astuple(
            session_row(item, item_id, project_id=chunk.project_id, received_at_us=at_us)
        )

    return row_by_row(
        sent, row_of, lambda columns: {"session_updates": Rows(session_arrays(columns))}
    )


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
    sent = _without_address(sent, meaning)
    return replace(sent, item=Raw(repairing(meaning.mask, bytes(sent.item))))


def _without_address(sent: SentItem, meaning: Meaning) -> SentItem:
    if meaning.keeps_addresses or not sent.head.client_ip:
        return sent
    return replace(sent, head=replace(sent.head, client_ip=""))


def _arrivals(meaning_of: MeaningOf, sent: Sequence[SentChunk]) -> Iterator[Arrived]:
    """Yields what is known of each item."""
    for one in sent:
        arrived = Arrived(meaning_of(one.project_id), one.received_at_us)
        for _ in one.bodies:
            yield arrived
