"""Kafka away: every chunk that the edge took is in Kafka once in the end, and in its order."""

import asyncio
import random
import time

import pytest

from eventlog import spool_backlog
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_log import KafkaLog
from eventlog.log import LogFull, LogUnavailable, TopicPartition
from eventlog.spool import SPOOLED
from eventlog.spool_backlog import Backlog
from eventlog.topics import OUTCOMES
from schemas import metrics
from schemas.kinds import TRACES
from tests.chunks import append_chunks
from tests.integration.eventlog.edges import PARTITIONS, SEED, Edges, drained, numbers
from tests.integration.eventlog.kafka_logs import (
    append_all,
    configure,
    eventually,
    items_in,
    stored,
)
from tests.integration.eventlog.logs import append, chunk, refusal, until


async def test_while_kafka_is_paused_everything_is_taken_and_follows_in_order(
    edges: Edges,
) -> None:
    log = edges.open()
    await append_all(log, numbers(0, 20))

    edges.broker.pause()
    await append_all(log, numbers(20, 100))
    answer = await append_chunks(log, TRACES.name, {0: chunk(b"120"), 1: chunk(b"other")})
    assert answer == {0: SPOOLED, 1: SPOOLED}
    assert log.stored_bytes > 0
    edges.broker.resume()
    await append_all(log, numbers(121, 100))
    await drained(log)

    assert items_in(edges.address) == numbers(0, 221)
    assert items_in(edges.address, PARTITIONS[1]) == [b"other"]
    assert await append(log, b"direct") == len(stored(edges.address)) - 1


async def test_a_killed_broker_is_bridged(edges: Edges) -> None:
    log = edges.open()
    await append_all(log, numbers(0, 20))

    edges.broker.kill()
    await append_all(log, numbers(20, 50))
    await log.append_refusals([refusal(count=7)])
    edges.broker.start()
    await append_all(log, numbers(70, 20))
    await drained(log)

    assert items_in(edges.address) == numbers(0, 90)
    assert len(stored(edges.address, TopicPartition(OUTCOMES.name, 0))) == 1


async def test_load_through_an_outage_arrives_once_and_in_order(edges: Edges) -> None:
    """From several senders at once, with records of all sizes, and never quiet."""
    log = edges.open()
    rng = random.Random(SEED)
    ends = time.monotonic() + 6
    sent = [0, 0]

    async def sender(partition: int) -> None:
        while time.monotonic() < ends:
            batch = range(sent[partition], sent[partition] + rng.randrange(1, 8))
            sent[partition] = batch.stop
            payloads = [b"%d " % each + b"x" * rng.choice((10, 500, 20_000)) for each in batch]
            await asyncio.gather(*(append(log, one, partition=partition) for one in payloads))

    async def outages() -> None:
        for _ in range(3):
            await asyncio.sleep(rng.uniform(0.2, 0.6))
            edges.broker.pause()
            await asyncio.sleep(rng.uniform(0.2, 1.0))
            edges.broker.resume()

    await asyncio.gather(sender(0), sender(1), outages())
    await drained(log)

    for partition in PARTITIONS:
        found = [int(item.split()[0]) for item in items_in(edges.address, partition)]
        assert found == list(range(sent[partition.partition])), f"seed {SEED}"


async def test_a_spool_at_its_bound_refuses_and_says_so(edges: Edges) -> None:
    log = edges.open(max_bytes=20_000)
    await append(log, b"before")
    await drained(log)
    edges.broker.pause()

    taken = [b"before", *await fill(log)]

    assert len(taken) > 10
    assert log.stored_bytes <= 20_000
    await until(lambda: metrics.SPOOL_BYTES._value.get() > 10_000)
    await until(lambda: metrics.SPOOL_OLDEST_SECONDS._value.get() > 0.5)
    drained_before = metrics.SPOOL_DRAINED._value.get()
    edges.broker.resume()
    await drained(log)
    await until(lambda: metrics.SPOOL_BYTES._value.get() == 0)
    assert items_in(edges.address) == taken
    assert metrics.SPOOL_DRAINED._value.get() - drained_before == len(taken) - 1
    assert await append(log, b"after") == len(taken)


async def test_a_full_spool_takes_a_request_for_several_partitions_whole_or_not_at_all(
    edges: Edges,
) -> None:
    log = edges.open(max_bytes=30_000)
    edges.broker.pause()
    randbytes = random.Random(SEED).randbytes
    taken: dict[bytes, bytes] = {}

    async def send() -> bool:
        one, other = randbytes(700), randbytes(700)
        try:
            await append_chunks(log, TRACES.name, {0: chunk(one), 1: chunk(other)})
        except LogFull:
            return False
        taken[one] = other
        return True

    assert await send()
    answers = await asyncio.gather(*(send() for _ in range(100)))
    edges.broker.resume()
    await drained(log)

    assert 5 < sum(answers) < 40
    assert set(items_in(edges.address, PARTITIONS[0])) == set(taken)
    assert set(items_in(edges.address, PARTITIONS[1])) == set(taken.values())


async def fill(log: KafkaLog) -> list[bytes]:
    """Appends until the log refuses; returns what it took."""
    randbytes = random.Random(SEED).randbytes
    taken: list[bytes] = []
    while len(taken) < 100:
        item = randbytes(1_000)
        try:
            await append(log, item)
        except LogFull:
            return taken
        taken.append(item)
    raise AssertionError("the spool never refused")


async def test_a_closed_edge_leaves_its_spool_to_the_next(edges: Edges) -> None:
    log = edges.open()
    await append_all(log, numbers(0, 5))
    edges.broker.pause()
    waiting = [asyncio.create_task(append(log, item)) for item in numbers(5, 5)]
    await asyncio.sleep(0)

    await asyncio.to_thread(log.close)
    answers = await asyncio.gather(*waiting)
    edges.broker.resume()
    await drained(edges.open())

    assert set(answers) == {SPOOLED}
    assert items_in(edges.address) == numbers(0, 10)


async def test_the_next_edge_takes_what_comes_before_kafka_is_back(edges: Edges) -> None:
    log = edges.open()
    edges.broker.pause()
    await append_all(log, numbers(0, 10))
    await asyncio.to_thread(log.close)

    again = edges.open()
    await append_all(again, numbers(10, 10))
    edges.broker.resume()
    await append_all(again, numbers(20, 10))
    await drained(again)

    assert items_in(edges.address) == numbers(0, 30)


async def test_what_was_drained_but_not_dropped_yet_is_not_sent_again(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill leaves it that comes between the acknowledgement and the spool's hearing of it."""
    log = edges.open()
    edges.broker.pause()
    await append_all(log, numbers(0, 30))
    with monkeypatch.context() as patched:
        patched.setattr(Backlog, "note_arrived", lambda *_: None)
        edges.broker.resume()
        await eventually(lambda: len(items_in(edges.address)) == 30)
        await asyncio.to_thread(log.close)
    assert log.stored_bytes > 0

    again = edges.open()
    await append_all(again, numbers(30, 5))
    await drained(again)

    assert items_in(edges.address) == numbers(0, 35)


async def test_a_second_process_may_not_have_the_spool(edges: Edges) -> None:
    edges.open()

    with pytest.raises(LogUnavailable, match="in use"):
        edges.open()


async def test_records_that_kafka_refuses_wait_for_somebody_to_fix_it(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_backlog, "REFUSED_RETRY_S", 0.2)
    shorten(edges.address, 20_000)
    log = edges.open()
    edges.broker.pause()
    await append_all(log, numbers(0, 3))
    too_long = random.Random(SEED).randbytes(30_000)
    await append(log, too_long)
    await append_all(log, numbers(3, 3))

    edges.broker.resume()
    await eventually(lambda: len(items_in(edges.address)) == 6)
    assert log.stored_bytes > 30_000
    shorten(edges.address, 1 << 24)
    await drained(log)

    assert sorted(items_in(edges.address)) == sorted([*numbers(0, 6), too_long])


def shorten(address: KafkaAddress, max_message_bytes: int) -> None:
    configure(address, TRACES.name, "max.message.bytes", str(max_message_bytes))
