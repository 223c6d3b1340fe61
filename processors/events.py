"""The step of a system's topic: its kinds build columns, and what is stored already is left out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import structlog
from msgspec.structs import replace

from eventlog.records import Chunk, DeadLetter, RecordDamaged, decode_chunks
from processors.assemble import Arrived, Built, assemble, sent_in
from processors.blocks import (
    Batch,
    Block,
    Delivery,
    EventKey,
    KindStep,
    Output,
    Ready,
    StoredItems,
    needs_nothing,
    ref_of,
)
from processors.columns import Build, Flags, Numbers
from processors.fresh import choose, is_of, with_kept
from processors.seen import Hashes, SeenFilter
from schemas import metrics
from schemas.kinds import Table
from schemas.projects import ProjectId
from schemas.rows import Position, Source

log = structlog.get_logger(__name__)


class Store(Protocol):
    """What the steps of events ask of the store."""

    async def stored_at(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Position]:
        """Returns, for those of the keys that are stored, the log position of their row."""
        ...

    async def kept_values(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Sequence[Any]]:
        """Returns, for those of the keys that are stored, what their row has in `Table.kept`."""
        ...

    def recent_hashes(self, table: Table, source: Source | None) -> AsyncIterator[Hashes]:
        """Yields the hashes (`event_hash`) of the keys that the filter should know at start.

        Of one partition and whatever came through another log, or of everything (`None`).
        """
        ...


class _Served(NamedTuple):
    step: KindStep
    seen: SeenFilter


class EventStep:
    """Turns blocks of one topic into rows. One for each topic and process."""

    def __init__(
        self, steps: Sequence[KindStep], store: Store, new_filter: Callable[[], SeenFilter]
    ) -> None:
        self.name = steps[0].kind.tables[0].name
        self._served = {step.kind.wire: _Served(step, new_filter()) for step in steps}
        self._store = store

    async def warm(self, source: Source | None) -> None:
        """Fills the filters with the ids of the window, read from the store.

        For one partition, what is known of the others stays.
        """
        partition = None if source is None else source.partition
        for step, seen in self._served.values():
            if source is None:
                seen.clear()
            async for hashes in self._store.recent_hashes(step.kind.tables[0], source):
                await asyncio.to_thread(seen.add, hashes)
            log.info(
                "duplicates filter warm", kind=step.kind.name, partition=partition, ids=seen.added
            )

    async def build(self, block: Block) -> list[Built]:
        """Turns the items of each kind into columns."""
        begun = await asyncio.to_thread(self._begin, block)
        if isinstance(begun, _Begun):
            # At most one block after the other waits here: what is looked up is there for most.
            builds = {wire: await ready for wire, ready in begun.ready.items()}
            return await asyncio.to_thread(self._finish, block, begun, builds)
        return begun

    async def settle(self, block: Block, built: Sequence[Built]) -> Output:
        """Leaves out what is stored already."""
        output = Output()
        for one in built:
            output.dead += one.dead
            output.outcomes += one.outcomes
            if one.batch is not None:
                seen = self._served[one.batch.kind.wire].seen
                asked = await asyncio.to_thread(_suspects, block, one, seen)
                table = one.batch.kind.tables[0]
                stored = await self._store.stored_at(table, asked) if asked else {}
                chosen = await asyncio.to_thread(choose, block, one.batch, stored)
                output.outcomes += one.batch.count(chosen.resent, "duplicate", "resent_id")
                if len(chosen.new):
                    output.stored.append(StoredItems(one.batch, chosen.new))
        output.dead.sort(key=_place)
        return output

    def chosen(
        self, built: Sequence[Built], chosen: Sequence[tuple[str, Numbers]]
    ) -> list[StoredItems]:
        """Returns items that were settled before, by form and number, as `build` gave them anew."""
        batches = {one.batch.kind.wire: one.batch for one in built if one.batch is not None}
        return [StoredItems(batches[wire], items) for wire, items in chosen]

    async def as_stored(self, stored: StoredItems) -> StoredItems:
        """Returns the items with what their rows say of `Table.kept`, where they have rows."""
        batch = stored.batch
        for table in batch.kind.tables:
            items = stored.having(table)
            if table.kept and len(items):
                found = await self._store.kept_values(table, sorted(batch.keys(items)))
                batch = await asyncio.to_thread(with_kept, batch, table, found)
        return stored._replace(batch=batch)

    async def missing(
        self, table: Table, stored: StoredItems, *, beside: Block | None = None
    ) -> Numbers:
        """Returns those of the items that have no row in the table, of those that should.

        With `beside`, rows that this block has stored do not count. Of a table whose rows become
        one with others nobody can tell: then all are missing, and may go in again.
        """
        items = stored.having(table)
        if table.merged:
            return items
        keys = stored.batch.keys(items)
        found = await self._store.stored_at(table, sorted(keys)) if keys else {}
        if beside is not None:
            found = {key: place for key, place in found.items() if not is_of(beside, place)}
        return items[np.fromiter((key not in found for key in keys), np.bool_, len(keys))]

    async def note(self, stored: StoredItems) -> None:
        """Remembers the ids, so that a resend is looked up."""
        await asyncio.to_thread(self._note, stored)

    async def follow(self, stored: StoredItems) -> None:
        """Has the kind's effects in the control plane."""
        await self._served[stored.batch.kind.wire].step.follow(stored)

    def _note(self, stored: StoredItems) -> None:
        kind = stored.batch.kind
        step, seen = self._served[kind.wire]
        before = seen.fill
        seen.add(stored.batch.hashes[stored.items])
        if seen.fill >= 1.0 > before:
            log.warning(
                "duplicates filter is full: ever more new ids are looked up in the store",
                kind=kind.name,
                fix="raise SLUICE_DEDUP_FILTER_BITS, or lower SLUICE_DEDUP_WINDOW_HOURS",
            )
        metrics.DEDUP_FILTER_FILL.labels(kind.name).set(seen.fill)
        step.note(stored)

    def _begin(self, block: Block) -> "list[Built] | _Begun":
        """Builds a block, or says what has to be looked up first."""
        arrived: dict[str, list[Arrived]] = {}
        damaged = Built()
        for record in block.records:
            number = 0
            for chunk in _chunks(block, record, damaged):
                arrived.setdefault(chunk.wire, []).append(Arrived(chunk, record.offset, number))
                number += len(chunk.items)
        ready = {
            wire: found
            for wire, served in self._served.items()
            if served.step.prepare is not needs_nothing
            and wire in arrived
            and (found := served.step.prepare(sent_in(arrived[wire]))) is not None
        }
        begun = _Begun(arrived, damaged, ready)
        return begun if ready else self._finish(block, begun, {})

    def _finish(self, block: Block, begun: "_Begun", builds: Mapping[str, Build]) -> list[Built]:
        steps = {wire: served.step for wire, served in self._served.items()}
        for wire, step in steps.items():
            if step.beside is not None and wire in begun.arrived:
                others = begun.arrived.get(step.beside.kind.wire, ())
                steps[wire] = replace(step, build=step.beside.build(sent_in(others)))
        steps |= {wire: replace(steps[wire], build=build) for wire, build in builds.items()}
        found = [assemble(block, steps.get(wire), of) for wire, of in begun.arrived.items()]
        return [begun.damaged, *found]


class _Begun(NamedTuple):
    """A block that is read from its records."""

    arrived: Mapping[str, Sequence[Arrived]]
    damaged: Built
    ready: Mapping[str, Ready]


def _place(dead_letter: DeadLetter) -> tuple[int, ...]:
    """Returns where in the log a dead item stands."""
    return tuple(map(int, dead_letter.ref.rsplit(":", 2)[1:]))


def _suspects(block: Block, built: Built, seen: SeenFilter) -> list[EventKey]:
    """Returns the keys that may be stored."""
    batch = built.batch
    if batch is None:
        return []
    # A repeated block must come out as it did at first, when the filter may have known more.
    if block.repeated:
        return sorted(set(batch.keys(np.arange(len(batch)))))
    asked = seen.may_contain(batch.hashes) | _came_late(block, batch, seen.window_s / 2)
    return sorted(set(batch.keys(np.flatnonzero(asked))))


def _came_late(block: Block, batch: Batch, seconds: float) -> Flags:
    """Tells which items the log got long after their arrival: imports, and replays.

    At the next start the filter would not learn their ids, for it goes by arrival.
    """
    appended_s = {record.offset: record.appended_at_s for record in block.records}
    late = [
        appended_s[one.offset] - one.accepted.received_at_ns / 1e9 > seconds
        for one in batch.arrivals
    ]
    return np.array(late, np.bool_)[batch.arrival]


def _chunks(block: Block, record: Delivery, damaged: Built) -> Sequence[Chunk]:
    try:
        if record.value is None:
            raise RecordDamaged("its checksum does not hold")
        return decode_chunks(record.value)
    except RecordDamaged as error:
        topic, partition = block.partition
        log.error("record damaged", topic=topic, offset=record.offset, reason=str(error))
        damaged.dead.append(
            DeadLetter(
                ref=ref_of(topic, partition, record.offset, 0),
                project_id=ProjectId(""),
                topic=topic,
                wire="",
                received_at_ns=0,
                reason=f"record damaged: {error}",
                body=record.value or b"",
            )
        )
        return ()
