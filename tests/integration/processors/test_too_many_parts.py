"""Too many parts: why the store never has them, whatever is sent, when, and how late.

An insert makes one part in each month of arrival that its rows are of. So parts are few if inserts
are few (one a block, with an interval between two) and if no sender can choose the month.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clickhouse.client import Warehouse
from clickhouse.failures import AccessRefused
from eventlog.log import TopicPartition
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import Topic
from processors.blocks import Delivery
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.pipeline import build_steps
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas.kinds import SPANS, TRACES, kinds_of
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.e2e.payloads import new_id, span, trace
from tests.every_step import every_step
from tests.integration.eventlog.logs import until

pytestmark = pytest.mark.alone

PARTITIONS = 2
TIMEOUT_S = 120
DAY = timedelta(days=1)
TABLES = ("traces", "trace_sums", "session_sums", "spans", "spans_hourly", "span_marks", "outcomes")
FED_BY_TRACES = ("traces", "trace_sums", "session_sums", "outcomes")
MERGED = 20
"""Parts of one partition that merges leave; the engine slows inserts down at 1,000."""

Parts = Counter[tuple[str, str]]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    return load_book(tmp_path_factory.mktemp("prices"))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", partitions=PARTITIONS)
    yield opened
    opened.close()


class Counting:
    """Takes everything at once, and counts."""

    def __init__(self) -> None:
        self.inserts: Counter[tuple[str, str]] = Counter()

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Counts by table and partition."""
        self.inserts[table, token.split("/")[2]] += 1


class Stream:
    """The sink as a worker has it: its steps over the real store, fed from a real log."""

    def __init__(
        self, log: SqliteLog, warehouse: Warehouse, book: PriceBook, store: Any, **limits: Any
    ) -> None:
        steps = build_steps(
            warehouse.urgent, every_step(lambda: Prices(book)), window_s=3600, log2_filter_bits=20
        )
        self.sink = Sink(steps, log, store, BlockLimits(**limits))
        self.sink.start()
        self._log = log
        self._read = Counter[TopicPartition]()
        self.project = ProjectId(uuid.uuid4().hex)

    async def send(self, topic: Topic, *events: dict[str, Any], received: datetime) -> None:
        """Appends one record of events to each partition."""
        arrived_ns = int(received.timestamp()) * 10**9
        (kind,) = kinds_of(topic.name)
        chunks = {
            number: Chunk(
                self.project,
                kind.wire,
                arrived_ns,
                [msgspec.json.encode(event | {kind.id_field: new_id()}) for event in events],
            )
            for number in range(PARTITIONS)
        }
        await append_chunks(self._log, topic.name, chunks)

    async def hand_over(self) -> None:
        """Gives what was appended to the writers."""
        for topic in (TRACES, SPANS):
            for number in range(PARTITIONS):
                await self._deliver(TopicPartition(topic.name, number))

    async def store(self) -> None:
        """Hands over, and waits until all of it is stored."""
        await self.hand_over()
        assert await self.sink.drain(TIMEOUT_S)

    async def _deliver(self, partition: TopicPartition) -> None:
        for record in self._log.read(partition, self._read[partition], 10_000, 1 << 30):
            await self.sink.deliver(partition, Delivery(record.offset, record.value))
            self._read[partition] = record.offset + 1


def active_parts(warehouse: Warehouse) -> Parts:
    """Returns how many parts each table has in each of its partitions."""
    answer = warehouse.query_now(
        "SELECT table, partition_id, count() FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}"
        " GROUP BY table, partition_id",
        {"tables": list(TABLES)},
        {},
    )
    return Counter({(table, partition): count for table, partition, count in answer.rows})


@contextmanager
def no_merges(warehouse: Warehouse) -> Iterator[None]:
    """Keeps every part that is made, so that they can be counted."""
    try:
        for table in TABLES:
            warehouse.command_now(f"SYSTEM STOP MERGES {table}", None, {})
    except AccessRefused:
        pytest.skip("`sluice warehouse` lets nobody stop merges")
    try:
        yield
    finally:
        for table in TABLES:
            warehouse.command_now(f"SYSTEM START MERGES {table}", None, {})


async def test_full_blocks_do_not_wait_for_the_interval(
    log: SqliteLog, warehouse: Warehouse, book: PriceBook
) -> None:
    """A backlog of five full blocks, as after an outage: it goes as fast as the store takes it."""
    blocks, an_hour_s, store = 5, 3600.0, Counting()
    stream = Stream(log, warehouse, book, store, max_records=1, min_interval_s=an_hour_s)
    for _ in range(blocks):
        await stream.send(TRACES, trace(), received=datetime.now(UTC))

    await stream.store()
    await stream.sink.stop()

    assert store.inserts == {
        (table, str(number)): blocks
        for table in ("traces", "outcomes")
        for number in range(PARTITIONS)
    }


async def test_many_small_events_are_one_insert_an_interval(
    log: SqliteLog, warehouse: Warehouse, book: PriceBook
) -> None:
    interval_s, store = 0.3, Counting()
    stream = Stream(log, warehouse, book, store, min_interval_s=interval_s)

    started = time.monotonic()
    for _ in range(20):
        await asyncio.gather(
            *(stream.send(TRACES, trace(), received=datetime.now(UTC)) for _ in range(10))
        )
        await stream.hand_over()
    assert await stream.sink.drain(TIMEOUT_S)
    elapsed_s = time.monotonic() - started
    await stream.sink.stop()

    assert max(store.inserts.values()) <= elapsed_s / interval_s + 1


async def test_parts_stay_few_while_blocks_of_one_event_come_as_fast_as_the_engine_takes_them(
    log: SqliteLog, warehouse: Warehouse, book: PriceBook
) -> None:
    stream = Stream(log, warehouse, book, warehouse, max_records=1, min_interval_s=0.0)
    peak = 0

    for _ in range(8):
        for _ in range(5):
            await stream.send(TRACES, trace(), received=datetime.now(UTC))
            await stream.send(SPANS, span(), received=datetime.now(UTC))
        await stream.store()
        peak = max(peak, *active_parts(warehouse).values())
        await until(lambda: max(active_parts(warehouse).values()) <= MERGED, TIMEOUT_S)

    await stream.sink.stop()
    assert peak < slowed_down_at(warehouse) / 10


async def test_late_and_odd_times_of_events_make_no_more_parts(
    log: SqliteLog, warehouse: Warehouse, book: PriceBook
) -> None:
    """Partitions go by arrival, on the edge's clock: senders cannot choose them."""
    now = datetime.now(UTC)
    stream = Stream(log, warehouse, book, warehouse)
    times = [now - day * DAY for day in range(90)] + [datetime(1999, 1, 1, tzinfo=UTC)]

    with no_merges(warehouse):
        before = active_parts(warehouse)
        await stream.send(TRACES, *(trace(timestamp=at.isoformat()) for at in times), received=now)
        await stream.store()
        made = active_parts(warehouse) - before

    await stream.sink.stop()
    assert stored(warehouse, stream.project) == len(times) * PARTITIONS
    assert made == {(table, f"{now:%Y%m}"): PARTITIONS for table in FED_BY_TRACES}


async def test_a_replay_of_many_months_makes_one_part_a_month_and_block(
    log: SqliteLog, warehouse: Warehouse, book: PriceBook
) -> None:
    """Dead letters keep their time of arrival. What the engine bounds is parts of one partition,
    and there a block of a year makes no more than a block of a day."""
    months = [datetime(2025, number, 3, tzinfo=UTC) for number in range(1, 13)]
    blocks = 2
    stream = Stream(log, warehouse, book, warehouse, min_interval_s=0.0)

    with no_merges(warehouse):
        before = active_parts(warehouse)
        for _ in range(blocks):
            for received in months:
                await stream.send(TRACES, trace(), received=received)
            await stream.store()
        made = active_parts(warehouse) - before

    await stream.sink.stop()
    assert stored(warehouse, stream.project) == blocks * len(months) * PARTITIONS
    assert made == {
        (table, f"{received:%Y%m}"): blocks * PARTITIONS
        for table in FED_BY_TRACES
        for received in months
    }


def stored(warehouse: Warehouse, project: ProjectId) -> int:
    sql = "SELECT count() FROM traces WHERE project_id = {project:String}"
    return int(warehouse.query_now(sql, {"project": project}, {}).rows[0][0])


def slowed_down_at(warehouse: Warehouse) -> int:
    answer = warehouse.query_now(
        "SELECT value FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert'",
        None,
        {},
    )
    return int(answer.rows[0][0])
