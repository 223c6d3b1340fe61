"""Records that may be in Kafka, since their producer broke: none is lost, none is there twice."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from eventlog import spool_search
from eventlog.batches import Batch
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_producer import KafkaProducer
from eventlog.kafka_records import Record, Report
from eventlog.kafka_scan import records_present
from eventlog.kafka_writer import KafkaLimits
from eventlog.log import AppendUncertain, LogUnavailable, TopicPartition
from eventlog.records import encode_chunks
from eventlog.spool_file import SpoolFile
from tests.integration.eventlog.edges import SEED, Edges, drained, numbers
from tests.integration.eventlog.fatal import break_producer
from tests.integration.eventlog.kafka_logs import append_all, barriers_in, eventually, items_in
from tests.integration.eventlog.logs import HEAD, append, chunk, until


async def test_a_producer_that_breaks_with_records_in_flight_is_replaced(edges: Edges) -> None:
    """Its requests are with the broker already: what is there is found, the rest sent."""
    log = edges.open()
    await append_all(log, numbers(0, 5))
    edges.broker.pause()
    await append_all(log, numbers(5, 5))

    broken = producer_of(log)
    break_producer(broken._producer)
    await until(lambda: producer_of(log) is not broken)
    await append_all(log, numbers(10, 5))
    edges.broker.resume()
    await append_all(log, numbers(15, 5))
    await drained(log)

    assert items_in(edges.address) == numbers(0, 20)
    assert barriers_in(edges.address) == 1


async def test_nobody_is_refused_because_a_producer_broke(edges: Edges) -> None:
    """Nor where it is a record that meets the error first."""
    log = edges.open()
    await append_all(log, numbers(0, 5))
    # Nobody hears of a report any more, and a record that lacks one holds up those after it.
    await drained(log)
    broken = producer_of(log)
    broken._closed.set()
    await asyncio.to_thread(broken._thread.join)

    break_producer(broken._producer)
    await append_all(log, numbers(5, 10))
    await drained(log)

    assert producer_of(log) is not broken
    assert items_in(edges.address) == numbers(0, 15)


async def test_records_that_a_broken_producer_never_reports_are_looked_for(edges: Edges) -> None:
    log = edges.open()
    await append_all(log, numbers(0, 5))
    edges.broker.pause()
    await append_all(log, numbers(5, 5))

    broken = producer_of(log)
    deafen(broken)
    break_producer(broken._producer)
    await until(lambda: producer_of(log) is not broken)
    edges.broker.resume()
    await drained(log)

    assert items_in(edges.address) == numbers(0, 10)
    assert await append(log, b"direct") == len(numbers(0, 10)) + barriers_in(edges.address)


async def test_what_follows_one_that_a_broken_producer_did_not_take_goes_behind_it(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are made together: the order of the spool is that of Kafka."""
    log = edges.open()
    send, failures = log.writer.sender.send, 1

    def fail_once(one: Record) -> None:
        nonlocal failures
        if one.value == value_of(b"1") and failures:
            failures -= 1
            raise LogUnavailable("the producer broke")
        send(one)

    monkeypatch.setattr(log.writer.sender, "send", fail_once)
    monkeypatch.setattr(Batch, "is_full", lambda _: True)
    monkeypatch.setattr(Batch, "takes", lambda *_: False)

    await append_all(log, numbers(0, 5))
    await drained(log)

    assert failures == 0
    assert items_in(edges.address) == numbers(0, 5)


async def test_what_becomes_uncertain_during_a_search_is_looked_for_too(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = edges.open()
    first, second = (record(item) for item in (b"first", b"second"))
    looked_for: list[set[str]] = []
    reports = [open_report(second)]

    def look(*args: Any, **kwargs: Any) -> set[str]:
        if set(args[2]) not in looked_for:
            # A broker that is slow to answer is searched again for the same.
            looked_for.append(set(args[2]))
        if reports:
            log.writer.jobs.soon(partial(log.writer.spool.reported, reports.pop()))
        return records_present(*args, **kwargs)

    monkeypatch.setattr(spool_search, "records_present", look)

    def keep_and_report() -> None:
        log.writer.spool.keep([first, second])
        log.writer.spool.reported(open_report(first))

    await in_the_log(log, keep_and_report)
    await until(lambda: len(looked_for) == 2, 60)
    await drained(log)

    assert looked_for == [{first.record_id}, {second.record_id}]
    assert items_in(edges.address) == [b"first", b"second"]


async def test_what_becomes_uncertain_while_a_page_is_handed_over_goes_before_the_page(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = edges.open()
    first, second = record(b"first"), unsent(b"second")
    hand, reports = SpoolFile.hand, [open_report(first)]

    def hand_and_report(file: SpoolFile, partition: TopicPartition, end: int) -> "Future[Any]":
        if end == 2 and reports:
            log.writer.jobs.soon(partial(log.writer.spool.reported, reports.pop()))
        return hand(file, partition, end)

    monkeypatch.setattr(SpoolFile, "hand", hand_and_report)

    def keep() -> None:
        log.writer.spool.keep([first, second])

    await in_the_log(log, keep)
    await eventually(lambda: len(items_in(edges.address)) == 2)
    await drained(log)

    assert items_in(edges.address) == [b"first", b"second"]


async def test_a_search_that_meets_a_bug_is_tried_again(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_search, "RETRY_S", 0.05)
    failures = 2

    def look(*args: Any, **kwargs: Any) -> set[str]:
        nonlocal failures
        if failures:
            failures -= 1
            raise RuntimeError("a bug")
        return records_present(*args, **kwargs)

    monkeypatch.setattr(spool_search, "records_present", look)
    log = edges.open()
    uncertain = record(b"uncertain")

    def keep_and_report() -> None:
        log.writer.spool.keep([uncertain])
        log.writer.spool.reported(open_report(uncertain))

    await in_the_log(log, keep_and_report)
    await eventually(lambda: items_in(edges.address) == [b"uncertain"])

    await drained(log)


async def test_what_kafka_may_have_and_the_spool_refuses_is_said_to_be_uncertain(
    edges: Edges,
) -> None:
    log = edges.open(max_bytes=2_000)
    edges.broker.pause()
    long = random.Random(SEED).randbytes(5_000)

    with pytest.raises(AppendUncertain):
        await append(log, long)

    edges.broker.resume()
    await eventually(lambda: items_in(edges.address) == [long])
    assert await append(log, b"after") == 1


async def test_a_record_that_the_broker_appends_late_is_found(edges: Edges) -> None:
    """It had the request before its sender died, and handles it after it answers others."""
    limits = KafkaLimits(produce_timeout_ms=20_000)
    sender = KafkaLog(edges.address, edges._counts, edges.path, limits)
    await append(sender, b"early")
    late = f"{sender.writer.records.instance}-2"
    since_ms = time.time_ns() // 1_000_000
    search = asyncio.create_task(
        asyncio.to_thread(
            records_present,
            edges.address,
            HEAD,
            {late, "never sent"},
            since_ms=since_ms,
            settle_s=2.0,
            stop=threading.Event(),
        )
    )
    await asyncio.sleep(0.5)
    await append(sender, b"late")
    await asyncio.to_thread(sender.close)

    assert await search == {late}


def record(item: bytes) -> Record:
    """Returns a record that a producer has had, and that nobody waits for."""
    sent = unsent(item)
    sent.sent_at = time.monotonic()
    return sent


def unsent(item: bytes) -> Record:
    name = f"test-{item.decode()}"
    return Record(name, HEAD, value_of(item), 1, time.time_ns() // 1_000_000)


def value_of(item: bytes) -> bytes:
    return encode_chunks([chunk(item)])


def open_report(one: Record) -> Report:
    return Report(one, -1, LogUnavailable("nobody knows"), is_open=True)


def producer_of(log: KafkaLog) -> KafkaProducer:
    return log.writer.sender.producer


def deafen(producer: KafkaProducer) -> None:
    """Has its reports never come, as where it would not end in time."""
    producer._on_reports = lambda _: None


async def in_the_log(log: KafkaLog, job: Callable[[], None]) -> None:
    done: Future[None] = Future()
    log.writer.jobs.soon(lambda: done.set_result(job()))
    await asyncio.wrap_future(done)
