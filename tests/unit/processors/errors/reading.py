"""How the tests of this folder read an event: as the log would hold it."""

from typing import Any

import msgspec
from msgspec import Raw

from processors.errors.events import decode_sent, read_error, read_transaction
from schemas.errors.event import ErrorEvent
from schemas.errors.sent import Head, Protocol, SentItem, encode_sent
from schemas.errors.transaction import TransactionEvent
from schemas.times import parse_timestamp_us

NOW = "2026-11-29T10:00:00Z"
NOW_US = parse_timestamp_us(NOW)
ID = "9ec79c33ec9942ab8353589fcb2e04dc"


def body_of(item: object, head: Head | None = None, protocol: Protocol = "sentry") -> bytes:
    """Returns what the log holds of an item; bytes are taken as they are."""
    raw = item if isinstance(item, bytes) else msgspec.json.encode(item)
    return encode_sent(SentItem(protocol, head or Head(), Raw(raw)))


def error(item: object, head: Head | None = None, protocol: Protocol = "sentry") -> ErrorEvent:
    """Reads an error that arrives now."""
    return read_error(decode_sent(body_of(item, head, protocol)), ID, NOW_US)


def open_error(**fields: Any) -> ErrorEvent:
    """Reads an error of Open Sentry that arrives now."""
    return error({"type": "error", "exception": {}, **fields}, protocol="open_sentry")


def transaction(
    item: object, head: Head | None = None, protocol: Protocol = "sentry"
) -> TransactionEvent:
    """Reads a transaction that arrives now."""
    return read_transaction(decode_sent(body_of(item, head, protocol)), ID, NOW_US)
