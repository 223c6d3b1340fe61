"""Works off reprice runs: prices stored rows anew, chunk by chunk, each once whatever happens.

The order of a chunk's life is that of a block: its changes and where it ends are written down (the
pending chunk), its changes are stored under its token, which corrects the rollups, the rows are
set, the place moves on. A chunk that is pending is finished first, by whoever comes next: before
anything else is priced anew, also when its run is cancelled or fails.
"""

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import msgspec
import structlog
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.failures import StoreBroken, WarehouseError
from clickhouse.llm import reprice as rows
from clickhouse.llm.billings import with_billings
from clickhouse.llm.reprice import Change, Chunk, RowRange, Stored
from clickhouse.migrate import is_replicated
from controlplane.database import Database
from controlplane.failures import ControlPlaneError
from controlplane.llm.reprices import (
    last_price_change,
    live_projects,
    read_changes,
    save_progress,
    take_run,
)
from controlplane.rewriting import TurnTaken, current_turn
from eventlog.log import LogError, TopicPartition
from processors.blocks import StoredLog, is_past
from processors.llm.cost.own import Book
from processors.llm.pricing import Pricing
from processors.llm.stored_items import span_change, trace_change
from schemas.kinds import KINDS, SPAN, TRACE
from schemas.llm.reprices import Pending, Place, Progress, Run, State, Totals
from schemas.projects import ProjectId

SETTLE_S = 5.0
"""After a price was set: until every process has read it."""
BEAT_S = 1.0
POLL_S = 0.2
LONGEST_PAUSE_S = 8.0
"""Between two tries: less than after what time a run counts as left alone."""
CHANGES = {SPAN.name: span_change, TRACE.name: trace_change}
TOPICS = {SPAN.name: SPAN.topic, TRACE.name: TRACE.topic}
TOLD = {
    one.name: frozenset(
        other.topic
        for other in KINDS
        if other is not one and any(table.name == one.tables[0].name for table in other.tables)
    )
    for one in (SPAN, TRACE)
}
"""Whose records become rows of a kind as well: those that another system tells."""

log = structlog.get_logger(__name__)


class NotOurs(Exception):
    """Raised when the run was cancelled, or another process has taken it over."""


class Scanned(NamedTuple):
    """Rows that were looked at."""

    place: Place
    changes: list[Change]
    totals: Totals
    is_end: bool


class Repricing:
    """Works on the runs that people ask for; in one process of an installation."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        event_log: StoredLog,
        pricing: Pricing,
        *,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._database = database
        self._store = warehouse.aside
        self._log = event_log
        self._pricing = pricing
        self._settle_s = settle_s
        self._owner = str(uuid4())
        self._pause_s = self._due_at = 0.0

    async def work(self) -> None:
        """Looks once for a run, and works on it until it is done. May be stopped at any moment."""
        if time.monotonic() < self._due_at:
            return
        run = await take_run(self._database, self._owner)
        if run is None:
            return
        one = RunWork(run, self._database, self._store, self._owner)
        try:
            async with asyncio.TaskGroup() as group:
                beat = group.create_task(one.beat())
                await self._work_on(one)
                beat.cancel()
            self._pause_s = 0.0
        except* NotOurs:
            log.info("reprice run cancelled, or taken over by another process", run_id=run.run_id)
        except* StoreBroken:
            # The process ends for it (`Warehouse.broken`), and the next one goes on.
            log.exception("reprice run interrupted", run_id=run.run_id)
        except* (ControlPlaneError, WarehouseError, LogError) as errors:
            reason = str(errors.exceptions[0])[:500]
            log.warning("reprice run interrupted, goes on", run_id=run.run_id, reason=reason)
            await self._put_off(one, reason)
        except* Exception as errors:
            log.exception("reprice run met a bug", run_id=run.run_id)
            await self._put_off(one, repr(errors.exceptions[0])[:500], is_bug=True)

    async def _put_off(self, one: "RunWork", reason: str, *, is_bug: bool = False) -> None:
        """Says in the run what went wrong, and has it tried again after a growing pause.

        A bug would be met again and ends the run, but not in the middle of a chunk: sums and rows
        would differ for ever.
        """
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or POLL_S)
        self._due_at = time.monotonic() + self._pause_s
        is_whole = one.progress.pending is None
        with suppress(ControlPlaneError, NotOurs):
            await one.save(end="failed" if is_bug and is_whole else None, failure=reason)

    async def _work_on(self, one: "RunWork") -> None:
        # Before all that may wait: the store remembers a token for some thousand blocks.
        await one.finish_pending()
        ends = await self._settled_ends()
        projects = await live_projects(self._database, one.run.project_id)
        await one.count(projects)
        prices = self._pricing.current()
        for span in one.spans(projects):
            is_later = partial(self._is_later, span.kind, ends)
            await one.price(span, prices.of(span.project_id), is_later)
        await one.save(end="done")
        log.info("reprice run done", run_id=one.run.run_id, changed=one.progress.totals.changed)

    def _is_later(self, kind: str, ends: Mapping[TopicPartition, int], stored: Stored) -> bool:
        """Tells whether a row came after these ends. Topics of one file share the id of the log."""
        at = stored.position
        topics = TOLD[kind] if stored.is_told else (TOPICS[kind],)
        of_log = [topic for topic in topics if self._log.log_ids.get(topic) == at.log_id]
        found = (ends.get(TopicPartition(topic, at.partition)) for topic in of_log)
        return any(end is not None and at.offset >= end for end in found)

    async def _settled_ends(self) -> dict[TopicPartition, int]:
        """Waits until what is in the log is stored; whatever comes later has today's prices.

        So no row is looked at whose block could still be stored again.
        """
        changed = await last_price_change(self._database)
        if changed is not None:
            age_s = (datetime.now(UTC) - changed).total_seconds()
            await asyncio.sleep(max(0.0, min(self._settle_s, self._settle_s - age_s)))
        await self._pricing.refresh()
        ends = {one: place.next_offset for one, place in (await self._log.places()).items()}
        while not is_past(await self._log.places(), ends):  # noqa: ASYNC110 (Kafka tells nobody)
            await asyncio.sleep(POLL_S)
        return ends


class RunWork:
    """One run, while this process works on it."""

    def __init__(self, run: Run, database: Database, store: Warehouse, owner: str) -> None:
        self.run = run
        self.progress: Progress = replace(run.progress, failure="")
        self._database = database
        self._store = store
        self._owner = owner
        self._saving = asyncio.Lock()
        self._most_changes: int | None = None

    async def beat(self) -> None:
        """Says again and again that somebody works on the run."""
        while True:
            await asyncio.sleep(BEAT_S)
            await self.save()

    async def save(
        self,
        *,
        end: State | None = None,
        changes: bytes | None = None,
        turn: int | None = None,
        **named: object,
    ) -> None:
        """Changes the progress and makes it durable. Raises `NotOurs`, and `TurnTaken`."""
        async with self._saving:  # an older one must not come behind a newer one
            progress = replace(self.progress, **named)
            state = await self._save(progress, end, changes, turn)
            if state == "cancelling" and progress.pending is None:
                await self._save(progress, "cancelled")
                state = None
            if state is None:
                raise NotOurs
            self.progress = progress

    async def _save(
        self,
        progress: Progress,
        end: State | None,
        changes: bytes | None = None,
        turn: int | None = None,
    ) -> State | None:
        run_id, owner = self.run.run_id, self._owner
        return await save_progress(
            self._database, run_id, owner, progress, end=end, changes=changes, turn=turn
        )

    async def count(self, projects: list[ProjectId]) -> None:
        """Counts the rows, once a run."""
        if self.progress.rows is None:
            every = [self._span(project_id, kind) for project_id in projects for kind in CHANGES]
            counts = [await rows.count_rows(self._store, span) for span in every]
            await self.save(rows=sum(counts))

    def spans(self, projects: list[ProjectId]) -> Iterator[RowRange]:
        """Yields what is left to look at."""
        place = self.progress.place
        for project_id in projects:
            for kind in CHANGES:
                if (project_id, kind) >= (place.project_id, place.kind):
                    yield self._span(project_id, kind)

    async def finish_pending(self) -> None:
        """Finishes the chunk that whoever was here before has begun."""
        pending = self.progress.pending
        if pending is None:
            return
        chunk = self._chunk(self._span(pending.place.project_id, pending.place.kind))
        packed = await read_changes(self._database, self.run.run_id)
        if packed is not None:
            await self._store_chunk(chunk, await asyncio.to_thread(_unpacked, packed))
        # An older version kept no changes: what the store has of them is all there is.
        elif stored := await rows.read_changes(self._store, chunk):
            await self._store_chunk(chunk, stored)
        else:
            await self.save(pending=None)

    async def price(self, span: RowRange, book: Book, is_later: Callable[[Stored], bool]) -> None:
        """Prices the rows of one kind of a project anew."""
        place = self.progress.place
        if (place.project_id, place.kind) != (span.project_id, span.kind):
            await self.save(place=Place(span.project_id, span.kind))
        is_end = False
        while not is_end:
            scanned = await self._scan(span, book, is_later)
            is_end = scanned.is_end
            if scanned.changes:
                changes = await self._begin(span, scanned)
                await self._store_chunk(self._chunk(span), changes)
            else:
                totals = self.progress.totals.plus(scanned.totals)
                await self.save(place=scanned.place, totals=totals)

    async def _begin(self, span: RowRange, scanned: Scanned) -> list[Change]:
        """Makes a chunk of changes pending, with the bills that hold until it is done."""
        while True:
            turn = await current_turn(self._database)
            changes = await with_billings(self._store, span.project_id, scanned.changes)
            packed = await asyncio.to_thread(_packed, changes)
            pending = Pending(scanned.place, scanned.totals)
            try:
                await self.save(pending=pending, changes=packed, turn=turn)
            except TurnTaken:
                await asyncio.sleep(POLL_S)
            else:
                return changes

    async def _scan(
        self, span: RowRange, book: Book, is_later: Callable[[Stored], bool]
    ) -> Scanned:
        """Looks at rows until there are changes enough for a chunk."""
        scanned = Scanned(self.progress.place, [], Totals(), is_end=False)
        most = await self._most()
        while len(scanned.changes) < most:
            page = await rows.read_page(self._store, span, scanned.place)
            if not page:
                return scanned._replace(is_end=True)
            changes, totals = await asyncio.to_thread(_price_page, span, page, book, is_later)
            place = Place(span.project_id, span.kind, page[-1].at_us, page[-1].item_id)
            totals = scanned.totals.plus(totals)
            scanned = Scanned(place, scanned.changes + changes, totals, is_end=False)
            looked_at = self.progress.totals.looked_at + totals.looked_at
            self.progress = replace(self.progress, looked_at=looked_at)
        return scanned

    async def _store_chunk(self, chunk: Chunk, changes: list[Change]) -> None:
        pending = self.progress.pending
        assert pending is not None
        if not pending.is_stored:
            await rows.store_changes(self._store, chunk, changes)
            # The store forgets a token after some thousand blocks: not to be inserted again. And
            # whoever was paused here and replaced must not set what others have set since.
            await self.save(pending=replace(pending, is_stored=True))
        await rows.set_costs(self._store, chunk, changes)
        await self.save(
            place=pending.place,
            chunk=chunk.number + 1,
            totals=self.progress.totals.plus(pending.totals),
            pending=None,
        )

    async def _most(self) -> int:
        if self._most_changes is None:
            replicated = await is_replicated(self._store)
            self._most_changes = rows.MOST_CHANGES_REPLICATED if replicated else rows.MOST_CHANGES
        return self._most_changes

    def _span(self, project_id: ProjectId, kind: str) -> RowRange:
        return RowRange(project_id, kind, self.run.from_us, self.run.to_us)

    def _chunk(self, span: RowRange) -> Chunk:
        return Chunk(span, self.run.run_id, self.progress.chunk)


def _packed(changes: Sequence[Change]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(changes), 1)


def _unpacked(packed: bytes) -> list[Change]:
    return msgspec.msgpack.decode(zlib.decompress(packed), type=list[Change])


def _price_page(
    span: RowRange, page: list[Stored], book: Book, is_later: Callable[[Stored], bool]
) -> tuple[list[Change], Totals]:
    changes: list[Change] = []
    before = after = unpriced_before = unpriced_after = left = 0
    for stored in page:
        change = None
        try:
            change = None if is_later(stored) else CHANGES[span.kind](stored, book)
        except Exception:
            left += 1
            log.exception("row cannot be priced anew", kind=span.kind, item_id=stored.item_id)
        new = stored.old_pico if change is None else change.new_pico
        before += stored.old_pico or 0
        after += new or 0
        unpriced_before += stored.old_pico is None
        unpriced_after += new is None
        if change is not None:
            changes.append(change)
    counted = (before, after, unpriced_before, unpriced_after, left)
    return changes, Totals(len(page), len(changes), *counted)
