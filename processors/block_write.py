"""Writes one block: declares it, stores its rows and outcomes, and moves the checkpoint."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import product
from typing import Any

import structlog

from clickhouse.tables import encode_outcomes
from eventlog.log import ProgressStore
from processors.assemble import UNKNOWN
from processors.block_rows import BlockRows, Inserts
from processors.blocks import Block, Outcomes, Output, Step
from processors.columns import Numbers
from processors.faults import REASONS, is_passing, reason_of
from processors.outcomes import outcomes_of
from schemas import metrics
from schemas.kinds import KINDS

FIRST_PAUSE_S = 0.2
MAX_DOUBLINGS = 20

log = structlog.get_logger(__name__)


class BlockWrite:
    """Stores one block; remembers which steps are done while it retries."""

    def __init__(
        self,
        block: Block,
        step: Step,
        checkpoints: ProgressStore,
        store: Inserts,
        *,
        longest_pause_s: float,
    ) -> None:
        self._block = block
        self._building: asyncio.Task[Any] | None = None
        self._built: Any = None
        self._longest_pause_s = longest_pause_s
        self._step = step
        self._checkpoints = checkpoints
        self._store = store
        self._rows = BlockRows(block, step, checkpoints, store)
        self._output: Output | None = None
        self._chosen: list[tuple[str, Numbers]] | None = None
        """The items of each form to store, while their rows are not in memory."""
        self._accepted: Outcomes = Counter()
        """Of the items that are stored, once nothing is left to do with their rows."""
        self._rows_stored = self._noted = self._followed = False
        self._tried_before = block.repeated
        self._failures = 0
        self._alarm = (step.name, str(block.partition.partition))

    async def work_ahead(self) -> None:
        """Does what needs no store, while the block before this one is written."""
        self._building = asyncio.create_task(self._step.build(self._block))
        await asyncio.wait({self._building})

    def put_down(self) -> None:
        """Drops the rows, so that a block that waits for its next try holds no memory.

        It keeps which items are to be stored: that was decided once and must not change.
        """
        if self._building is not None:
            self._building.cancel()
        if self._output is not None and self._output.stored:
            self._chosen = [(one.batch.kind.wire, one.items) for one in self._output.stored]
            self._output.stored = []
        self._building = self._built = None

    async def run(self, rest: Callable[[float], Awaitable[None]]) -> None:
        """Returns when the block is stored. Retries for ever; only a bug raises.

        Between two tries it calls `rest` with the seconds to wait, which should `put_down`.
        """
        try:
            while not await self._try():
                self._failures += 1
                await rest(self._pause_s())
        finally:
            # Also when the partition goes to another worker: that one raises its own alarm.
            metrics.INSERT_FAILING_SECONDS.remove(*self._alarm)
        metrics.INSERT_FAILING_SECONDS.labels(*self._alarm).set(0)

    async def _try(self) -> bool:
        # No retry library: its object would refer to this one and make a cycle. Then the rows
        # would stay in memory until the garbage collector runs, which is seldom.
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
        if not self._followed:
            await self._store_rows(await self._work_out())
            self._followed = True
        output = self._output
        assert output is not None
        await self._insert_outcomes(output)
        await self._checkpoints.complete(partition, intent, output.dead)
        _count(output)

    async def _store_rows(self, output: Output) -> None:
        """Does everything that needs the rows. A step that is done is not repeated later."""
        if not self._rows_stored:
            self._output = output = await self._rows.insert(output, check=self._tried_before)
            self._rows_stored = True
        if not self._noted:
            # Before the checkpoint is moved: a writer that is stopped here and started again relies
            # on the step's knowing every id that is stored.
            for stored in output.stored:
                await self._step.note(stored)
            self._noted = True
        accepted: Outcomes = Counter()
        for stored in output.stored:
            await self._step.follow(stored)
            accepted += stored.batch.count(stored.items)
        self._accepted = accepted
        output.stored = []

    async def _work_out(self) -> Output:
        """Returns what `work_ahead` has built; builds it again if that failed or was dropped."""
        building, self._building = self._building, None
        if self._built is None:
            self._built = await (building or self._step.build(self._block))
        if self._output is None:
            await self._checkpoints.declare(self._block.partition, self._block.intent)
            self._output = await self._step.settle(self._block, self._built)
        if self._chosen is not None:
            self._output.stored = self._step.chosen(self._built, self._chosen)
            self._chosen = None
        if self._tried_before:
            stored = [await self._step.as_stored(one) for one in self._output.stored]
            self._output.stored = stored
        return self._output

    async def _insert_outcomes(self, output: Output) -> None:
        rows = outcomes_of(output.outcomes + self._accepted) + output.counted
        if rows:
            data = encode_outcomes(rows)
            await self._rows.put("outcomes", data, self._block.token, len(rows))


def watch_from_zero(tables: Iterable[str]) -> None:
    """Shows the counters that alarms watch before anything is counted.

    A series that begins at 1 has not risen for Prometheus: the first dead letter would raise no
    alarm.
    """
    for kind in (*(kind.name for kind in KINDS), UNKNOWN):
        metrics.DEAD.labels(kind)
    for table, reason in product(tables, REASONS):
        metrics.INSERT_FAILURES.labels(table, reason)


def _count(output: Output) -> None:
    by_kind: Counter[tuple[str, str]] = Counter()
    # In no outcome, because nobody knows whose they were.
    by_kind[UNKNOWN, "dead"] = sum(1 for one in output.dead if not one.wire)
    for one, items in output.outcomes.items():
        by_kind[one.kind, one.outcome] += items
    for (kind, outcome), items in by_kind.items():
        if outcome == "dead":
            metrics.DEAD.labels(kind).inc(items)
        elif outcome == "duplicate":
            metrics.DUPLICATES.labels(kind).inc(items)
