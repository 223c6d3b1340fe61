"""A sink over a real log, with a store that does what the test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from clickhouse.failures import RowsRefused, WarehouseUnavailable
from eventlog.log import TopicPartition
from eventlog.records import Chunk, DeadLetter, decode_dead
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import DEAD
from processors.blocks import Delivery, EventKey, KindStep
from processors.columns import Rows, Unfit, row_by_row
from processors.events import EventStep
from processors.seen import Hashes, SeenFilter
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas.ids import event_hash
from schemas.kinds import TRACE, TRACES, Table
from schemas.projects import ProjectId
from schemas.rows import Position, Source
from tests.chunks import append_chunks
from tests.integration.eventlog.logs import until

PARTITION = TopicPartition(TRACES.name, 0)
TIMEOUT_S = 10
LIMITS = BlockLimits(min_interval_s=0.0, longest_pause_s=0.001)
PLAIN = replace(TRACE, tables=TRACE.tables[:1])
"""Calls without the texts of their prompts."""
ARRIVED_S = 60
"""Since 1970: when the items of `append` came."""


class Row:
    """What the step under test makes of an item."""

    def __init__(self, project_id: str, text: str, position: Position) -> None:
        self.project_id = project_id
        self.text = text
        self.position = position


class Count:
    """A row of the ledger."""

    def __init__(self, outcome: str, count: int) -> None:
        self.outcome = outcome
        self.count = count


class Store:
    """Keeps rows as ClickHouse does: a token is taken once, with whatever rows came first."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[str, str], list[Any]] = {}
        self.down = 0
        self.lost_answers = 0
        self.stuck: set[int] = set()
        """Partitions of which no insert is taken."""
        self.poison: set[str] = set()
        self.unencodable: set[str] = set()
        self.all_is_old = False
        """Beyond the window that a filter learns at its start."""
        self.log: SqliteLog | None = None
        """Given one, no insert may come before its intent is written down."""

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        if self.log is not None:
            pending = (await self.log.progress(PARTITION)).pending
            assert pending is not None
            assert f"{pending.first}-{pending.last}" in token
        if self.down:
            self.down -= 1
            raise WarehouseUnavailable("down")
        if any(f"/{TRACES.name}/{number}/" in token for number in self.stuck):
            raise WarehouseUnavailable("this one not")
        rows = rows_in(arrow_stream)
        if any(getattr(row, "text", "") in self.poison for row in rows):
            raise RowsRefused("cannot parse")
        self.tokens.setdefault((table, token), rows)
        if self.lost_answers:
            self.lost_answers -= 1
            raise WarehouseUnavailable("the answer was lost")

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        await self.insert(table, arrow_stream, token)

    def columns(self, texts: Sequence[str]) -> None:
        """Called when columns are built of what items hold."""
        if self.unencodable & set(texts):
            raise OverflowError("too large to convert")

    def rows(self) -> list[Row]:
        return [
            row for (table, _), rows in self.tokens.items() if table == "traces" for row in rows
        ]

    def texts(self) -> list[str]:
        return sorted(row.text for row in self.rows())

    def outcomes(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for (table, _), rows in self.tokens.items():
            if table == "outcomes":
                for row in rows:
                    counts[row.outcome] += row.count
        return counts

    async def stored_at(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Position]:
        found = {(row.project_id, row.text): row.position for row in self.rows()}
        return {key: found[key] for key in keys if key in found}

    async def kept_values(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Sequence[Any]]:
        return {}

    async def recent_hashes(self, table: Table, source: Source | None) -> AsyncIterator[Hashes]:
        rows = [] if self.all_is_old else self.rows()
        keys = [event_hash(row.project_id, row.text) for row in rows]
        yield np.array(keys, dtype=np.uint64)


def rows_in(arrow_stream: bytes) -> list[Any]:
    """Returns what an insert holds."""
    found = pa.ipc.open_stream(arrow_stream).read_all().to_pylist()
    if found and "outcome" in found[0]:
        return [Count(row["outcome"], row["count"]) for row in found]
    return [
        Row(
            row["project_id"],
            row["trace_id"],
            Position(row["log_id"], row["log_partition"], row["log_offset"]),
        )
        for row in found
    ]


def kind_step(store: Store) -> KindStep:
    """Returns a step whose items are their own ids."""

    def row_of(body: bytes, _: str) -> tuple[str]:
        if body.startswith(b"unfit"):
            raise Unfit("not fit")
        if body.startswith(b"bug"):
            raise KeyError("a bug of ours")
        return (body.decode(),)

    def tables_of(columns: Sequence[Sequence[str]]) -> Mapping[str, Rows]:
        store.columns(columns[0])
        return {"traces": Rows({})}

    return KindStep(PLAIN, lambda sent: row_by_row(sent, row_of, tables_of))


class Stream:
    """A sink that is fed from the log as the agents feed it."""

    def __init__(
        self,
        log: SqliteLog,
        store: Store,
        limits: BlockLimits = LIMITS,
        *,
        log2_filter_bits: int = 20,
        step: KindStep | None = None,
    ) -> None:
        step = EventStep(
            [step or kind_step(store)], store, lambda: SeenFilter(log2_filter_bits, 3600)
        )
        self.sink = Sink({TRACES.name: step}, log, store, limits)
        self.sink.start()
        store.log = log
        self._log = log

    async def feed(self, start: int = 0, *, appended_at_s: float = ARRIVED_S) -> None:
        for record in self._log.read(PARTITION, start, 10_000, 1 << 30):
            delivery = Delivery(record.offset, record.value, appended_at_s)
            # As the consumer asks, before each record.
            await until(lambda: self.sink.has_room(PARTITION), TIMEOUT_S)
            async with asyncio.timeout(TIMEOUT_S):
                await self.sink.deliver(PARTITION, delivery)
        assert await self.sink.drain(TIMEOUT_S)

    async def stop(self) -> None:
        await self.sink.stop()


async def append(
    log: SqliteLog,
    *items: str,
    project: str = "p",
    dead_ref: str = "",
    wire: str = TRACE.wire,
    ids: Sequence[str] = (),
) -> None:
    bodies = [item.encode() for item in items]
    chunk = Chunk(ProjectId(project), wire, ARRIVED_S * 1_000_000_000, bodies, dead_ref, list(ids))
    await append_chunks(log, TRACES.name, {0: chunk})


def dead_letters(log: SqliteLog) -> list[DeadLetter]:
    records = log.read(TopicPartition(DEAD.name, 0), 0, 1_000, 1 << 30)
    return [
        dead_letter
        for record in records
        for dead_letter in decode_dead(record.value or b"").dead_letters
    ]
