"""A partition whose insert is refused, on both logs: the others go on, and it loses nothing."""

import base64
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import pytest

from eventlog.log import TopicPartition
from processors.agents import BUFFERED_RECORDS
from schemas.kinds import TRACES
from tests.integration.eventlog.logs import until
from tests.integration.processors.sinks import Store
from tests.integration.processors.stuck import LIMITS, PARTITIONS, EmbeddedStream, KafkaStream

Stream: TypeAlias = EmbeddedStream | KafkaStream
STUCK = 0
ITEM_BYTES = 256 << 10
SETTLED_S = 60.0
BEYOND_BYTES = 64 << 20


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.containers)])
async def stream(
    request: pytest.FixtureRequest, tmp_path: Path, store: Store
) -> AsyncIterator[Stream]:
    opened: Stream
    if request.param == "sqlite":
        opened = EmbeddedStream(tmp_path, store)
    else:
        opened = KafkaStream(tmp_path, store, request.getfixturevalue("kafka"))
    await opened.start()
    yield opened
    await opened.stop()
    await opened.close()


def items(rounds: int, seed: int = 8) -> list[list[bytes]]:
    """Returns an item for each partition and round, which hardly compress."""
    rng = random.Random(seed)
    return [
        [base64.b85encode(rng.randbytes(ITEM_BYTES * 4 // 5)) for _ in range(PARTITIONS)]
        for _ in range(rounds)
    ]


async def stored_of_others(store: Store, sent: list[list[bytes]]) -> None:
    count = len(sent) * (PARTITIONS - 1)
    await until(
        lambda: sum(row.position.partition != STUCK for row in store.rows()) >= count, SETTLED_S
    )


@pytest.mark.slow
async def test_a_partition_whose_insert_is_refused_delays_no_other(
    stream: Stream, store: Store
) -> None:
    first, rounds = items(1, seed=1), items(BEYOND_BYTES // ITEM_BYTES // (PARTITIONS - 1) + 1)
    store.stuck = {STUCK}
    await stream.append(first[0])
    await stored_of_others(store, first)

    for number, one in enumerate(rounds):
        await stream.append(one)
        if number % 20 == 0:
            await stored_of_others(store, first + rounds[: number + 1])
    await stored_of_others(store, first + rounds)

    writer = stream.sink._writers[TopicPartition(TRACES.name, STUCK)]
    most = LIMITS.max_partition_waiting_bytes + (BUFFERED_RECORDS + 1) * ITEM_BYTES
    assert LIMITS.max_partition_waiting_bytes <= writer._waiting.bytes <= most
    assert not [row for row in store.rows() if row.position.partition == STUCK]

    store.stuck = set()
    sent = [text.decode() for one in first + rounds for text in one]
    await until(lambda: len(store.rows()) >= len(sent), SETTLED_S)
    await until(lambda: store.outcomes()["accepted"] >= len(sent))
    assert store.texts() == sorted(sent)
    assert store.outcomes() == {"received": len(sent), "accepted": len(sent)}
    offsets = [row.position.offset for row in store.rows() if row.position.partition == STUCK]
    assert offsets == sorted(offsets)


async def test_a_stream_that_is_stopped_with_a_stuck_partition_goes_on_where_it_was(
    stream: Stream, store: Store
) -> None:
    rounds = items(30, seed=2)
    store.stuck = {STUCK}
    for one in rounds:
        await stream.append(one)
    await stored_of_others(store, rounds)

    await stream.stop()
    store.stuck = set()
    await stream.start()

    sent = [text.decode() for one in rounds for text in one]
    await until(lambda: store.outcomes()["accepted"] >= len(sent), SETTLED_S)
    assert store.texts() == sorted(sent)
    assert store.outcomes() == {"received": len(sent), "accepted": len(sent)}
