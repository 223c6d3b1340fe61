"""What a record of the log holds: a batch of items, never a single event.

A record is a compressed msgpack `Envelope`. Faust costs 50 to 150 microseconds a record and
nothing an item, so whatever arrives together travels together, from any client and project.
"""

import threading
import zlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
import zstandard
from msgspec import Struct

from schemas.ids import event_hash
from schemas.projects import ProjectId

T = TypeVar("T", "Envelope", "Refusals", "DeadLetters")
ENVELOPE_VERSION = 1
MAX_RECORD_BYTES = 256 << 20
"""No record of ours comes near: the bound keeps a damaged one from eating the memory."""
NO_MEMORY = "not enough memory"
"""What zstd says in an error of its own when it gets none."""


class RecordDamaged(Exception):
    """Raised when the bytes of a record are not what was written."""


class Chunk(Struct, array_like=True, frozen=True):
    """The items of one request: one project, one wire form, one moment of arrival."""

    project_id: ProjectId
    wire: str
    received_at_ns: int
    items: list[bytes]
    """One item each, the JSON text as it came."""
    dead_ref: str = ""
    """Set on a replayed dead letter: which one, so that its outcome is counted back."""
    ids: list[str] = []
    """Of the items, where the edge gave them; empty where each item holds its own."""
    key_id: str = ""
    """Of the key that they came with (API, DSN, ping), never the key itself; empty: not known.
    Fields are only ever added, at the end: a reader that is older leaves them out."""


class Refusal(Struct, array_like=True, frozen=True):
    """Items that the edge turned away, counted."""

    project_id: ProjectId
    kind: str
    outcome: str
    reason: str
    received_at_ns: int
    count: int


class Envelope(Struct, array_like=True, frozen=True):
    """The decoded value of a record of an event topic."""

    version: int
    chunks: list[Chunk]


class PackedChunk(Struct, frozen=True):
    """A chunk that another process has encoded: it goes into a record as it is."""

    items: int
    size: int
    """Bytes of its items."""
    value: bytes


class _PackedEnvelope(Struct, array_like=True, frozen=True):
    """An `Envelope`, to be encoded alone."""

    version: int
    chunks: list[Chunk | msgspec.Raw]


class Refusals(Struct, array_like=True, frozen=True):
    """The decoded value of a record of topic `outcomes`."""

    version: int
    refusals: list[Refusal]


class DeadLetter(Struct, frozen=True):
    """One item that no step could take; `ref` names it for `sluice dead show` and `replay`."""

    ref: str
    project_id: ProjectId
    topic: str
    wire: str
    received_at_ns: int
    reason: str
    body: bytes
    dead_ref: str = ""
    """The dead letter that this one is a failed replay of."""
    item_id: str = ""
    """Where the edge gave it; else it stands in the body."""
    key_id: str = ""
    """As its chunk's."""


class DeadLetters(Struct, array_like=True, frozen=True):
    """The decoded value of a record of topic `dead`: dead letters, or marks of some."""

    version: int
    dead_letters: list[DeadLetter]
    replayed: list[str]
    discarded: list[str] = []
    """Absent in records of older versions."""


def encode_chunks(chunks: Sequence[Chunk | PackedChunk]) -> bytes:
    """Encodes the chunks of one record."""
    parts = [one if isinstance(one, Chunk) else msgspec.Raw(one.value) for one in chunks]
    return _pack(_PackedEnvelope(ENVELOPE_VERSION, parts))


def pack_chunk(chunk: Chunk) -> PackedChunk:
    """Encodes one chunk, which has to be within the bounds of a record."""
    size = sum(map(len, chunk.items))
    return PackedChunk(len(chunk.items), size, msgspec.msgpack.encode(chunk))


def decode_chunks(value: bytes) -> list[Chunk]:
    """Decodes what `encode_chunks` wrote. Raises `RecordDamaged`."""
    return _unpack(value, _ENVELOPES).chunks


def encode_refusals(refusals: Sequence[Refusal]) -> bytes:
    """Encodes the refusals of one record, summed by everything but their moment."""
    return _pack(Refusals(ENVELOPE_VERSION, _summed(refusals)))


def decode_refusals(value: bytes) -> list[Refusal]:
    """Decodes what `encode_refusals` wrote. Raises `RecordDamaged`."""
    return _unpack(value, _REFUSALS).refusals


def encode_dead(
    dead_letters: Sequence[DeadLetter],
    replayed: Sequence[str] = (),
    discarded: Sequence[str] = (),
) -> bytes:
    """Encodes dead letters, or marks that dead letters were sent again or discarded."""
    value = DeadLetters(ENVELOPE_VERSION, list(dead_letters), list(replayed), list(discarded))
    return _pack(value)


def decode_dead(value: bytes) -> DeadLetters:
    """Decodes what `encode_dead` wrote. Raises `RecordDamaged`."""
    return _unpack(value, _DEAD)


def partition_of(project_id: str, event_id: str, partitions: int) -> int:
    """Returns the partition of an event: equal for every resend, spread within a project."""
    if partitions == 1:
        return 0
    return event_hash(project_id, event_id) % partitions


def plain_size(value: bytes | None) -> int:
    """Returns how many bytes a record has when decompressed, without doing it."""
    if not value:
        return 0
    try:
        return max(0, int(zstandard.frame_content_size(value)))
    except zstandard.ZstdError:
        return len(value)


def checksum(value: bytes) -> int:
    """Returns the CRC-32 that is stored beside a record."""
    return zlib.crc32(value)


def _summed(refusals: Iterable[Refusal]) -> list[Refusal]:
    sums: dict[tuple[ProjectId, str, str, str, int], Refusal] = {}
    for refusal in refusals:
        minute = refusal.received_at_ns // 60_000_000_000
        key = (refusal.project_id, refusal.kind, refusal.outcome, refusal.reason, minute)
        before = sums.get(key)
        count = refusal.count + (before.count if before else 0)
        sums[key] = msgspec.structs.replace(refusal, count=count)
    return list(sums.values())


class _Zstd(threading.local):
    """One thread's own: a new pair for a record takes 40 us, more than all else of a small one."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_ZSTD = _Zstd()
_ENVELOPES = msgspec.msgpack.Decoder(Envelope)
_REFUSALS = msgspec.msgpack.Decoder(Refusals)
_DEAD = msgspec.msgpack.Decoder(DeadLetters)


def _pack(value: Struct) -> bytes:
    # Level 1 takes 2 to 3 microseconds a kilobyte, off the interpreter's lock.
    return _ZSTD.compressor.compress(msgspec.msgpack.encode(value))


def _unpack(value: bytes, decoder: "msgspec.msgpack.Decoder[T]") -> T:
    try:
        decoded = decoder.decode(_decompress(value))
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeError) as error:
        raise RecordDamaged(f"{len(value)} bytes are not a record: {error}") from error
    if decoded.version != ENVELOPE_VERSION:
        raise RecordDamaged(
            f"record version {decoded.version} is not {ENVELOPE_VERSION}, the one known here"
        )
    return decoded


def _decompress(value: bytes) -> bytes:
    """Inflates a record. Raises `MemoryError` where memory is short: that is no damage."""
    if plain_size(value) > MAX_RECORD_BYTES:
        raise RecordDamaged(f"it says that it holds {plain_size(value)} bytes")
    try:
        return _ZSTD.decompressor.decompress(value, max_output_size=MAX_RECORD_BYTES)
    except zstandard.ZstdError as error:
        if NO_MEMORY in str(error):
            raise MemoryError(str(error)) from error
        raise
