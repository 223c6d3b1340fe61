"""One block on its way into the store: intent, rows, outcomes, done."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from clickhouse.client import StatementRefused, WarehouseError
from eventlog.log import EventLog, LogFull, LogUnavailable, ProgressStore
from eventlog.records import DeadLetter
from processors.blocks import Block, Item, Output, Step, ref_of
from processors.outcomes import outcomes_of
from schemas import metrics
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow

REFUSALS_BEFORE_PARTS = 3
"""A refusal may pass (a schema in change); after so many the rows themselves are suspected."""
PART_ROWS = 100

log = structlog.get_logger(__name__)


class Unencodable(StatementRefused):
    """Raised for rows that cannot be written down for the store."""


class Inserts(Protocol):
    """What the sink asks of the store."""

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts one block of rows, once for each token."""
        ...

    def encode_outcomes(self, rows: Sequence[OutcomeRow]) -> bytes:
        """Encodes rows of the ledger."""
        ...


class Log(EventLog, ProgressStore, Protocol):
    """Both faces of the log in one."""


class BlockWrite:
    """Stores one block; remembers which steps are done while it retries."""

    def __init__(
        self,
        block: Block,
        built: Any,
        step: Step,
        log_: Log,
        store: Inserts,
        *,
        longest_pause_s: float,
    ) -> None:
        self._block = block
        self._built = built
        self._longest_pause_s = longest_pause_s
        self._step = step
        self._log = log_
        self._store = store
        self._output: Output | None = None
        self._accepted: list[Item] = []
        self._rows_stored = False
        self._refusals = REFUSALS_BEFORE_PARTS if block.intent.apart else 0

    async def run(self) -> None:
        """Returns when the block is stored. Retries for ever; only a bug raises."""
        tries = AsyncRetrying(
            # Not `LogDamaged`: only opening the log anew mends it.
            retry=retry_if_exception_type((WarehouseError, LogFull, LogUnavailable)),
            wait=wait_random_exponential(multiplier=0.2, max=self._longest_pause_s),
            before_sleep=self._note_failure,
        )
        await tries(self._advance)

    def _note_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._refusals += isinstance(error, StatementRefused)
        metrics.INSERT_FAILURES.labels(self._step.table or "outcomes").inc()
        log.warning(
            "block not stored yet",
            token=self._block.token,
            attempt=state.attempt_number,
            reason=str(error)[:500],
        )

    async def _advance(self) -> None:
        partition, intent = self._block.partition, self._block.intent
        if self._output is None:
            await self._log.declare(partition, intent)
            self._output = await self._step.settle(self._block, self._built)
        output = self._output
        if not self._rows_stored:
            await self._insert_rows(output)
            self._rows_stored = True
        await self._insert_outcomes(output)
        await self._log.complete(partition, intent, output.letters)
        self._step.stored(self._accepted)
        self._count(output)

    async def _insert_rows(self, output: Output) -> None:
        table = self._step.table
        if not output.items or table is None:
            return
        if self._refusals < REFUSALS_BEFORE_PARTS:
            await self._insert(table, output.items, self._block.token)
            self._accepted = output.items
            return
        # From here on the block's own token is never used again: say so before the first part.
        await self._log.declare(self._block.partition, self._block.intent._replace(apart=True))
        refused = await self._insert_apart(table, output.items)
        self._accepted = [item for item in output.items if _name(item) not in refused]
        topic = self._block.partition.topic
        for item in output.items:
            if _name(item) in refused:
                output.letters.append(_letter_of(item, topic, refused[_name(item)]))
                output.fates.append(item.fate._replace(outcome="dead", reason="unfit"))

    async def _insert_apart(self, table: str, items: list[Item]) -> dict[str, str]:
        """Stores what the store takes and returns the rest, each with the store's reason.

        Raises when it refuses every one: then it is our mistake and not the rows', and parking a
        whole topic in the dead letters would only hide it. A row that cannot even be written down
        is at fault itself, whatever its neighbours are.
        """
        refused: dict[str, str] = {}
        for start in range(0, len(items), PART_ROWS):
            part = items[start : start + PART_ROWS]
            try:
                await self._insert(table, part, f"{self._block.token}/{_name(part[0])}+{len(part)}")
                continue
            except StatementRefused:
                pass
            for item in part:
                try:
                    await self._insert(table, [item], f"{self._block.token}/{_name(item)}")
                except StatementRefused as error:
                    refused[_name(item)] = str(error)[:500]
                    if len(refused) == len(items) > 1 and not isinstance(error, Unencodable):
                        raise
        return refused

    async def _insert(self, table: str, items: list[Item], token: str) -> None:
        try:
            data = await asyncio.to_thread(self._step.encode, items)
        except Exception as error:
            # What cannot be written down is refused before the store sees it.
            raise Unencodable(f"rows cannot be encoded: {error!r}") from error
        await self._timed(table, data, token, len(items))

    async def _insert_outcomes(self, output: Output) -> None:
        fates = [*(item.fate for item in self._accepted), *output.fates]
        rows = outcomes_of(self._step.kind, fates) + output.outcomes
        if rows:
            data = self._store.encode_outcomes(rows)
            await self._timed("outcomes", data, self._block.token, len(rows))

    async def _timed(self, table: str, data: bytes, token: str, rows: int) -> None:
        started = time.perf_counter()
        await self._store.insert(table, data, token)
        metrics.INSERT_SECONDS.labels(table).observe(time.perf_counter() - started)
        metrics.BLOCK_ROWS.labels(table).observe(rows)

    def _count(self, output: Output) -> None:
        kind = self._step.kind
        repeats = sum(fate.outcome == "duplicate" for fate in output.fates)
        metrics.DEAD.labels(kind).inc(len(output.letters))
        metrics.DUPLICATES.labels(kind).inc(repeats)


def _name(item: Item) -> str:
    return f"{item.position.offset}:{item.number}"


def _letter_of(item: Item, topic: str, reason: str) -> DeadLetter:
    return DeadLetter(
        ref=ref_of(topic, item.position, item.number),
        project_id=ProjectId(item.fate.project_id),
        topic=topic,
        wire=item.wire,
        received_at_ns=item.fate.received_at_ns,
        reason=f"refused by the store: {reason}",
        body=item.body,
        dead_ref=item.fate.dead_ref,
    )
