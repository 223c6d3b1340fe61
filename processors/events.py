"""The step of an event topic: decode, build rows, drop what is stored already."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import structlog
from msgspec import Struct

from eventlog.records import Chunk, DeadLetter, RecordDamaged, decode_chunks
from processors.blocks import Block, Delivery, Fate, Item, Output, ref_of
from processors.faults import AtFault, second_look
from processors.seen import Hashes, SeenFilter
from schemas import metrics
from schemas.ids import event_hash
from schemas.kinds import Kind
from schemas.projects import ProjectId
from schemas.rows import Position, Source

log = structlog.get_logger(__name__)

EventKey = tuple[str, str]
"""Project id and event id."""


class Build(Protocol):
    """A pure step from an item's text to its row. Raises `Unfit`; `processors.faults` judges."""

    def __call__(
        self, body: bytes, *, project_id: ProjectId, received_at_us: int, position: Position
    ) -> Any: ...


class Store(Protocol):
    """What an event step asks of the store."""

    async def stored_at(self, keys: Sequence[EventKey]) -> Mapping[EventKey, Position]:
        """Returns, for those of the keys that are stored, the log position of their row."""
        ...

    def recent_hashes(self, source: Source | None) -> AsyncIterator[Hashes]:
        """Yields the hashes (`event_hash`) of the keys that the filter should know at start.

        Of one partition and whatever came through another log, or of everything (`None`).
        """
        ...


class Meaning(Struct, frozen=True):
    """What makes an item of one kind a row."""

    kind: Kind
    build: Build
    id_of: Callable[[Any], str]
    encode: Callable[[Sequence[Any]], bytes]


class EventStep:
    """Turns blocks of one topic into rows. One for each topic and process."""

    def __init__(self, meaning: Meaning, store: Store, seen: SeenFilter) -> None:
        self.kind = meaning.kind.name
        self.table: str | None = meaning.kind.tables[0].name
        self._meaning = meaning
        self._store = store
        self._seen = seen
        self._fill = 0.0

    async def warm(self, source: Source | None) -> None:
        """Fills the filter with the ids of the window, read from the store.

        For one partition, what is known of the others stays.
        """
        if source is None:
            self._seen.clear()
        async for hashes in self._store.recent_hashes(source):
            await asyncio.to_thread(self._seen.add, hashes)
        partition = None if source is None else source.partition
        log.info(
            "duplicates filter warm", kind=self.kind, partition=partition, ids=self._seen.added
        )

    async def build(self, block: Block) -> Output:
        """Turns every item into its row, or into a dead letter."""
        return await asyncio.to_thread(self._build_all, block)

    async def settle(self, block: Block, built: Output) -> Output:
        """Leaves out what is stored already."""
        stored = await self._stored_before(block, built.items)
        output = Output(letters=list(built.letters), fates=list(built.fates))
        _settle(block, built.items, stored, output)
        return output

    def encode(self, items: Sequence[Item]) -> bytes:
        """Encodes rows for the insert."""
        return self._meaning.encode([item.row for item in items])

    def stored(self, items: Sequence[Item]) -> None:
        """Remembers the ids, so that a resend is looked up; counts what has no price."""
        unpriced = sum(
            item.row.computed_cost_pico is None and item.row.input_tokens is not None
            for item in items
        )
        self._seen.add(_hashes(items))
        metrics.UNPRICED.labels(self.kind).inc(unpriced)
        self._watch_fill()

    def _watch_fill(self) -> None:
        fill = self._seen.fill
        if fill >= 1.0 > self._fill:
            log.warning(
                "duplicates filter is full: ever more new ids are looked up in the store",
                kind=self.kind,
                mend="raise SLUICE_DEDUP_FILTER_BITS, or lower SLUICE_DEDUP_WINDOW_HOURS",
            )
        self._fill = fill
        metrics.DEDUP_FILTER_FILL.labels(self.kind).set(fill)

    def _build_all(self, block: Block) -> Output:
        output = Output()
        items = output.items
        for record in block.records:
            position = Position(block.log_id, block.partition.partition, record.offset)
            index = 0
            for chunk in _chunks(block.partition.topic, position, record, output):
                # One fate for all items of a request: there are as many of it as of requests.
                fate = Fate(chunk.project_id, chunk.received_at_ns, "accepted", "", chunk.dead_ref)
                for body in chunk.items:
                    try:
                        items.append(self._build(chunk, fate, position, index, body))
                    except _Dead as dead:
                        letter = _letter(block.partition.topic, chunk, position, index, dead)
                        output.letters.append(letter)
                        output.fates.append(fate._replace(outcome="dead", reason="unfit"))
                    index += 1
        return output

    def _build(self, chunk: Chunk, fate: Fate, position: Position, index: int, body: bytes) -> Item:
        make = partial(self._item, chunk, fate, position, index, body)
        try:
            return make()
        except Exception as error:
            try:
                return second_look(error, make)
            except AtFault as fault:
                if fault.is_bug:
                    # It must not hold up the item's neighbours: the dead letter can be sent again
                    # when the bug is repaired.
                    where = {"kind": self.kind, "position": position, "index": index}
                    log.exception("step failed on an item", **where)
                raise _Dead(str(fault), body) from fault

    def _item(self, chunk: Chunk, fate: Fate, position: Position, index: int, body: bytes) -> Item:
        row = self._meaning.build(
            body,
            project_id=chunk.project_id,
            received_at_us=chunk.received_at_ns // 1000,
            position=position,
        )
        key = (chunk.project_id, self._meaning.id_of(row))
        return Item(row, key, event_hash(*key), fate, position, index, chunk.wire, body)

    async def _stored_before(
        self, block: Block, items: Sequence[Item]
    ) -> Mapping[EventKey, Position]:
        # A repeated block must come out as it did at first, when the filter may have known more.
        asked = {item.key for item in (items if block.repeated else self._suspects(items))}
        return await self._store.stored_at(sorted(asked)) if asked else {}

    def _suspects(self, items: Sequence[Item]) -> list[Item]:
        suspects = self._seen.may_contain(_hashes(items))
        return [item for item, suspect in zip(items, suspects, strict=True) if suspect]


class _Dead(Exception):
    """Raised for an item that cannot become a row; says why, and keeps its text."""

    def __init__(self, reason: str, body: bytes) -> None:
        super().__init__(reason)
        self.body = body


def _chunks(topic: str, position: Position, record: Delivery, output: Output) -> Sequence[Chunk]:
    try:
        if record.value is None:
            raise RecordDamaged("its checksum does not hold")
        return decode_chunks(record.value)
    except RecordDamaged as error:
        log.error("record damaged", topic=topic, position=position, reason=str(error))
        nobody = Chunk(ProjectId(""), "", 0, [])
        reason = f"record damaged: {error}"
        output.letters.append(
            _letter(topic, nobody, position, 0, _Dead(reason, record.value or b""))
        )
        return ()


def _letter(topic: str, chunk: Chunk, position: Position, index: int, dead: _Dead) -> DeadLetter:
    return DeadLetter(
        ref=ref_of(topic, position, index),
        project_id=chunk.project_id,
        topic=topic,
        wire=chunk.wire,
        received_at_ns=chunk.received_at_ns,
        reason=str(dead),
        body=dead.body,
        dead_ref=chunk.dead_ref,
    )


def _settle(
    block: Block, items: Sequence[Item], stored: Mapping[EventKey, Position], output: Output
) -> None:
    """Keeps the first of each id, unless it is in the store from before this block."""
    again = set() if block.repeated else _records_stored_before(items, stored)
    taken: set[EventKey] = set()
    for item in items:
        if item.position.offset in again:
            continue
        place = stored.get(item.key)
        if item.key in taken or (place is not None and not _is_own(block, place)):
            output.fates.append(item.fate._replace(outcome="duplicate", reason="resent_id"))
            continue
        taken.add(item.key)
        if place is not None and block.intent.apart:
            # Stored by an earlier try, under the token of a part that need not be cut again alike.
            output.fates.append(item.fate)
        else:
            output.items.append(item)


def _records_stored_before(items: Sequence[Item], stored: Mapping[EventKey, Position]) -> set[int]:
    """Returns the records that were stored in an earlier life: offsets were rewound behind what
    the log itself remembers, and nothing of them is new."""
    if not stored:
        return set()
    return {item.position.offset for item in items if stored.get(item.key) == item.position}


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


def _hashes(items: Sequence[Item]) -> Hashes:
    return np.fromiter((item.key_hash for item in items), dtype=np.uint64, count=len(items))
