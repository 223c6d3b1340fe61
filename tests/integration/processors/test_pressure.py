"""The sink under pressure: what it holds is bounded, and nothing that is full stands in its way."""

import asyncio
import gc
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eventlog.batches import MAX_RECORD_BYTES
from eventlog.group_commit import Limits
from eventlog.log import LogDamaged, LogFull, TopicPartition
from eventlog.records import Chunk, decode_chunks
from eventlog.sqlite_log import SqliteLog
from processors.block_write import BlockWrite
from processors.blocks import Batch, Delivery
from schemas import metrics
from schemas.checkpoints import Intent
from schemas.kinds import TRACE, TRACES
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.integration.cluster.workers import StallingStore
from tests.integration.eventlog.logs import until
from tests.integration.processors.sinks import (
    LIMITS,
    PARTITION,
    Store,
    Stream,
    append,
    dead_letters,
)

KEPT_MS = 3_600_000
SMALL = 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def kept(path: Path) -> Iterator[SqliteLog]:
    """A log that keeps what is stored."""
    log = SqliteLog(path, limits=Limits(keep_ms=KEPT_MS))
    yield log
    log.close()


def texts(count: int, size: int = 200) -> list[str]:
    """Items that do not compress to nothing."""
    noise = (random.Random(number).randbytes(size // 2).hex() for number in range(count))
    return [f"{number} {text}" for number, text in enumerate(noise)]


async def deliver(log: SqliteLog, stream: Stream, partition: int, text: str) -> None:
    place = TopicPartition(TRACES.name, partition)
    chunk = Chunk(ProjectId("p"), "pulse.trace", 1, [text.encode()])
    offset = (await append_chunks(log, TRACES.name, {partition: chunk}))[partition]
    for record in log.read(place, offset, 10, 1 << 30):
        await stream.sink.deliver(place, Delivery(offset, record.value))


async def append_all(log: SqliteLog, items: list[str]) -> None:
    for item in items:
        await append(log, item)


async def test_no_more_is_taken_over_than_the_bound_while_the_store_is_away(
    kept: SqliteLog,
) -> None:
    store = Store()
    stream = Stream(kept, store, replace(LIMITS, max_records=1, max_partition_waiting_bytes=SMALL))
    store.down = 1_000_000
    for text in texts(60):
        await append(kept, text)

    feeding = asyncio.create_task(stream.feed())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(feeding), 0.3)
    writer = stream.sink._writers[PARTITION]
    assert writer._waiting.bytes < SMALL + 1_000

    store.down = 0
    await feeding

    assert len(store.texts()) == 60
    await stream.stop()


async def test_kept_records_do_not_stand_before_a_pending_block(kept: SqliteLog) -> None:
    """The consumer's place is behind what is stored: more comes again than may wait."""
    store = Store()
    first = Stream(kept, store, replace(LIMITS, max_records=1))
    for text in texts(60):
        await append(kept, text)
    await first.feed()
    await first.stop()
    await append(kept, "pending")
    await kept.declare(PARTITION, Intent(60, 60, epoch="an earlier life"))

    second = Stream(kept, store, replace(LIMITS, max_partition_waiting_bytes=SMALL))
    await second.feed(0)

    assert "pending" in store.texts()
    assert len(store.texts()) == 61
    await second.stop()


async def test_a_bad_item_does_not_keep_a_full_log_full(path: Path) -> None:
    log = SqliteLog(path, limits=Limits(max_bytes=20_000))
    store = Store()
    await append(log, "unfit item", "a")
    with pytest.raises(LogFull):
        await append_all(log, texts(1_000))
    stream = Stream(log, store)

    await stream.feed()

    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"unfit item"]
    await append(log, "the next")
    await stream.stop()
    log.close()


async def test_a_damaged_log_is_not_asked_again_and_again(
    kept: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def damaged(*_: object) -> None:
        raise LogDamaged("a page is bad")

    monkeypatch.setattr(kept, "declare", damaged)
    stream = Stream(kept, Store())
    await append(kept, "a")
    (record,) = kept.read(PARTITION, 0, 1, 1 << 20)
    await stream.sink.deliver(PARTITION, Delivery(0, record.value))

    async with asyncio.timeout(5):
        failed = await stream.sink.failed

    assert "a page is bad" in repr(failed)
    await stream.stop()


async def test_a_repeated_block_looks_at_the_store_whatever_the_filter_knows(
    kept: SqliteLog,
) -> None:
    """The filter of a new process knows the window; the one that first settled it knew more."""
    store = Store()
    first = Stream(kept, store)
    await append(kept, "a")
    await first.feed()
    await first.stop()
    await append(kept, "a", "b")
    await kept.declare(PARTITION, Intent(1, 1, epoch="an earlier life"))

    second = Stream(kept, store)
    step = second.sink._steps[PARTITION.topic]
    await second.sink._warm[PARTITION.topic].wait()
    step._served[TRACE.wire].seen.clear()  # type: ignore[attr-defined]
    await second.feed(1)

    assert store.texts() == ["a", "b"]
    assert store.outcomes() == {"received": 3, "accepted": 2, "duplicate": 1}
    await second.stop()


async def test_a_filter_that_is_full_says_so_once_and_loses_nothing(
    kept: SqliteLog, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    stream = Stream(kept, store, replace(LIMITS, max_records=1), log2_filter_bits=10)
    for text in texts(200, size=4):
        await append(kept, text)

    await stream.feed()

    assert len(store.texts()) == 200
    assert metrics.DEDUP_FILTER_FILL.labels("trace")._value.get() > 1
    assert capsys.readouterr().out.count("duplicates filter is full") == 1
    await stream.stop()


async def test_rows_that_are_stored_are_gone_without_the_garbage_collector(
    kept: SqliteLog,
) -> None:
    """Large rows hardly call it: some hundred objects may hold a gigabyte."""
    store = Store()
    stream = Stream(kept, store)
    store.down = 2
    gc.collect()
    gc.disable()
    try:
        await append_all(kept, texts(5))
        await stream.feed()

        assert len(store.texts()) == 5
        assert [one for one in gc.get_objects() if isinstance(one, BlockWrite | Batch)] == []
    finally:
        gc.enable()
        await stream.stop()


async def test_blocks_of_all_partitions_have_one_bound_together(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=8)
    store = StallingStore()
    stream = Stream(log, store, replace(LIMITS, max_records=1, max_in_hand_bytes=25_000))
    store.go.clear()
    store.log = None
    budget = stream.sink._budgets[TRACES.name]
    most = 0
    for partition, text in enumerate(texts(8, 10_000)):
        await deliver(log, stream, partition, text)
        await asyncio.sleep(0.02)
        most = max(most, budget.used())
    assert 20_000 <= most <= 25_000

    store.go.set()
    assert await stream.sink.drain(10)
    assert len(store.rows()) == 8
    assert budget.used() == 0
    await stream.stop()
    log.close()


async def test_blocks_that_are_not_taken_leave_the_bound_to_the_others(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=8)
    store = Store()
    stream = Stream(log, store, replace(LIMITS, max_records=1, max_in_hand_bytes=25_000))
    store.stuck = set(range(7))
    store.log = None
    budget = stream.sink._budgets[TRACES.name]
    for text in texts(3, 10_000):
        for partition in store.stuck:
            await deliver(log, stream, partition, f"{partition} {text}")
    writers = stream.sink._writers.values()
    await until(lambda: all(writer._failing for writer in writers))

    for text in texts(20, 10_000):
        await deliver(log, stream, 7, text)
    await until(lambda: len(store.rows()) == 20)

    store.stuck = set()
    assert await stream.sink.drain(10)
    assert len(store.rows()) == 20 + 3 * 7
    assert store.outcomes() == {"received": 41, "accepted": 41}
    assert budget.used() == 0
    await stream.stop()
    log.close()


async def test_a_block_that_waits_for_its_next_try_holds_no_rows(
    kept: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processors.block_write.FIRST_PAUSE_S", 3600.0)
    store = Store()
    stream = Stream(kept, store, replace(LIMITS, max_records=1, longest_pause_s=3600.0))
    store.stuck = {0}
    for text in texts(5):
        await append(kept, text)
    feeding = asyncio.create_task(stream.feed())
    await until(lambda: PARTITION in stream.sink._writers)
    await until(lambda: stream.sink._writers[PARTITION]._failing)

    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, Batch)] == []

    feeding.cancel()
    await stream.stop()


async def test_a_partition_that_goes_elsewhere_gives_its_share_back(kept: SqliteLog) -> None:
    store = Store()
    stream = Stream(kept, store)
    store.down = 1_000_000
    await append_all(kept, texts(3))
    feeding = asyncio.create_task(stream.feed())
    budget = stream.sink._budgets[TRACES.name]
    async with asyncio.timeout(10):
        while not budget.used():  # noqa: ASYNC110 - the sink tells nobody
            await asyncio.sleep(0.01)

    await stream.sink.let_go([PARTITION], 0.0)

    assert budget.used() == 0
    feeding.cancel()
    await stream.stop()


async def test_a_large_request_is_read_in_records_of_the_usual_size(kept: SqliteLog) -> None:
    items = [bytes([number]) * 400_000 for number in range(10)]

    offsets = await append_chunks(kept, TRACES.name, {0: Chunk(ProjectId("p"), "w", 1, items)})

    records = kept.read(PARTITION, 0, 100, 1 << 30)
    chunks = [chunk for record in records for chunk in decode_chunks(record.value or b"")]
    assert [item for chunk in chunks for item in chunk.items] == items
    assert max(sum(map(len, chunk.items)) for chunk in chunks) <= MAX_RECORD_BYTES
    assert offsets == {0: records[-1].offset}
