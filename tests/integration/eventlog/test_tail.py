"""What is appended is heard beside the stream, on both logs."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from eventlog import kafka_tail
from eventlog.kafka_tail import KafkaTail
from eventlog.log import EventLog, TopicPartition
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from eventlog.tail import SqliteTail, Tail
from schemas.kinds import DEPLOYS, TRACES
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.integration.eventlog.kafka_logs import KafkaLogs

WAIT_S = 30.0


def chunk(text: str, wire: str = "deploys.line") -> Chunk:
    return Chunk(ProjectId("p"), wire, 1, [text.encode()], ids=[text])


def tail_of(log: Any, logs: Any) -> Tail:
    if isinstance(logs, KafkaLogs):
        return KafkaTail(logs.address, DEPLOYS.name)
    return SqliteTail(log, DEPLOYS.name)


@asynccontextmanager
async def hearing(tail: Tail, heard: Callable[[Sequence[Chunk]], None]) -> Any:
    task = asyncio.create_task(tail.run(heard))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.01)


async def first_heard(log: EventLog, texts: list[str]) -> None:
    """Appends until something is heard: nobody says when listening begins."""
    async with asyncio.timeout(WAIT_S):
        while not texts:
            await append_chunks(log, DEPLOYS.name, {0: chunk("begin"), 1: chunk("begin")})
            await asyncio.sleep(0.05)


async def test_what_is_appended_from_now_on_is_heard_in_the_order_of_its_partition(
    logs: Any,
) -> None:
    log, texts = logs.open(2), list[str]()
    await append_chunks(log, DEPLOYS.name, {0: chunk("before")})

    def hear(chunks: Sequence[Chunk]) -> None:
        texts.extend(item.decode() for one in chunks for item in one.items)

    async with hearing(tail_of(log, logs), hear):
        await first_heard(log, texts)
        for number in range(50):
            await append_chunks(log, TRACES.name, {0: chunk("other topic", "pulse.trace")})
            await append_chunks(log, DEPLOYS.name, {number % 2: chunk(str(number))})
        await until(lambda: {"48", "49"} <= set(texts))

    told = [text for text in texts if text != "begin"]
    assert sorted(told, key=int) == [str(number) for number in range(50)]
    for part in (0, 1):
        ours = [int(text) for text in told if int(text) % 2 == part]
        assert ours == sorted(ours)


async def test_what_another_process_appends_is_heard_too(tmp_path: Path) -> None:
    one, other = (SqliteLog(tmp_path / "log.db", 2) for _ in range(2))
    texts = list[str]()

    def hear(chunks: Sequence[Chunk]) -> None:
        texts.extend(item.decode() for one in chunks for item in one.items)

    async with hearing(SqliteTail(one, DEPLOYS.name), hear):
        await first_heard(other, texts)
    one.close()
    other.close()

    assert set(texts) == {"begin"}


async def test_a_damaged_record_is_passed_over(tmp_path: Path) -> None:
    log, texts = SqliteLog(tmp_path / "log.db", 2), list[str]()

    def hear(chunks: Sequence[Chunk]) -> None:
        texts.extend(item.decode() for one in chunks for item in one.items)

    async with hearing(SqliteTail(log, DEPLOYS.name), hear):
        await first_heard(log, texts)
        number = log._numbers[TopicPartition(DEPLOYS.name, 0)]
        await log._file.change(lambda connection: log._commits.put(connection, number, b"x"))
        await append_chunks(log, DEPLOYS.name, {0: chunk("after")})
        await until(lambda: "after" in texts)
    log.close()


@pytest.mark.containers
async def test_a_broker_that_is_away_is_waited_for(
    kafka: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "PAUSE_S", 0.05)
    logs = KafkaLogs(kafka, tmp_path)
    log, texts = logs.open(2), list[str]()
    tail = KafkaTail(logs.address, DEPLOYS.name)
    consumer, failures = tail._consumer, []

    def failing() -> Any:
        if len(failures) < 2:
            failures.append(1)
            raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        return consumer()

    monkeypatch.setattr(tail, "_consumer", failing)

    def hear(chunks: Sequence[Chunk]) -> None:
        texts.extend(item.decode() for one in chunks for item in one.items)

    async with hearing(tail, hear):
        await first_heard(log, texts)
    logs.close()

    assert len(failures) == 2
