"""One block on its way into the store: intent, rows, what follows, outcomes, done."""

import asyncio
import random
import time
from collections import Counter
from typing import Any

import structlog

from eventlog.log import ProgressStore
from processors.block_rows import BlockRows, Inserts
from processors.blocks import Block, Output, Step
from processors.faults import is_passing, reason_of
from processors.outcomes import outcomes_of
from schemas import metrics

FIRST_PAUSE_S = 0.2
MAX_DOUBLINGS = 20

log = structlog.get_logger(__name__)


class BlockWrite:
    """Stores one block; remembers which steps are done while it retries."""

    def __init__(
        self,
        block: Block,
        building: "asyncio.Task[Any]",
        step: Step,
        books: ProgressStore,
        store: Inserts,
        *,
        longest_pause_s: float,
    ) -> None:
        self._block = block
        self._building: asyncio.Task[Any] | None = building
        self._built: Any = None
        self._longest_pause_s = longest_pause_s
        self._step = step
        self._books = books
        self._store = store
        self._rows = BlockRows(block, step, books, store)
        self._output: Output | None = None
        self._rows_stored = False
        self._noted = False
        self._tried_before = block.repeated
        self._failures = 0
        self._alarm = (step.name, str(block.partition.partition))

    async def run(self) -> None:
        """Returns when the block is stored. Retries for ever; only a bug raises."""
        try:
            while not await self._try():
                self._failures += 1
                await asyncio.sleep(self._pause_s())
        finally:
            # Also where the partition goes to another worker: the alarm is its own then.
            metrics.INSERT_FAILING_SECONDS.remove(*self._alarm)
        metrics.INSERT_FAILING_SECONDS.labels(*self._alarm).set(0)

    async def _try(self) -> bool:
        # No library of retries: an object of it that refers to this one is a cycle, and the rows
        # would stay until the garbage collector comes round, which large rows hardly call.
        try:
            await self._advance()
        except Exception as error:
            if not is_passing(error):
                raise
            self._note_failure(error)
            return False
        return True

    def _pause_s(self) -> float:
        most = FIRST_PAUSE_S * 2 ** min(self._failures - 1, MAX_DOUBLINGS)
        return random.uniform(0.0, min(self._longest_pause_s, most))

    def _note_failure(self, error: Exception) -> None:
        if self._failures == 0:
            failed = time.monotonic()
            since = metrics.INSERT_FAILING_SECONDS.labels(*self._alarm)
            since.set_function(lambda: time.monotonic() - failed)
        self._tried_before = True
        metrics.INSERT_FAILURES.labels(self._alarm[0], reason_of(error)).inc()
        log.warning(
            "block not stored yet",
            token=self._block.token,
            attempt=self._failures + 1,
            reason=(str(error) or repr(error))[:500],
        )

    async def _advance(self) -> None:
        partition, intent = self._block.partition, self._block.intent
        if self._output is None:
            await self._work_out()
            await self._books.declare(partition, intent)
            self._output = await self._step.settle(self._block, self._built)
        if not self._rows_stored:
            self._output = await self._rows.insert(self._output, check=self._tried_before)
            self._rows_stored = True
        output = self._output
        if not self._noted:
            # Before the books say so: who stops us there, and takes the partition up again, relies
            # on our knowing every id that is stored.
            for stored in output.stored:
                await self._step.note(stored)
            self._noted = True
        for stored in output.stored:
            await self._step.follow(stored)
        await self._insert_outcomes(output)
        await self._books.complete(partition, intent, output.dead)
        _count(output)

    async def _work_out(self) -> None:
        """Takes what was worked out ahead; where that failed, works it out again."""
        building, self._building = self._building, None
        if self._built is None:
            self._built = await (building or self._step.build(self._block))

    async def _insert_outcomes(self, output: Output) -> None:
        outcomes = +output.outcomes
        for stored in output.stored:
            outcomes += stored.batch.count(stored.items)
        rows = outcomes_of(outcomes) + output.counted
        if rows:
            data = self._store.encode_outcomes(rows)
            await self._rows.put("outcomes", data, self._block.token, len(rows))


def _count(output: Output) -> None:
    by_kind: Counter[tuple[str, str]] = Counter()
    for one, items in output.outcomes.items():
        by_kind[one.kind, one.outcome] += items
    for (kind, outcome), items in by_kind.items():
        if outcome == "dead":
            metrics.DEAD.labels(kind).inc(items)
        elif outcome == "duplicate":
            metrics.DUPLICATES.labels(kind).inc(items)
