"""Splits the log records that Sentry's SDKs send: an item holds many, each becomes one of ours.

Source: https://develop.sentry.dev/sdk/telemetry/logs/, read in November 2026. Its rules, and ours:

1. An item is `{"items": [record, …]}`, with 1,000 records at most; SDKs send up to 100.
2. A record is a JSON object whose `body` is a text. One that is not is counted as invalid, and its
   neighbours are taken.
3. Records have no id. The edge gives each one, made from its bytes: a record that is sent again
   counts once. So do two records that are equal to the byte, their time included.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from ingest.errors.envelope import ABSENT
from ingest.errors.item_types import COUNTED_AS, LOGS
from ingest.forms import Counted
from ingest.json_texts import check_utf8, decode_repaired
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.outcomes import Outcome

MAX_RECORDS = 1_000
"""Of an item."""
MAX_RECORD_BYTES = 1 << 20
"""Of a record, as Sentry has it."""
NULL = Raw(b"null")


class _Body(Struct, frozen=True, gc=False):
    body: str


class _Settings(Struct, frozen=True, gc=False):
    infer_ip: Raw = ABSENT


# One field more than there may be records, so that a million of them are counted and not held.
_Records = msgspec.defstruct(
    "Records",
    [(f"r{n}", Raw, ABSENT) for n in range(MAX_RECORDS + 1)],
    array_like=True,
    frozen=True,
)


class _Container(Struct, frozen=True, gc=False):
    items: _Records  # type: ignore[valid-type]  # It is made above.
    ingest_settings: _Settings | None = None


class LoggedRecord(NamedTuple):
    """A record as the log holds it."""

    record_id: str
    body: bytes
    """A `SentItem`."""


class SplitRecords(NamedTuple):
    """What an item of log records brought."""

    records: list[LoggedRecord]
    counted: list[Counted]


_decode_container = msgspec.json.Decoder(_Container).decode
_decode_body = msgspec.json.Decoder(_Body).decode


def split_records(
    payload: memoryview, records: int, head: Head, *, client_ip: str, max_record_bytes: int
) -> SplitRecords:
    """Returns the records of an item, and counts those that are none.

    `records` is how many the item says it holds, for one that cannot be read. `client_ip` is kept
    if the item asks for it.
    """
    body = bytes(payload)
    try:
        check_utf8(body)
        container = decode_repaired(_decode_container, body)
        raws = _records_in(container)
    except (ValueError, RecursionError):
        return SplitRecords([], _counted("invalid", "bad_items", records))
    if _asks_for_address(container):
        head = replace(head, client_ip=client_ip)
    kept: list[Raw] = []
    bad = large = 0
    for raw in raws:
        if memoryview(raw).nbytes > min(max_record_bytes, MAX_RECORD_BYTES):
            large += 1
        elif is_record(raw):
            kept.append(raw)
        else:
            bad += 1
    invalid = _counted("invalid", "bad_items", bad)
    return SplitRecords(framed(kept, head), [*invalid, *_counted("too_large", "item_bytes", large)])


def framed(raws: Sequence[Raw | bytes], head: Head) -> list[LoggedRecord]:
    """Returns records as the log holds them."""
    # Of all records the same: only the item differs.
    opening = encode_sent(SentItem("sentry", head, NULL))[: -len(b"null}")]
    return [
        LoggedRecord(
            blake2b(memoryview(raw), digest_size=16).hexdigest(), b"%b%b}" % (opening, raw)
        )
        for raw in raws
    ]


def is_record(raw: Raw | bytes) -> bool:
    """Tells whether something is a log record: a JSON object with a text as its `body`."""
    try:
        _decode_body(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _records_in(container: _Container) -> list[Raw]:
    raws = [one for one in msgspec.structs.astuple(container.items) if one is not ABSENT]
    if len(raws) > MAX_RECORDS:
        raise ValueError("too many records")
    return raws


def _asks_for_address(container: _Container) -> bool:
    settings = container.ingest_settings
    return settings is not None and bytes(settings.infer_ip) == b'"auto"'


def _counted(outcome: Outcome, reason: str, items: int) -> list[Counted]:
    return [Counted(COUNTED_AS[LOGS], outcome, reason, items)] if items else []
