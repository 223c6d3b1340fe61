"""Works off the calls that wait for judges: in one process of an installation, round by round.

A round takes some calls of one judge, judges them, and ends in one transaction: so a crash repeats
it as a whole, and nothing is scored twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID, uuid4

import structlog
from msgspec import Struct
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive, WarehouseError
from clickhouse.llm.judged import Read, read_calls
from clickhouse.migrate import is_replicated
from controlplane.database import Database
from controlplane.failures import ControlPlaneError
from controlplane.llm.judge_queue import (
    Queued,
    Round,
    Taken,
    Waiting,
    Word,
    end_round,
    forget_days,
    hold_judge,
    read_queue,
    take_judge,
)
from schemas.llm.judges import CallRef, Counts
from schemas.zones import HOUR_US

SECOND_US = 1_000_000
MOST_AT_ONCE = 4
"""Rounds of several judges: a long one keeps no other waiting."""
ROUNDS = 200
"""Of one call of `work`."""
FIRST_PAUSE_US = 5 * SECOND_US
LONGEST_PAUSE_US = 600 * SECOND_US
REPLICA_US = 5 * SECOND_US
"""Until a row is on each copy of the store, as a rule."""
HOLD_EVERY_S = 15.0
FORGET_EVERY_US = 24 * HOUR_US

log = structlog.get_logger(__name__)


class Done(Struct, frozen=True, kw_only=True):
    """What came of the calls of a round."""

    words: Sequence[Word] = ()
    counts: Counts = Counts()
    error: str = ""
    """Why one failed last."""
    again: Sequence[Waiting] = ()
    """Of which nobody could say anything for now."""
    left: Sequence[CallRef] = ()
    """That were not looked at: they keep their turn."""
    is_away: bool = False
    """Whether nobody answered at all: then there is a pause."""
    pause_us: int = 0
    """At least so long."""


class Stopped(Exception):
    """Raised where a judge may not go on for now. The message is for people."""

    def __init__(self, reason: str, pause_us: int = 60 * SECOND_US) -> None:
        super().__init__(reason)
        self.pause_us = pause_us


class Judges(Protocol):
    """How judges of one sort judge."""

    asks_model: bool
    at_once: int
    """Calls of one round, at most."""

    async def judge(self, taken: Taken, rows: Sequence[Queued], now_us: int) -> Done:
        """Judges the calls of some rows. Raises `Stopped`, and what the stores do."""
        ...


class Judging:
    """The rounds of judges of one sort. Several processes may run it: each judge has one owner."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        judges: Judges,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._store = warehouse.aside
        self._judges = judges
        self._now_us = now_us
        self._owner = str(uuid4())
        self._settle_us: int | None = None
        self._forget_due_us = 0

    async def work(self) -> None:
        """Works until no call waits, or for so many rounds. May be stopped at any moment."""
        now_us = self._now_us()
        if now_us >= self._forget_due_us:
            await forget_days(self._database, now_us)
            self._forget_due_us = now_us + FORGET_EVERY_US
        running: set[asyncio.Task[None]] = set()
        begun = 0
        try:
            while begun < ROUNDS:
                taken = await self._take() if len(running) < MOST_AT_ONCE else None
                if taken is not None:
                    running.add(asyncio.create_task(self._see_to(taken)))
                    begun += 1
                    continue
                if not running:
                    return
                done, running = await asyncio.wait(
                    running, timeout=1.0, return_when=asyncio.FIRST_COMPLETED
                )
                for one in done:
                    one.result()
            await asyncio.gather(*running)
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _take(self) -> Taken | None:
        if self._settle_us is None:
            self._settle_us = REPLICA_US if await is_replicated(self._store) else 0
        return await take_judge(
            self._database,
            self._owner,
            self._now_us(),
            asks_model=self._judges.asks_model,
            settle_us=self._settle_us,
        )

    async def _see_to(self, taken: Taken) -> None:
        holding = asyncio.create_task(self._hold(taken.judge.id))
        try:
            await self._round(taken)
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)

    async def _hold(self, judge_id: str) -> None:
        """Keeps others from taking a judge while its round goes on."""
        while True:
            await asyncio.sleep(HOLD_EVERY_S)
            with suppress(ControlPlaneError):  # the next one may come in time
                await hold_judge(self._database, judge_id, self._owner, self._now_us())

    async def _round(self, taken: Taken) -> None:
        judge_id = taken.judge.id
        began_us = self._now_us()
        before_us = began_us - (self._settle_us or 0)
        rows = await read_queue(self._database, judge_id, self._judges.at_once, before_us=before_us)
        try:
            done = await self._judges.judge(taken, rows, began_us)
        except Stopped as stopped:
            ended = self._waiting(taken, str(stopped), stopped.pause_us)
            ended = replace(ended, has_failed=True)
        except WarehouseError as error:
            log.warning("calls not judged", judge_id=judge_id, reason=str(error)[:500])
            ended = self._waiting(taken, "the store does not answer", FIRST_PAUSE_US)
        except Exception as bug:
            # It must be told: else the page would say for ever that calls wait.
            log.exception("a judge met a bug", judge_id=judge_id)
            ended = self._waiting(taken, f"a bug of ours: {type(bug).__name__}", LONGEST_PAUSE_US)
            ended = replace(ended, has_failed=True)
        else:
            ended = self._ended(taken, rows, done)
        if not await end_round(self._database, judge_id, self._owner, ended):
            log.info("judge changed hands, or is gone", judge_id=judge_id)

    def _waiting(self, taken: Taken, reason: str, pause_us: int) -> Round:
        now_us = self._now_us()
        return Round(
            now_us=now_us,
            next_us=now_us + pause_us,
            failures=taken.failures,
            stopped=reason,
        )

    def _ended(self, taken: Taken, rows: Sequence[Queued], done: Done) -> Round:
        now_us = self._now_us()
        gone, rest = _seen_to(rows, {one.trace_id for one in done.left})
        failures = taken.failures + 1 if done.is_away else 0
        pause_us = max(pause_of(failures), done.pause_us) if done.is_away else 0
        return Round(
            now_us=now_us,
            next_us=now_us + pause_us,
            done=gone,
            rest=rest,
            again=done.again,
            words=done.words,
            counts=done.counts,
            failures=failures,
            stopped=f"the model does not answer: {done.error}" if done.is_away else "",
            error=done.error,
            has_failed=_has_failed(done),
        )


def pause_of(failures: int) -> int:
    """Returns how long a judge waits after so many rounds in which nobody answered."""
    return min(LONGEST_PAUSE_US, FIRST_PAUSE_US << min(max(0, failures - 1), 10))


async def read_some(store: Warehouse, taken: Taken, refs: Sequence[CallRef]) -> AsyncIterator[Read]:
    """Yields calls that match with their bodies; those that cannot be read are too large."""
    try:
        async for read in read_calls(store, taken.project, taken.judge.calls, refs):
            yield read
    except QueryTooExpensive:
        if len(refs) == 1:
            yield Read([], 1)
            return
        half = len(refs) // 2
        for some in (refs[:half], refs[half:]):
            async for read in read_some(store, taken, some):
                yield read


def _has_failed(done: Done) -> bool | None:
    """Tells whether nothing could be said of any call; `None` where none was worth a word."""
    if done.counts.scored:
        return False
    return True if done.is_away or done.counts.failed else None


def _seen_to(rows: Sequence[Queued], left: set[str]) -> tuple[list[UUID], Queued | None]:
    """Returns the rows of which no call is left, and the one of which some are."""
    gone: list[UUID] = []
    rest = None
    for row in rows:
        calls = [one for one in row.calls if one.trace_id in left]
        if not calls:
            gone.append(row.id)
        elif len(calls) < len(row.calls):
            rest = row._replace(calls=calls)
    return gone, rest
