"""The step of an event topic: decode, build rows, drop what is stored already."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import structlog
from msgspec import Struct

from eventlog.records import Chunk, DeadLetter, RecordDamaged, decode_chunks
from processors.blocks import Block, Delivery, Fate, Item, Output
from processors.seen import Hashes, SeenFilter
from processors.steps.fields import Unfit
from schemas.ids import event_hash
from schemas.projects import ProjectId
from schemas.rows import Position

log = structlog.get_logger(__name__)

EventKey = tuple[str, str]
"""Project id and event id."""


class Build(Protocol):
    """A pure step from an item's text to its row. Raises `Unfit`."""

    def __call__(
        self, body: bytes, *, project_id: ProjectId, received_at_us: int, position: Position
    ) -> Any: ...


class Store(Protocol):
    """What an event step asks of the store."""

    async def stored_at(self, keys: Sequence[EventKey]) -> Mapping[EventKey, Position]:
        """Returns, for those of the keys that are stored, the log position of their row."""
        ...

    def recent_hashes(self) -> AsyncIterator[Hashes]:
        """Yields the hashes (`event_hash`) of the keys that the filter should know at start."""
        ...


class Meaning(Struct, frozen=True):
    """What makes an item of one kind a row."""

    kind: str
    table: str
    build: Build
    id_of: Callable[[Any], str]
    encode: Callable[[Sequence[Any]], bytes]


class _Candidate(NamedTuple):
    item: Item
    key: EventKey
    offset: int


class EventStep:
    """Turns blocks of one topic into rows. One for each topic and process."""

    def __init__(self, meaning: Meaning, store: Store, *, log2_filter_bits: int) -> None:
        self.kind = meaning.kind
        self.table: str | None = meaning.table
        self._meaning = meaning
        self._store = store
        self._seen = SeenFilter(log2_filter_bits)

    async def warm(self) -> None:
        """Fills the filter with the ids of the window, read from the store."""
        self._seen.clear()
        async for hashes in self._store.recent_hashes():
            await asyncio.to_thread(self._seen.add, hashes)
        log.info("duplicates filter warm", kind=self.kind, ids=self._seen.added)

    async def run(self, block: Block) -> Output:
        """Works out what a block comes to."""
        output = Output()
        candidates = await asyncio.to_thread(self._build_all, block, output)
        stored = await self._stored_before(candidates)
        _settle(block, candidates, stored, output)
        return output

    def encode(self, items: Sequence[Item]) -> bytes:
        """Encodes rows for the insert."""
        return self._meaning.encode([item.row for item in items])

    def stored(self, items: Sequence[Item]) -> None:
        """Remembers the ids, so that a resend is looked up."""
        keys = [(item.row.project_id, self._meaning.id_of(item.row)) for item in items]
        self._seen.add(_hashes(keys))

    def _build_all(self, block: Block, output: Output) -> list[_Candidate]:
        candidates = []
        for record in block.records:
            for chunk, ref, body in _items(block, record, output):
                candidate = self._build_one(block, record, chunk, ref, body, output)
                if candidate is not None:
                    candidates.append(candidate)
        return candidates

    def _build_one(
        self, block: Block, record: Delivery, chunk: Chunk, ref: str, body: bytes, output: Output
    ) -> _Candidate | None:
        try:
            row = self._meaning.build(
                body,
                project_id=chunk.project_id,
                received_at_us=chunk.received_at_ns // 1000,
                position=Position(block.log_id, block.partition.partition, record.offset),
            )
        except Unfit as error:
            reason = str(error)
        except Exception as error:
            # A bug that one item meets must not hold up its neighbours: it becomes a letter that
            # can be sent again when the bug is mended.
            log.exception("step failed on an item", kind=self.kind, ref=ref)
            reason = f"bug: {error!r}"
        else:
            fate = Fate(chunk.project_id, chunk.received_at_ns, "accepted", "", chunk.dead_ref)
            item = Item(row, fate, ref, chunk.wire, body)
            return _Candidate(item, (chunk.project_id, self._meaning.id_of(row)), record.offset)
        letter = DeadLetter(
            ref=ref,
            project_id=chunk.project_id,
            topic=block.partition.topic,
            wire=chunk.wire,
            received_at_ns=chunk.received_at_ns,
            reason=reason,
            body=body,
            dead_ref=chunk.dead_ref,
        )
        output.letters.append(letter)
        output.fates.append(
            Fate(chunk.project_id, chunk.received_at_ns, "dead", "unfit", chunk.dead_ref)
        )
        return None

    async def _stored_before(self, candidates: Sequence[_Candidate]) -> Mapping[EventKey, Position]:
        if not candidates:
            return {}
        keys = [candidate.key for candidate in candidates]
        suspects = self._seen.may_contain(_hashes(keys))
        asked = {key for key, suspect in zip(keys, suspects, strict=True) if suspect}
        return await self._store.stored_at(sorted(asked)) if asked else {}


def _items(block: Block, record: Delivery, output: Output) -> Iterator[tuple[Chunk, str, bytes]]:
    topic, partition = block.partition
    prefix = f"{topic}:{partition}:{record.offset}"
    try:
        if record.value is None:
            raise RecordDamaged("its checksum does not hold")
        chunks = decode_chunks(record.value)
    except RecordDamaged as error:
        log.error("record damaged", ref=prefix, reason=str(error))
        output.letters.append(
            DeadLetter(
                ref=f"{prefix}:0",
                project_id=ProjectId(""),
                topic=topic,
                wire="",
                received_at_ns=0,
                reason=f"record damaged: {error}",
                body=record.value or b"",
            )
        )
        return
    index = 0
    for chunk in chunks:
        for body in chunk.items:
            yield chunk, f"{prefix}:{index}", body
            index += 1


def _settle(
    block: Block,
    candidates: Sequence[_Candidate],
    stored: Mapping[EventKey, Position],
    output: Output,
) -> None:
    """Keeps the first of each id, unless it is in the store from before this block."""
    again = {c.offset for c in candidates if _is_same_record(block, c, stored.get(c.key))}
    taken: set[EventKey] = set()
    for candidate in candidates:
        if candidate.offset in again:
            continue
        place = stored.get(candidate.key)
        fate = candidate.item.fate
        if candidate.key in taken or (place is not None and not _is_own(block, place)):
            output.fates.append(fate._replace(outcome="duplicate", reason="resent_id"))
            continue
        taken.add(candidate.key)
        if place is not None and block.intent.apart:
            # Stored by an earlier try, under the token of a part that need not be cut again alike.
            output.fates.append(fate)
        else:
            output.items.append(candidate.item)


def _is_same_record(block: Block, candidate: _Candidate, stored: Position | None) -> bool:
    """Tells a record that was stored in an earlier life: offsets were rewound, nothing is new."""
    here = Position(block.log_id, block.partition.partition, candidate.offset)
    return not block.repeated and stored == here


def _is_own(block: Block, place: Position) -> bool:
    """Tells a row that this very block has stored before a crash from one of a resent id.

    Such rows are sent again just as they were: the store drops them by the block's token, and
    completes the views that the crash left short.
    """
    return (
        block.repeated
        and place.log_id == block.log_id
        and place.partition == block.partition.partition
        and block.intent.first <= place.offset <= block.intent.last
    )


def _hashes(keys: Sequence[EventKey]) -> Hashes:
    return np.fromiter((event_hash(*key) for key in keys), dtype=np.uint64, count=len(keys))
