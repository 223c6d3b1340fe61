"""What a fatal error in Kafka's client does, and a bug in the log's own thread: not much."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eventlog import kafka_lost
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_producer import KafkaProducer
from eventlog.kafka_records import Record, Report
from eventlog.kafka_writer import PartitionQueue
from eventlog.log import LogUnavailable, TopicPartition
from tests.integration.eventlog.fatal import break_producer
from tests.integration.eventlog.kafka_logs import append_all, items_in, made, own_address
from tests.integration.eventlog.logs import HEAD, append, dead_letter, until

TIMEOUT_S = 60.0
OTHER = TopicPartition(HEAD.topic, 1)


@pytest.fixture
def address(kafka: Any) -> KafkaAddress:
    return own_address(kafka)


@pytest.fixture
def log(address: KafkaAddress, path: Path) -> Iterator[KafkaLog]:
    with closing(KafkaLog(address, made(address, 2), path)) as opened:
        yield opened


async def test_a_fatal_error_is_told_once_and_leaves_open_what_was_in_flight() -> None:
    reports: list[Report] = []
    troubles: list[float] = []
    producer = KafkaProducer(
        KafkaAddress(("127.0.0.1:9",)),
        max_message_bytes=1 << 20,
        max_queued_bytes=1 << 20,
        on_reports=reports.extend,
        on_trouble=lambda: troubles.append(time.monotonic()) if producer.is_broken else None,
    )

    def send(record_id: str) -> None:
        producer.send(Record(record_id, HEAD, b"x", 1, int(time.time() * 1000)))

    send("a")
    break_producer(producer._producer)
    await until(lambda: troubles)
    with pytest.raises(LogUnavailable):
        send("b")
    await asyncio.to_thread(producer.abandon)

    assert len(troubles) == 1
    assert [(report.record.record_id, report.is_open) for report in reports] == [("a", True)]


async def test_a_log_whose_client_broke_goes_on_with_a_new_one(
    address: KafkaAddress, log: KafkaLog
) -> None:
    await append_all(log, [b"0", b"1"])
    broken = log.writer.sender.producer

    break_producer(broken._producer)
    await until(lambda: log.writer.sender.producer is not broken)
    await append_all(log, [b"2", b"3"])

    assert items_in(address) == [b"0", b"1", b"2", b"3"]


async def test_a_client_that_has_lost_its_brokers_is_replaced(
    address: KafkaAddress, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_lost, "ANSWER_S", 1.0)
    await append_all(log, [b"0"])
    sender = log.writer.sender
    sender.producer.abandon()
    sender.producer = lost = KafkaProducer(
        KafkaAddress(("127.0.0.1:9",)),
        max_message_bytes=1 << 20,
        max_queued_bytes=1 << 20,
        on_reports=lambda reports: log.writer.jobs.soon(partial(sender._settle, reports)),
        on_trouble=lambda: None,
    )

    await append_all(log, [b"1", b"2"])
    await until(lambda: sender.producer is not lost, TIMEOUT_S)

    await until(lambda: items_in(address) == [b"0", b"1", b"2"], TIMEOUT_S)
    await until(lambda: not log.writer.spool.is_active(), TIMEOUT_S)


async def test_a_log_goes_on_though_its_spool_fails(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: float) -> float:
        raise RuntimeError("a bug in the spool")

    monkeypatch.setattr(log.writer.spool, "advance", fail)

    assert await append(log, b"a") == 0
    assert await append(log, b"b") == 1


async def test_a_log_goes_on_with_the_other_partitions_when_one_fails(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = log.writer._advance_queue
    failures = 2

    def fail(queue: PartitionQueue, now: float) -> float:
        nonlocal failures
        if queue.partition == HEAD and failures:
            failures -= 1
            raise RuntimeError("a bug that one partition meets")
        return advance(queue, now)

    monkeypatch.setattr(log.writer, "_advance_queue", fail)

    waiting = asyncio.create_task(append(log, b"a"))
    assert await append(log, b"b", partition=OTHER.partition) == 0
    assert await waiting == 0


async def test_dead_letters_are_kept_by_a_new_client_after_a_fatal_error(
    address: KafkaAddress,
) -> None:
    made(address)
    with KafkaDeadLetters(address) as box:
        await box.append([dead_letter("a")])
        assert box._writer.producer is not None
        break_producer(box._writer.producer)

        with pytest.raises(LogUnavailable):
            await box.append([dead_letter("b")])
        await box.append([dead_letter("b"), dead_letter("c")])

        assert [one.ref for one in box.summaries()] == ["a", "b", "c"]
