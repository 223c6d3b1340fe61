"""What a transport of Faust owes, on the embedded log: order, fairness, stops and new lives."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eventlog.log import LogUnavailable, TopicPartition
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import OUTCOMES
from schemas.kinds import SPANS, TRACES
from tests.integration.eventlog.logs import HEAD, append, append_each, chunk, until
from tests.integration.eventlog.streams import Receiver, Stream
from tests.integration.eventlog.test_every_log import append_in_another_process

SPAN_HEAD = TopicPartition(SPANS.name, 0)
OUTCOME = TopicPartition(OUTCOMES.name, 0)
MANY = 150


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(path, partitions=3)) as opened:
        yield opened


async def fill(log: SqliteLog, count: int, topic: str = TRACES.name, partition: int = 0) -> None:
    await append_each(log, [b"%d" % n for n in range(count)], topic, partition)


async def trickle(log: SqliteLog, batches: int, size: int) -> None:
    for _ in range(batches):
        await fill(log, size)


async def test_records_carry_their_values_and_a_damaged_one_carries_none(
    log: SqliteLog, tmp_path: Path
) -> None:
    receiver = Receiver()
    await append_each(log, [b"a", b"b"])
    expected = [stored.value for stored in log.read(HEAD, 0, 10, 1 << 20)]
    log._file.connection.execute("UPDATE records SET crc = crc + 1 WHERE (key & 1) = 1")

    async with Stream(log, tmp_path, receiver) as stream:
        await stream.settle(receiver, 2)

    assert [delivery.value for delivery in receiver.got[HEAD]] == [expected[0], None]


@pytest.mark.alone
async def test_records_of_another_process_are_seen_within_a_second(
    log: SqliteLog, tmp_path: Path, path: Path
) -> None:
    receiver = Receiver()

    async with Stream(log, tmp_path, receiver) as stream:
        await append(log, b"ours")
        await stream.settle(receiver, 1)
        done = await asyncio.to_thread(append_in_another_process, path, 3)
        await stream.settle(receiver, 4)
        assert time.monotonic() - done < 1.0

    assert receiver.offsets(HEAD) == [0, 1, 2, 3]


async def test_a_new_app_in_another_process_life_does_the_same(path: Path, tmp_path: Path) -> None:
    first, second = Receiver(stores=False), Receiver()
    with closing(SqliteLog(path)) as log:
        await fill(log, 20)
        async with Stream(log, tmp_path, first) as stream:
            await stream.settle(first, 20)
            first.stored[HEAD].add(0)

    with closing(SqliteLog(path)) as log:
        async with Stream(log, tmp_path, second) as stream:
            await stream.settle(second, 19)

    assert second.offsets(HEAD) == list(range(1, 20))


async def test_records_fetched_before_the_flow_stopped_are_fetched_again(
    log: SqliteLog, tmp_path: Path
) -> None:
    await fill(log, MANY)
    receiver = Receiver()

    async with Stream(log, tmp_path, receiver) as stream:
        consumer = stream.app.consumer
        deliver = consumer._deliver

        async def stop_flow_in_the_middle(*args: object) -> None:
            consumer._deliver = deliver
            consumer.stop_flow()
            await deliver(*args)

        await stream.settle(receiver, MANY)
        consumer._deliver = stop_flow_in_the_middle
        await fill(log, MANY)
        await until(lambda: not consumer.flow_active)
        consumer.resume_flow()
        await stream.settle(receiver, 2 * MANY)

    assert receiver.offsets(HEAD) == list(range(2 * MANY))


async def test_a_new_generation_is_given_everything_not_stored(
    log: SqliteLog, tmp_path: Path
) -> None:
    await fill(log, 20)
    receiver = Receiver(stores=False)

    async with Stream(log, tmp_path, receiver) as stream:
        consumer = stream.app.consumer
        await stream.settle(receiver, 20)
        generation = stream.app.consumer_generation_id
        receiver.stored[HEAD] |= set(range(8))
        await stream.store()

        await consumer.subscribe({TRACES.name, SPANS.name})
        await stream.settle(receiver, 32)

        assert stream.app.consumer_generation_id == generation + 1
        assert receiver.offsets(HEAD)[20:] == list(range(8, 20))
        await fill(log, 5)
        await stream.settle(receiver, 37)


async def test_what_was_read_before_a_seek_is_not_delivered_after_it(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(log, 20)
    receiver = Receiver(stores=False)
    reading, go_on = threading.Event(), threading.Event()
    read = log.read

    def slow_read(*args: Any) -> Any:
        found = read(*args)
        reading.set()
        assert go_on.wait(10)
        return found

    async with Stream(log, tmp_path, receiver) as stream:
        await stream.settle(receiver, 20)
        monkeypatch.setattr(log, "read", slow_read)
        await fill(log, 5)
        await until(reading.is_set)
        await stream.app.consumer.perform_seek()
        go_on.set()
        await stream.settle(receiver, 45)

    assert receiver.offsets(HEAD)[20:] == list(range(25))


async def test_trimmed_records_are_passed_over(log: SqliteLog, tmp_path: Path) -> None:
    await fill(log, 20)
    drop = partial(log._commits.drop, number=log._numbers[HEAD], last=9)
    assert await log._file.change(drop) == 10
    receiver = Receiver()

    async with Stream(log, tmp_path, receiver) as stream:
        await stream.settle(receiver, 10)

    assert receiver.offsets(HEAD) == list(range(10, 20))


async def test_a_log_that_cannot_be_read_for_a_moment_does_not_end_the_app(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    failures = 0

    def refuse(*_: object) -> None:
        nonlocal failures
        failures += 1
        raise LogUnavailable("for now")

    async with Stream(log, tmp_path, receiver) as stream:
        with monkeypatch.context() as patched:
            patched.setattr(log, "states", refuse)
            await append(log, b"a")
            await until(lambda: failures >= 2)
        await stream.settle(receiver, 1)
        assert not stream.app.crashed


async def test_a_listener_that_fails_does_not_end_the_writer(log: SqliteLog) -> None:
    def fail() -> None:
        raise RuntimeError("a bug in a listener")

    forget = log.on_append(fail)
    await append(log, b"a")
    await append(log, b"b")
    forget()

    assert await append(log, b"c") == 2


async def test_lives_of_apps_leave_nothing_behind_in_the_log(
    log: SqliteLog, tmp_path: Path
) -> None:
    for _ in range(3):
        async with Stream(log, tmp_path, Receiver()):
            pass

    assert log._commits._listeners == ()


def test_opening_and_closing_leaves_no_file_open(path: Path) -> None:
    SqliteLog(path).close()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(5):
        SqliteLog(path).close()

    assert len(os.listdir("/proc/self/fd")) == before


def _one(partition: TopicPartition) -> tuple[str, dict[int, object]]:
    return partition.topic, {partition.partition: chunk(b"x")}
