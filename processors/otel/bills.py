"""Corrects bills once later spans change them: beside the stream, in one process.

A call gets its first verdict within its block. Here the scopes are looked at of which something was
stored since, in blocks that cannot come again, and `bill` is asked over all that is stored of
them. The order of a chunk of changes is that of a reprice run: its changes are written down (the
pending chunk), they are stored under its token, which corrects the rollups, the calls are set, the
place moves on. A chunk that is pending is finished first, by whoever comes next. What is looked at
twice has its verdicts already, so any part may be repeated.
"""

import asyncio
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

import msgspec
import structlog
from msgspec.structs import replace

from clickhouse import bills as rows
from clickhouse.bills import BillChange, Keyed, TooMany, Verdict
from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.otel.bills import begin_chunk, save_bills, take_bills
from controlplane.rewriting import TurnTaken, current_turn
from processors.blocks import StoredLog
from processors.otel.rebilling import NO_TRACE, changed_verdicts, traces_of
from schemas import metrics
from schemas.kinds import OTEL_SPAN
from schemas.otel.bills import Pending, Progress
from schemas.rows import Position

TOPIC = OTEL_SPAN.topic
SCOPES_AT_ONCE = 500
LOOK_EVERY_S = 1.0
RESTS = 4.0
"""After a look it rests so many times as long as that took, for a mutation writes parts anew: with
bills to correct all the time it takes a fifth of one thread of the store."""
LONGEST_REST_S = 30.0

log = structlog.get_logger(__name__)


class NotOurs(Exception):
    """Raised when another process has taken the bills over."""


class Billing:
    """Looks at what is new, and corrects bills; in one process of an installation."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        event_log: StoredLog,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._store = warehouse.aside
        self._log = event_log
        self._clock = clock
        self._owner = str(uuid4())
        self._progress: Progress | None = None
        """`None` until the bills are taken over, and after anything went wrong."""
        self._due_at = 0.0
        self._told: set[Keyed] = set()
        """Scopes of which the log has said that they are too large."""

    async def work(self) -> None:
        """Looks once at what was stored since, and corrects bills. May be stopped at any moment.

        Raises what the stores do: what is under way is finished by the next call.
        """
        if self._clock() < self._due_at:
            return
        began = self._clock()
        try:
            await self._look()
        except NotOurs:
            self._progress = None
            log.info("bills taken over by another process")
        except TurnTaken:
            log.debug("bills wait for those who write calls anew")
        except BaseException:
            self._progress = None
            raise
        finally:
            now = self._clock()
            rest_s = min(LONGEST_REST_S, max(LOOK_EVERY_S, RESTS * (now - began)))
            self._due_at = now + rest_s

    async def _look(self) -> None:
        if self._progress is None:
            await self._take_over()
        ends = await self._ends()
        if not self._is_behind(ends):
            return
        await rows.catch_up(self._store)
        for partition in ends:
            await self._look_at(partition, ends)
        self._is_behind(ends)

    async def _take_over(self) -> None:
        held = await take_bills(self._database, self._owner)
        self._progress = held.progress
        if held.progress.pending is not None:
            assert held.changes is not None
            await self._finish(await asyncio.to_thread(_unpacked, held.changes))

    async def _ends(self) -> dict[int, int]:
        """Returns the last offset of each partition whose block is stored and cannot come again."""
        return {
            one.partition: place.progress.stored_through
            for one, place in (await self._log.places()).items()
            if one.topic == TOPIC
        }

    def _is_behind(self, ends: Mapping[int, int]) -> bool:
        waiting = sum(max(0, end - self._place(one)) for one, end in ends.items())
        metrics.BILL_LAG_RECORDS.set(waiting)
        return waiting > 0

    async def _look_at(self, partition: int, ends: Mapping[int, int]) -> None:
        """Looks at what one partition brought, page by page."""
        log_id, through = self._log.log_ids[TOPIC], ends[partition]
        while (after := self._place(partition)) < through:
            queued = await rows.read_queue(self._store, log_id, partition, after, through)
            keys = {one.at for one in queued if one.at.key != NO_TRACE}
            for scopes in _some(await rows.find_scopes(self._store, keys) if keys else []):
                await self._correct(scopes, ends)
            last = queued[-1].offset if queued else through
            await self._save(places=self._standing.places | {self._name(partition): last})

    async def _correct(self, scopes: Sequence[Keyed], ends: Mapping[int, int]) -> None:
        """Corrects the bills of scopes, in chunks."""
        is_whole = False
        while not is_whole:
            turn = await current_turn(self._database)
            found = await rows.read_changes(self._store, await self._verdicts(scopes))
            changes = [change for change, at in found if not self._may_come_again(at, ends)]
            is_whole = len(changes) <= rows.MOST_CHANGES
            if changes:
                await self._begin(changes[: rows.MOST_CHANGES], turn)

    async def _verdicts(self, scopes: Sequence[Keyed]) -> list[Verdict]:
        """Returns the verdicts that scopes lack; of one that is too large, none."""
        try:
            calls = await rows.read_calls(self._store, scopes)
            between = traces_of(calls)
            links = await rows.read_links(self._store, between) if between else []
        except TooMany:
            if len(scopes) == 1:
                self._tell_too_large(scopes[0])
                return []
            half = len(scopes) // 2
            return [*await self._verdicts(scopes[:half]), *await self._verdicts(scopes[half:])]
        return await asyncio.to_thread(changed_verdicts, calls, links)

    def _tell_too_large(self, scope: Keyed) -> None:
        metrics.BILL_SCOPES_TOO_LARGE.inc()
        if scope not in self._told and len(self._told) < SCOPES_AT_ONCE:
            self._told.add(scope)
            log.warning(
                "too many spans to correct their bills, these stay as they are",
                project_id=scope.project_id,
                scope=scope.key,
                most=rows.MOST_MARKS,
            )

    def _may_come_again(self, at: Position, ends: Mapping[int, int]) -> bool:
        """Tells whether a call's block may be stored anew: it is looked at once it cannot."""
        return at.log_id == self._log.log_ids[TOPIC] and at.offset > ends.get(at.partition, -1)

    async def _begin(self, changes: Sequence[BillChange], turn: int) -> None:
        # Also after an old backup was put back, no number and no token comes a second time.
        chunk = max(self._standing.chunk + 1, time.time_ns() // 1_000)
        pending = Pending(chunk, f"bills/{chunk}/{uuid4()}")
        progress = replace(self._standing, chunk=chunk, pending=pending)
        packed = await asyncio.to_thread(_packed, changes)
        if not await begin_chunk(self._database, self._owner, progress, packed, turn=turn):
            raise NotOurs
        self._progress = progress
        await self._finish(changes)

    async def _finish(self, changes: Sequence[BillChange]) -> None:
        pending = self._standing.pending
        assert pending is not None
        if not pending.is_stored:
            await rows.store_changes(self._store, pending.chunk, pending.token, changes)
            # The store forgets a token after some thousand blocks: not to be inserted again. And
            # whoever was paused here and replaced must not set what others have set since.
            await self._save(pending=replace(pending, is_stored=True))
        await rows.set_bills(self._store, changes)
        await self._save(pending=None)
        for change in changes:
            metrics.BILLS_CORRECTED.labels(verdict=change.new_billing or "billed").inc()
        log.info("bills corrected", count=len(changes))

    async def _save(self, **named: object) -> None:
        progress = replace(self._standing, **named)
        if not await save_bills(self._database, self._owner, progress):
            raise NotOurs
        self._progress = progress

    @property
    def _standing(self) -> Progress:
        assert self._progress is not None
        return self._progress

    def _place(self, partition: int) -> int:
        return self._standing.places.get(self._name(partition), -1)

    def _name(self, partition: int) -> str:
        return f"{self._log.log_ids[TOPIC]}/{partition}"


def _some(scopes: Sequence[Keyed]) -> list[Sequence[Keyed]]:
    return [scopes[at : at + SCOPES_AT_ONCE] for at in range(0, len(scopes), SCOPES_AT_ONCE)]


def _packed(changes: Sequence[BillChange]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(changes), 1)


def _unpacked(packed: bytes) -> list[BillChange]:
    return msgspec.msgpack.decode(zlib.decompress(packed), type=list[BillChange])
