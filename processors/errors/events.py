"""What the log holds of an event, read: from `SentItem` to one form for every protocol."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from processors.columns import Unfit
from processors.errors.legible import legible, repaired
from processors.errors.open_sentry_event import read_open_sentry_error
from processors.errors.open_sentry_transaction import read_open_sentry_transaction
from processors.errors.sentry_event import read_sentry_error
from processors.errors.transactions import read_sentry_transaction
from schemas.errors import sent as wire
from schemas.errors.event import ErrorEvent
from schemas.errors.sent import Head, SentItem, sent_decoder
from schemas.errors.transaction import TransactionEvent

T = TypeVar("T", covariant=True)
R = TypeVar("R")
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
"""What decoders raise for an item that may still be repaired."""


class Read(Protocol[T]):
    """Reads an item of one protocol and kind."""

    def __call__(self, item: bytes, head: Head, *, item_id: str, received_at_us: int) -> T: ...


ERRORS: Mapping[wire.Protocol, Read[ErrorEvent]] = {
    "sentry": read_sentry_error,
    "open_sentry": read_open_sentry_error,
}
TRANSACTIONS: Mapping[wire.Protocol, Read[TransactionEvent]] = {
    "sentry": read_sentry_transaction,
    "open_sentry": read_open_sentry_transaction,
}


def decode_sent(body: bytes) -> SentItem:
    """Decodes what the log holds. Raises `Unfit` where it is no item of this system."""
    return repairing(_decode_sent, body)


def read_error(sent: SentItem, item_id: str, received_at_us: int) -> ErrorEvent:
    """Reads an error event. Raises `Unfit` for what is none, and nothing else."""
    return _read(ERRORS[sent.protocol], sent, item_id, received_at_us)


def read_transaction(sent: SentItem, item_id: str, received_at_us: int) -> TransactionEvent:
    """Reads a transaction. Raises `Unfit` for what is none, and nothing else."""
    return _read(TRANSACTIONS[sent.protocol], sent, item_id, received_at_us)


def repairing(work: Callable[[bytes], R], item: bytes) -> R:
    """Returns what `work` makes of an item, if need be of the repaired one.

    Raises `Unfit` where it can read neither.
    """
    try:
        return work(item)
    except UNREADABLE:
        fixed = repaired(item)
    try:
        return work(fixed)
    except UNREADABLE as error:
        raise Unfit(f"not an event: {error}") from error


def _decode_sent(body: bytes) -> SentItem:
    if not body.isascii():
        body.decode()  # Decoding steps over parts that are kept as they came: they are texts too.
    return sent_decoder.decode(body)


def _read(read: Read[R], sent: SentItem, item_id: str, received_at_us: int) -> R:
    def work(item: bytes) -> R:
        return read(item, sent.head, item_id=item_id, received_at_us=received_at_us)

    return repairing(work, legible(bytes(sent.item)))
