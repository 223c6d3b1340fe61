"""One block on its way into the store: intent, rows, outcomes, done."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import compress
from typing import Any, Protocol

import structlog
from msgspec.structs import replace

from clickhouse.errors import RowsRefused
from eventlog.log import ProgressStore
from eventlog.records import DeadLetter
from processors.blocks import Block, Fate, Item, Output, Step, ref_of
from processors.faults import AtFault, is_passing, reason_of, second_look
from processors.outcomes import outcomes_of
from schemas import metrics
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow

REFUSALS_BEFORE_PARTS = 3
"""Of a block's rows; a refusal may pass (a schema in change)."""
PART_ROWS = 100
FIRST_PAUSE_S = 0.2
MAX_DOUBLINGS = 20

log = structlog.get_logger(__name__)


class Unencodable(RowsRefused):
    """Raised for rows that cannot be written down for the store."""


class Inserts(Protocol):
    """What the sink asks of the store."""

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts one block of rows, once for each token."""
        ...

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts rows that the store lost and its views have, once for each token."""
        ...

    def encode_outcomes(self, rows: Sequence[OutcomeRow]) -> bytes:
        """Encodes rows of the ledger."""
        ...


class BlockWrite:
    """Stores one block; remembers which steps are done while it retries."""

    def __init__(
        self,
        block: Block,
        step: Step,
        books: ProgressStore,
        store: Inserts,
        *,
        longest_pause_s: float,
    ) -> None:
        self._block = block
        self._building: asyncio.Task[Any] | None = None
        self._built: Any = None
        self._longest_pause_s = longest_pause_s
        self._step = step
        self._books = books
        self._store = store
        self._output: Output | None = None
        self._chosen: bytes | None = None
        """Which of the built items are to be stored, while there are none: 1 for each of them."""
        self._accepted: list[Item] = []
        self._fates: list[Fate] = []
        """Of the rows that are stored."""
        self._rows_stored = False
        self._remembered = False
        self._tried_before = block.repeated
        self._failures = 0
        self._refusals = 0
        self._apart = block.intent.apart
        self._split: set[str] = set()
        """The parts whose rows go in one by one."""
        self._alarm = (step.table or "outcomes", str(block.partition.partition))

    async def work_ahead(self) -> None:
        """Does what needs no store, while the block before this one is written."""
        self._building = asyncio.create_task(self._step.build(self._block))
        await asyncio.wait({self._building})

    def put_down(self) -> None:
        """Lets go of the rows: what waits for its next try must not hold memory meanwhile.

        Which of them are to be stored is kept, for it was worked out once and for all.
        """
        if self._building is not None:
            self._building.cancel()
        if self._output is not None and self._built is not None:
            kept = set(map(id, self._output.items))
            self._chosen = bytes(id(item) in kept for item in self._built.items)
            self._output.items = []
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
        self._refusals += isinstance(error, RowsRefused)
        metrics.INSERT_FAILURES.labels(self._alarm[0], reason_of(error)).inc()
        log.warning(
            "block not stored yet",
            token=self._block.token,
            attempt=self._failures + 1,
            reason=(str(error) or repr(error))[:500],
        )

    async def _advance(self) -> None:
        partition, intent = self._block.partition, self._block.intent
        if not self._rows_stored:
            self._output = await self._insert_rows(await self._work_out())
            self._fates = [item.fate for item in self._accepted]
            self._rows_stored = True
        if not self._remembered:
            # Before the books say so: who stops us there, and takes the partition up again, relies
            # on our knowing every id that is stored.
            self._step.stored(self._accepted)
            self._remembered = True
            self._accepted = []
        output = self._output
        assert output is not None
        await self._insert_outcomes(output)
        await self._books.complete(partition, intent, output.letters)
        self._count(output)

    async def _work_out(self) -> Output:
        """Takes what was worked out ahead; where that failed or was put down, does it again."""
        building, self._building = self._building, None
        if self._built is None:
            self._built = await (building or self._step.build(self._block))
        if self._output is None:
            await self._books.declare(self._block.partition, self._block.intent)
            self._output = await self._step.settle(self._block, self._built)
        if self._chosen is not None:
            self._output.items = list(compress(self._built.items, self._chosen))
            self._chosen = None
        return self._output

    async def _insert_rows(self, output: Output) -> Output:
        """Stores the rows; returns the output with those that the store refused among the dead.

        Changes nothing of `output`, so that it may be called again.
        """
        table = self._step.table
        if not output.items or table is None:
            return output
        if not await self._goes_apart(output.items):
            await self._insert(table, output.items, self._block.token)
            if self._tried_before:
                await self._insert_lost(table, output.items)
            self._accepted = output.items
            return output
        # From here on the block's own token is never used again: say so before the first part.
        await self._books.declare(self._block.partition, self._block.intent._replace(apart=True))
        refused = await self._insert_apart(table, output.items)
        accepted = [item for item in output.items if _name(item) not in refused]
        await self._insert_lost(table, accepted)
        self._accepted = accepted
        topic = self._block.partition.topic
        dead = [item for item in output.items if _name(item) in refused]
        letters = [_letter_of(item, topic, refused[_name(item)]) for item in dead]
        fates = [item.fate._replace(outcome="dead", reason="unfit") for item in dead]
        return replace(output, letters=output.letters + letters, fates=output.fates + fates)

    async def _goes_apart(self, items: list[Item]) -> bool:
        """Tells whether rows are at fault, and none of them is in under the block's own token.

        Where they are in, it is a view that refuses them: by parts they would go in once more.
        """
        if not self._apart and self._refusals >= REFUSALS_BEFORE_PARTS:
            self._apart = len(await self._missing(items)) == len(items)
        return self._apart

    async def _insert_lost(self, table: str, items: list[Item]) -> None:
        """Stores rows whose token the store has, and not them: it was killed between the two.

        The views have them: the repeat before this has completed what they lacked.
        """
        if missing := await self._missing(items):
            log.warning("rows lost by the store", token=self._block.token, count=len(missing))
            data = await self._encode(missing)
            await self._books.confirm(self._block.partition)
            await self._store.insert_past_views(table, data, f"{self._block.token}/lost")

    async def _missing(self, items: list[Item]) -> list[Item]:
        """Returns those of these rows that are not in the store."""
        asked = replace(self._block, repeated=True, intent=self._block.intent._replace(apart=True))
        return (await self._step.settle(asked, Output(items=items))).items

    async def _insert_apart(self, table: str, items: list[Item]) -> dict[str, str]:
        """Stores what the store takes and returns the rest, each with the store's reason."""
        refused: dict[str, str] = {}
        for start in range(0, len(items), PART_ROWS):
            part = items[start : start + PART_ROWS]
            name = f"{_name(part[0])}+{len(part)}"
            if name in self._split or await self._refusal(table, part, name):
                self._split.add(name)
                for item in part:
                    if reason := await self._refusal(table, [item], _name(item)):
                        refused[_name(item)] = reason
        return refused

    async def _refusal(self, table: str, part: list[Item], name: str) -> str:
        """Stores a part; returns why the store takes none of it, and nothing where it has."""
        try:
            await self._insert(table, part, f"{self._block.token}/{name}")
        except RowsRefused as error:
            if len(await self._missing(part)) < len(part):
                # A view's refusal: the rows are in, and must neither come again nor be letters.
                raise
            return str(error)[:500] or "refused"
        return ""

    async def _insert(self, table: str, items: list[Item], token: str) -> None:
        await self._timed(table, await self._encode(items), token, len(items))

    async def _encode(self, items: list[Item]) -> bytes:
        try:
            return await asyncio.to_thread(_encode, self._step, items)
        except AtFault as fault:
            # What cannot be written down is refused before the store sees it.
            raise Unencodable(f"rows cannot be encoded: {fault}") from fault

    async def _insert_outcomes(self, output: Output) -> None:
        fates = self._fates + output.fates
        rows = outcomes_of(self._step.kind, fates) + output.outcomes
        if rows:
            data = self._store.encode_outcomes(rows)
            await self._timed("outcomes", data, self._block.token, len(rows))

    async def _timed(self, table: str, data: bytes, token: str, rows: int) -> None:
        # A process that was paused and replaced here must not write what another has written long
        # ago: the store forgets a token after some thousand blocks.
        await self._books.confirm(self._block.partition)
        started = time.perf_counter()
        await self._store.insert(table, data, token)
        metrics.INSERT_SECONDS.labels(table).observe(time.perf_counter() - started)
        metrics.BLOCK_ROWS.labels(table).observe(rows)

    def _count(self, output: Output) -> None:
        kind = self._step.kind
        repeats = sum(fate.outcome == "duplicate" for fate in output.fates)
        metrics.DEAD.labels(kind).inc(len(output.letters))
        metrics.DUPLICATES.labels(kind).inc(repeats)


def _encode(step: Step, items: Sequence[Item]) -> bytes:
    try:
        return step.encode(items)
    except Exception as error:
        return second_look(error, lambda: step.encode(items))


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
