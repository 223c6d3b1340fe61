"""What every transport of Faust owes: order, fairness, prompt stops, lives that lose nothing."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from eventlog.log import TopicPartition
from processors.agents import BUFFERED_RECORDS
from schemas.kinds import SPANS, TRACES
from tests.integration.eventlog.logs import HEAD, until
from tests.integration.eventlog.streams import Receiver
from tests.integration.eventlog.transports import PARTITIONS, KafkaTransport, SqliteTransport

Transport: TypeAlias = SqliteTransport | KafkaTransport
MANY = 150
# A group of Kafka takes a second or two to hand a partition from one life of an app to the next.
SETTLED_S = 30.0


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.containers)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transport]:
    opened: Transport
    if request.param == "sqlite":
        opened = SqliteTransport(tmp_path)
    else:
        opened = KafkaTransport(request.getfixturevalue("kafka"), tmp_path)
    yield opened
    opened.close()


async def received(receiver: Receiver, count: int) -> None:
    await until(lambda: receiver.count() >= count, SETTLED_S)


async def test_every_partition_of_every_topic_is_delivered_in_order(log: Transport) -> None:
    rng = random.Random(4)
    partitions = [
        TopicPartition(t, n) for t in (TRACES.name, SPANS.name) for n in range(PARTITIONS)
    ]
    receiver, sent = Receiver(), dict.fromkeys(partitions, 0)
    await log.fill(40, partition=2)
    sent[TopicPartition(TRACES.name, 2)] += 40

    async with log.stream(receiver):
        for _ in range(60):
            partition = rng.choice(partitions)
            await log.fill(3, *partition)
            sent[partition] += 3
        await received(receiver, sum(sent.values()))

    assert {one: receiver.offsets(one) for one in partitions} == {
        one: list(range(count)) for one, count in sent.items()
    }


@pytest.mark.parametrize("topic", [TRACES.name, SPANS.name])
async def test_an_agent_that_waits_does_not_stop_another_topic(log: Transport, topic: str) -> None:
    other = SPANS.name if topic == TRACES.name else TRACES.name
    receiver = Receiver()
    receiver.blocked[topic] = asyncio.Event()
    for partition in range(PARTITIONS):
        await log.fill(MANY, topic, partition)

    async with log.stream(receiver) as stream:
        await until(lambda: stream.app.consumer._held, SETTLED_S)
        await log.fill(MANY, other, 1)
        await received(receiver, MANY)
        assert receiver.offsets(TopicPartition(other, 1)) == list(range(MANY))
        receiver.blocked[topic].set()
        await received(receiver, 4 * MANY)

    for partition in range(PARTITIONS):
        assert receiver.offsets(TopicPartition(topic, partition)) == list(range(MANY))


async def test_a_partition_that_is_full_stops_no_other(log: Transport) -> None:
    full, others = HEAD, [TopicPartition(TRACES.name, 1), TopicPartition(TRACES.name, 2)]
    receiver = Receiver()
    async with log.stream(receiver):
        await log.fill(5)
        await received(receiver, 5)
        receiver.full.add(full)

        for _ in range(3):
            await log.fill(MANY)
            for other in others:
                await log.fill(MANY, *other)
        await until(lambda: all(len(receiver.got[one]) == 3 * MANY for one in others), SETTLED_S)
        taken = len(receiver.got[full])
        receiver.full.clear()
        await received(receiver, 5 + 9 * MANY)

    assert taken == 5
    assert [receiver.offsets(one) for one in others] == [list(range(3 * MANY))] * 2
    assert receiver.offsets(full) == list(range(5 + 3 * MANY))


async def test_a_partition_that_is_full_is_let_go_with_what_is_held_of_it(log: Transport) -> None:
    await log.fill(MANY)
    first, second = Receiver(), Receiver()

    async with log.stream(first):
        await received(first, 1)
        first.full.add(HEAD)
        taken = len(first.got[HEAD])
        began = time.monotonic()
    took = time.monotonic() - began

    async with log.stream(second):
        await received(second, MANY - len(first.got[HEAD]))
    assert took < 2.0
    assert len(first.got[HEAD]) <= taken + BUFFERED_RECORDS
    assert first.offsets(HEAD) + second.offsets(HEAD) == list(range(MANY))


async def test_a_backlog_does_not_wait_for_anything_but_its_agent(log: Transport) -> None:
    """Room in a full buffer is noticed at once: 1,500 records through 32 places, in seconds."""
    for partition in range(PARTITIONS):
        await log.fill(500, partition=partition)
    receiver = Receiver()

    async with log.stream(receiver):
        await received(receiver, 1)
        began = time.monotonic()
        await received(receiver, 1_500)

    assert time.monotonic() - began < 15


async def test_a_new_app_goes_on_from_what_was_stored(log: Transport) -> None:
    await log.fill(MANY)
    first, second = Receiver(), Receiver()
    async with log.stream(first):
        await received(first, MANY)

    await log.fill(5)
    async with log.stream(second):
        await received(second, 5)

    assert log.next_offset(HEAD) == MANY + 5
    assert second.offsets(HEAD) == list(range(MANY, MANY + 5))


async def test_a_new_app_is_given_what_was_not_stored(log: Transport) -> None:
    await log.fill(20)
    first, second = Receiver(stores=False), Receiver()
    async with log.stream(first):
        await received(first, 20)
        first.stored[HEAD] |= {0, 1, 2, 5, 6, 19}

    async with log.stream(second):
        await received(second, 17)

    assert second.offsets(HEAD) == list(range(3, 20))


@pytest.mark.alone
async def test_stopping_while_an_agent_waits_is_prompt_and_loses_nothing(log: Transport) -> None:
    await log.fill(MANY)
    first, second = Receiver(), Receiver()
    first.blocked[TRACES.name] = asyncio.Event()

    async with log.stream(first) as stream:
        await until(lambda: stream.app.consumer._held, SETTLED_S)
        began = time.monotonic()
    took = time.monotonic() - began

    async with log.stream(second):
        await received(second, MANY)
    assert took < 2.0
    assert second.offsets(HEAD) == list(range(MANY))


async def test_stopping_at_any_moment_under_traffic_loses_nothing(log: Transport) -> None:
    rng = random.Random(6)
    seen: set[int] = set()
    rounds, batches, size = 4, 12, 5

    async def trickle() -> None:
        for _ in range(batches):
            await log.fill(size)

    for _ in range(rounds):
        receiver, enough = Receiver(), rng.randrange(batches * size)
        traffic = asyncio.create_task(trickle())
        async with log.stream(receiver):
            await received(receiver, enough)
        await traffic
        seen.update(receiver.offsets(HEAD))

    sent = rounds * batches * size
    last = Receiver()
    async with log.stream(last) as stream:
        await until(lambda: seen | set(last.offsets(HEAD)) == set(range(sent)), SETTLED_S)
        await stream.store()
    assert log.next_offset(HEAD) == sent


async def test_an_app_may_be_stopped_as_soon_as_it_was_started(log: Transport) -> None:
    await log.fill(5)
    for _ in range(3):
        async with log.stream(Receiver(stores=False)):
            pass
    receiver = Receiver()

    async with log.stream(receiver):
        await received(receiver, 5)

    assert receiver.offsets(HEAD) == [0, 1, 2, 3, 4]
