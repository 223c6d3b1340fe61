"""What arrives together becomes one record: payloads of one partition, within a record's bounds.

Pure. `group_commit` makes a file's records of it, `kafka_log` those of a broker.
"""

from collections.abc import Iterator, MutableSequence
from typing import Any, Generic, TypeVar

import msgspec

from eventlog.records import Chunk, PackedChunk, Refusal, encode_chunks, encode_refusals

MAX_RECORD_ITEMS = 1_000
MAX_RECORD_BYTES = 1 << 20
"""Before compression: what bounds the memory of a reader that holds some dozens of records."""
REFUSAL_BYTES = 64
"""What a refusal is taken to weigh while it waits."""

Payload = Chunk | PackedChunk | list[Refusal] | bytes
"""Bytes are a record already, which is shared with nobody."""
Sender = TypeVar("Sender")


class Batch(Generic[Sender]):
    """What becomes one record, and who waits for each part of it."""

    def __init__(self) -> None:
        self.parts: list[tuple[Sender, Payload]] = []
        self._items = 0
        self._bytes = 0

    def takes(self, payload: Payload) -> bool:
        """Tells whether the payload fits in; an empty batch takes any."""
        return not self.parts or (
            not isinstance(payload, bytes)
            and self._items + count_of(payload) <= MAX_RECORD_ITEMS
            and self._bytes + size_of(payload) <= MAX_RECORD_BYTES
        )

    def add(self, sender: Sender, payload: Payload) -> None:
        """Puts a part in."""
        self.parts.append((sender, payload))
        self._items += count_of(payload)
        self._bytes += size_of(payload)

    def is_full(self) -> bool:
        """Tells whether waiting for company is of no use."""
        return self._items >= MAX_RECORD_ITEMS or self._bytes >= MAX_RECORD_BYTES


def put(batches: MutableSequence[Batch[Sender]], sender: Sender, whole: Payload) -> int:
    """Puts a payload behind all that came before; returns in how many parts."""
    parts = list(split(whole)) if isinstance(whole, Chunk) else [whole]
    for part in parts:
        if not batches or not batches[-1].takes(part):
            batches.append(Batch())
        batches[-1].add(sender, part)
    return len(parts)


def encode(payloads: list[Any]) -> bytes:
    """Encodes the payloads of one record, which are all of one kind."""
    if isinstance(payloads[0], bytes):
        return payloads[0]
    if isinstance(payloads[0], Chunk | PackedChunk):
        return encode_chunks(payloads)
    return encode_refusals([refusal for refusals in payloads for refusal in refusals])


def count_of(payload: Payload) -> int:
    """Returns how many items a payload has."""
    if isinstance(payload, Chunk):
        return len(payload.items)
    return payload.items if isinstance(payload, PackedChunk) else len(payload)


def size_of(payload: Payload) -> int:
    """Returns the bytes that a payload is taken to weigh."""
    if isinstance(payload, Chunk):
        return sum(map(len, payload.items))
    if isinstance(payload, PackedChunk):
        return payload.size
    return len(payload) if isinstance(payload, bytes) else REFUSAL_BYTES * len(payload)


def split(chunk: Chunk) -> Iterator[Chunk]:
    """Yields a chunk in parts within the bounds of a record; a longer item is alone in its own.

    A reader holds whole records: that of one large request would be a block of 64 MB. And a broker
    refuses a record that is too long.
    """
    if len(chunk.items) <= MAX_RECORD_ITEMS and size_of(chunk) <= MAX_RECORD_BYTES:
        yield chunk
        return
    first = size = 0
    for number, item in enumerate(chunk.items):
        full = number - first >= MAX_RECORD_ITEMS
        if number > first and (full or size + len(item) > MAX_RECORD_BYTES):
            yield _part(chunk, first, number)
            first, size = number, 0
        size += len(item)
    yield _part(chunk, first, len(chunk.items))


def _part(chunk: Chunk, first: int, end: int) -> Chunk:
    items, ids = chunk.items[first:end], chunk.ids[first:end]
    return msgspec.structs.replace(chunk, items=items, ids=ids)
