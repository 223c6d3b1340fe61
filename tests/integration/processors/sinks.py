"""A sink over a real log, with a store that does what the test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from clickhouse.errors import RowsRefused, WarehouseUnavailable
from eventlog.log import TopicPartition
from eventlog.records import Chunk, DeadLetter, decode_dead
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import DEAD, TRACES
from processors.blocks import Delivery
from processors.columns import Unfit
from processors.events import EventKey, EventStep, Meaning
from processors.seen import Hashes, SeenFilter
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas.ids import event_hash
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow, Position, Source

PARTITION = TopicPartition(TRACES.name, 0)
TIMEOUT_S = 10
LIMITS = BlockLimits(min_interval_s=0.0, longest_pause_s=0.001)


class Row:
    """What the step under test makes of an item."""

    computed_cost_pico = 0
    input_tokens = None

    def __init__(self, project_id: str, text: str, position: Position) -> None:
        self.project_id = project_id
        self.text = text
        self.position = position


class Store:
    """Keeps rows as ClickHouse does: a token is taken once, with whatever rows came first."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[str, str], list[Any]] = {}
        self.down = 0
        self.lost_answers = 0
        self.poison: set[str] = set()
        self.unencodable: set[str] = set()
        self.log: SqliteLog | None = None
        """Given one, no insert may come before its intent is written down."""
        self.pending: dict[bytes, list[Any]] = {}

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        if self.log is not None:
            pending = (await self.log.progress(PARTITION)).pending
            assert pending is not None
            assert f"{pending.first}-{pending.last}" in token
        if self.down:
            self.down -= 1
            raise WarehouseUnavailable("down")
        rows = self.pending[arrow_stream]
        if any(getattr(row, "text", "") in self.poison for row in rows):
            raise RowsRefused("cannot parse")
        self.tokens.setdefault((table, token), rows)
        if self.lost_answers:
            self.lost_answers -= 1
            raise WarehouseUnavailable("the answer was lost")

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        await self.insert(table, arrow_stream, token)

    def encode(self, rows: Sequence[Any]) -> bytes:
        if any(getattr(row, "text", "") in self.unencodable for row in rows):
            raise OverflowError("too large to convert")
        key = str(len(self.pending)).encode()
        self.pending[key] = list(rows)
        return key

    def encode_outcomes(self, rows: Sequence[OutcomeRow]) -> bytes:
        return self.encode(rows)

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

    async def stored_at(self, keys: Sequence[EventKey]) -> Mapping[EventKey, Position]:
        found = {(row.project_id, row.text): row.position for row in self.rows()}
        return {key: found[key] for key in keys if key in found}

    async def recent_hashes(self, source: Source | None) -> AsyncIterator[Hashes]:
        import numpy as np

        keys = [event_hash(row.project_id, row.text) for row in self.rows()]
        yield np.array(keys, dtype=np.uint64)


def build(body: bytes, *, project_id: ProjectId, received_at_us: int, position: Position) -> Row:
    if body.startswith(b"unfit"):
        raise Unfit("not fit")
    if body.startswith(b"bug"):
        raise KeyError("a bug of ours")
    return Row(project_id, body.decode(), position)


class Stream:
    """A sink that is fed from the log as the agents feed it."""

    def __init__(
        self,
        log: SqliteLog,
        store: Store,
        limits: BlockLimits = LIMITS,
        *,
        log2_filter_bits: int = 20,
    ) -> None:
        meaning = Meaning("trace", "traces", build, lambda row: row.text, store.encode)
        step = EventStep(meaning, store, SeenFilter(log2_filter_bits, 3600))
        self.acked: list[int] = []
        self.sink = Sink({TRACES.name: step}, log, store, limits)
        self.sink.start()
        store.log = log
        self._log = log

    async def feed(self, start: int = 0) -> None:
        for record in self._log.read(PARTITION, start, 10_000, 1 << 30):
            offset = record.offset
            delivery = Delivery(
                offset, record.value, lambda offset=offset: self.acked.append(offset)
            )
            async with asyncio.timeout(TIMEOUT_S):
                await self.sink.deliver(PARTITION, delivery)
        assert await self.sink.drain(TIMEOUT_S)

    async def stop(self) -> None:
        await self.sink.stop()


async def append(log: SqliteLog, *items: str, project: str = "p", dead_ref: str = "") -> None:
    bodies = [item.encode() for item in items]
    chunk = Chunk(ProjectId(project), "pulse.trace", 60_000_000_000, bodies, dead_ref)
    await log.append_chunks(TRACES.name, {0: chunk})


def letters(log: SqliteLog) -> list[DeadLetter]:
    records = log.read(TopicPartition(DEAD.name, 0), 0, 1_000, 1 << 30)
    return [letter for record in records for letter in decode_dead(record.value or b"").letters]
