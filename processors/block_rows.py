"""Inserts the rows of one block into their tables, and finds the rows that the store refuses.

All rows of a table go in as one insert under the block's token. When the store says several times
that rows are at fault, they are inserted by halves, until each row that it refuses is alone.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import structlog
from msgspec.structs import replace

from clickhouse.failures import RowsRefused
from clickhouse.tables import encode
from eventlog.log import ProgressStore
from eventlog.records import DeadLetter, decode_chunks
from processors.assemble import dead_letter
from processors.blocks import Batch, Block, Output, Step, StoredItems, ref_of
from processors.columns import Numbers
from schemas import metrics
from schemas.kinds import KINDS, Kind, Table

REFUSALS_BEFORE_PARTS = 3
"""Of a block's rows: a refusal may be temporary (the schema is being changed)."""
SECOND = frozenset(
    (kind.name, table.name)
    for number, kind in enumerate(KINDS)
    for table in kind.tables
    if any(table.name == other.name for earlier in KINDS[:number] for other in earlier.tables)
)
"""Kinds and those of their tables that an earlier kind has as well."""

log = structlog.get_logger(__name__)


class Inserts(Protocol):
    """What the sink asks of the store."""

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts one block of rows, once for each token."""
        ...

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts rows that the store lost and its views have, once for each token."""
        ...


class BlockRows:
    """Stores the rows of one block; remembers which parts of them are in while it is retried."""

    def __init__(
        self, block: Block, step: Step, checkpoints: ProgressStore, store: Inserts
    ) -> None:
        self._block = block
        self._step = step
        self._checkpoints = checkpoints
        self._store = store
        self._refusals = 0
        self._by_parts = block.intent.by_parts
        self._todo: dict[tuple[str, str], list[Numbers]] = {}
        """By kind and table: the parts that are to go in, which a retry must not cut anew."""
        self._refused: dict[tuple[str, str], dict[int, str]] = {}

    async def insert(self, output: Output, *, check: bool) -> Output:
        """Stores the rows; returns the output with the items that the store refused as dead ones.

        With `check` it reads back whether they are there. Changes nothing of `output`.
        """
        if not self._by_parts:
            for stored in output.stored:
                first, *others = stored.batch.kind.tables
                # The first says that an item is stored: its rows go in when all others are in.
                await self._insert_beside(others, stored, check=check)
                await self._insert_beside([first], stored, check=check)
            return output
        # From here on the block's own token is not used again. Declare that before the first part.
        await self._checkpoints.declare(
            self._block.partition, self._block.intent._replace(by_parts=True)
        )
        result = replace(output, stored=[], dead=list(output.dead), outcomes=+output.outcomes)
        for stored in output.stored:
            refused = await self._insert_by_parts(stored)
            dead = np.array(sorted(refused), np.int64)
            result.stored.append(StoredItems(stored.batch, np.setdiff1d(stored.items, dead)))
            result.dead += await asyncio.to_thread(
                _dead_letters, self._block, stored.batch, refused
            )
            result.outcomes += stored.batch.count(dead, "dead", "unfit")
        return result

    async def put(self, table: str, data: bytes, token: str, rows: int) -> None:
        """Inserts encoded rows if the partition is still ours, and measures it."""
        # A process that was paused and replaced here must not write what another has written long
        # ago: the store forgets a token after some thousand blocks.
        await self._checkpoints.confirm(self._block.partition)
        started = time.perf_counter()
        await self._store.insert(table, data, token)
        metrics.INSERT_SECONDS.labels(table).observe(time.perf_counter() - started)
        metrics.BLOCK_ROWS.labels(table).observe(rows)

    async def _not_there_before(self, table: Table, stored: StoredItems) -> StoredItems:
        """Leaves out replayed items that have rows in the table already: another one refused them.

        Rows of this very block stay: repeated under its token, they complete the views.
        """
        arrivals = stored.batch.arrivals
        if table is stored.batch.kind.tables[0] or not any(a.accepted.dead_ref for a in arrivals):
            return stored
        return stored._replace(items=await self._step.missing(table, stored, beside=self._block))

    async def _insert_beside(
        self, tables: Sequence[Table], stored: StoredItems, *, check: bool
    ) -> None:
        """Inserts into several tables at a time; raises what one met when all have ended.

        So no retry meets an insert that runs on, and when it goes on by parts, each other table of
        the block has its rows and its views have theirs: a part would not complete these.
        """
        works = (self._insert_whole(table, stored, check=check) for table in tables)
        results = await asyncio.gather(*works, return_exceptions=True)
        errors = [error for error in results if error is not None]
        try:
            if errors and all(isinstance(error, RowsRefused) for error in errors):
                refused = [one for one, error in zip(tables, results, strict=True) if error]
                await self._note_refusals(refused, stored)
            if errors:
                raise errors[0]
        finally:
            # An error knows this frame: with it the rows would stay until Python looks for cycles.
            del results, errors

    async def _note_refusals(self, refused: Sequence[Table], stored: StoredItems) -> None:
        self._refusals += 1
        if self._refusals >= REFUSALS_BEFORE_PARTS:
            # If rows are in the table, a view refuses them. By parts they would go in twice.
            self._by_parts = not await self._are_some_there(refused, stored)

    async def _are_some_there(self, tables: Sequence[Table], stored: StoredItems) -> bool:
        for table in tables:
            if len(await self._there(table, await self._not_there_before(table, stored))):
                return True
        return False

    async def _insert_whole(self, table: Table, whole: StoredItems, *, check: bool) -> None:
        stored = await self._not_there_before(table, whole)
        token = self._token(stored.batch.kind, table)
        await self._insert(table, stored.batch, stored.items, token)
        if check:
            await self._insert_lost(table, stored)

    async def _insert_by_parts(self, stored: StoredItems) -> dict[int, str]:
        """Stores what the store takes and returns the other items, each with the store's reason."""
        refused: dict[int, str] = {}
        for table in _in_order(stored.batch.kind):
            left = StoredItems(stored.batch, np.setdiff1d(stored.items, list(refused)))
            refused |= await self._insert_halves(table, left)
            taken = StoredItems(stored.batch, np.setdiff1d(left.items, list(refused)))
            await self._insert_lost(table, taken)
        return refused

    async def _insert_halves(self, table: Table, stored: StoredItems) -> dict[int, str]:
        key = stored.batch.kind.name, table.name
        if key not in self._todo:
            # An earlier try, or life, may have stored some under the token of another part.
            self._todo[key] = [await self._step.missing(table, stored)]
        todo, refused = self._todo[key], self._refused.setdefault(key, {})
        while todo:
            some = todo[-1]
            reason = await self._refusal(table, stored.batch, some) if len(some) else ""
            todo.pop()
            if reason and len(some) > 1:
                todo += [some[: len(some) // 2], some[len(some) // 2 :]]
            elif reason:
                refused[int(some[0])] = reason
        return refused

    async def _refusal(self, table: Table, batch: Batch, some: Numbers) -> str:
        """Stores a part; returns why the store takes none of it, and nothing where it has."""
        ends = [_name(batch, int(item)) for item in (some[0], some[-1])]
        token = f"{self._token(batch.kind, table)}/{ends[0]}-{ends[1]}+{len(some)}"
        try:
            await self._insert(table, batch, some, token)
        except RowsRefused as error:
            if len(await self._there(table, StoredItems(batch, some))):
                # A view's refusal: the rows are in, and must neither come again nor be dead.
                raise
            return str(error)[:500] or "refused"
        return ""

    async def _there(self, table: Table, stored: StoredItems) -> Numbers:
        """Returns those of the items that have rows in the table."""
        missing = await self._step.missing(table, stored)
        return np.setdiff1d(stored.having(table), missing)

    async def _insert_lost(self, table: Table, stored: StoredItems) -> None:
        """Stores rows whose token the store has, and not them: it was killed between the two.

        The views have them: the repeat before this has completed what they lacked.
        """
        missing = await self._step.missing(table, stored)
        if len(missing):
            if not table.merged:
                log.warning("rows lost by the store", token=self._block.token, count=len(missing))
            data = await asyncio.to_thread(encode, stored.batch.rows(table, missing))
            await self._checkpoints.confirm(self._block.partition)
            token = f"{self._token(stored.batch.kind, table)}/lost"
            await self._store.insert_past_views(table.name, data, token)

    def _token(self, kind: Kind, table: Table) -> str:
        """Returns the block's token for the rows of a kind in a table.

        Of several kinds with rows in one table each has a token of its own: the store would drop
        the rows of the second.
        """
        token = self._block.token
        return f"{token}/{kind.name}" if (kind.name, table.name) in SECOND else token

    async def _insert(self, table: Table, batch: Batch, items: Numbers, token: str) -> None:
        rows = batch.rows(table, items)
        if rows.num_rows:
            data = await asyncio.to_thread(encode, rows)
            await self.put(table.name, data, token, rows.num_rows)


def _in_order(kind: Kind) -> tuple[Table, ...]:
    """The first table says that an item is stored: its rows go in when all others are in."""
    return (*kind.tables[1:], kind.tables[0])


def _name(batch: Batch, item: int) -> str:
    return f"{batch.offsets[item]}:{batch.number[item]}"


def _dead_letters(block: Block, batch: Batch, refused: dict[int, str]) -> list[DeadLetter]:
    """Returns the dead letters of items whose bodies only the log has by now."""
    values = {record.offset: record.value or b"" for record in block.records}
    found = []
    for item, reason in sorted(refused.items()):
        offset, number = int(batch.offsets[item]), int(batch.number[item])
        index = number
        for chunk in decode_chunks(values[offset]):
            if index < len(chunk.items):
                ref = ref_of(*block.partition, offset, number)
                found.append(
                    dead_letter(block, chunk, index, ref, f"refused by the store: {reason}")
                )
                break
            index -= len(chunk.items)
    return found
