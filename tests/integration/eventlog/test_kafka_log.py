"""What Kafka's log owes beside what every log does: its errors, its headers, and its bounds."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from eventlog import kafka_producer
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_writer import KafkaLimits
from eventlog.log import BrokerRefused, LogFull
from eventlog.records import ENVELOPE_VERSION
from eventlog.spool import SPOOLED
from schemas.kinds import TRACES
from tests.chunks import append_chunks
from tests.components.kafka import KafkaBroker
from tests.integration.eventlog.kafka_logs import (
    append_all,
    configure,
    items_in,
    made,
    messages,
    own_address,
    stored,
)
from tests.integration.eventlog.logs import append, items_of, until

noise = random.Random(20_261_121).randbytes
Open = Callable[..., KafkaLog]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    logs: list[KafkaLog] = []

    def open_(address: KafkaAddress, **limits: int) -> KafkaLog:
        path = tmp_path / f"{len(logs)}.db"
        counts = {"raw.traces": 2, "outcomes": 1}
        logs.append(KafkaLog(address, counts, path, KafkaLimits(**limits)))
        return logs[-1]

    yield open_
    for log in logs:
        await asyncio.to_thread(log.close)


@pytest.fixture
def address(kafka: Any) -> KafkaAddress:
    found = own_address(kafka)
    made(found, 2)
    return found


async def test_a_record_tells_its_version_its_items_and_a_name_of_its_own(
    address: KafkaAddress, opened: Open
) -> None:
    log = opened(address)
    await append(log, b"a", b"b")
    await append(log, b"c")

    found = [dict(message.headers() or []) for message in messages(address)]

    assert [one["items"] for one in found] == [b"2", b"1"]
    assert {one["schema"] for one in found} == {str(ENVELOPE_VERSION).encode()}
    assert len({one["id"] for one in found}) == 2


async def test_the_largest_item_passes(address: KafkaAddress, opened: Open) -> None:
    item = noise(16 << 20)

    await append(opened(address, produce_timeout_ms=20_000), item)

    assert items_in(address) == [item]


async def test_a_request_beyond_a_record_becomes_several(
    address: KafkaAddress, opened: Open
) -> None:
    log = opened(address)
    many, long = [b"%d" % n for n in range(2_500)], [noise(400_000) for _ in range(7)]

    last_of_many = await append(log, *many)
    last_of_long = await append(log, *long)

    assert items_in(address) == many + long
    sizes = [len(items_of(one)) for one in stored(address)]
    assert (last_of_many, last_of_long) == (2, len(sizes) - 1)
    assert sizes == [1_000, 1_000, 500, 2, 2, 2, 1]


async def test_what_is_too_long_for_a_record_is_refused_without_harm_to_its_neighbours(
    address: KafkaAddress, opened: Open
) -> None:
    log = opened(address, max_message_bytes=100_000)

    answers = await asyncio.gather(
        append(log, b"a"), append(log, noise(200_000)), append(log, b"b"), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [int, BrokerRefused, int]
    assert items_in(address) == [b"a", b"b"]
    assert log.queued_bytes == 0


async def test_what_the_broker_finds_too_long_is_refused_with_its_reason(
    address: KafkaAddress, opened: Open
) -> None:
    configure(address, TRACES.name, "max.message.bytes", "50000")
    log = opened(address)

    with pytest.raises(BrokerRefused, match="MSG_SIZE_TOO_LARGE"):
        await append(log, noise(100_000))

    assert await append(log, b"after") == 0


async def test_every_replica_acknowledges_and_a_repeat_is_known_to_the_broker(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broker cannot tell; nor does a client what it was told."""
    options: dict[str, Any] = {}
    make = kafka_producer.Producer

    def remember(config: dict[str, Any]) -> Any:
        options.update(config)
        return make(config)

    monkeypatch.setattr(kafka_producer, "Producer", remember)
    opened(KafkaAddress(("127.0.0.1:9",)))

    assert options["acks"] == "all"
    assert options["enable.idempotence"] is True
    assert options["message.timeout.ms"] == 0


async def test_a_broker_killed_under_load_has_what_was_acknowledged_once_and_in_order(
    stoppable_kafka: KafkaBroker, opened: Open
) -> None:
    address = own_address(stoppable_kafka)
    made(address, 2)
    log = opened(address, produce_timeout_ms=30_000)
    await append_all(log, [b"%d" % n for n in range(10)])

    waiting = [asyncio.create_task(append(log, b"%d" % n)) for n in range(10, 2_000)]
    killed = asyncio.create_task(asyncio.to_thread(stoppable_kafka.kill))
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    await killed
    await asyncio.to_thread(stoppable_kafka.start)
    await until(lambda: log.queued_bytes == log.stored_bytes == 0, 60)
    await append(log, b"2000")

    found = [int(item) for item in items_in(address)]
    assert {type(answer) for answer in answers} == {int}
    assert found == list(range(2_001))


async def test_what_waits_for_a_broker_that_accepts_and_never_answers_is_bounded(
    opened: Open,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        address = KafkaAddress((f"127.0.0.1:{server.getsockname()[1]}",))
        log = opened(address, produce_timeout_ms=300, max_queued_bytes=10_000)
        item = noise(6_000)

        assert await append(log, item) == SPOOLED
        # It is with the producer still, and may be sent yet.
        with pytest.raises(LogFull):
            await append(log, item)

        began = time.monotonic()
        await asyncio.to_thread(log.close)
        assert time.monotonic() - began < 15


async def test_a_close_answers_what_waits_for_a_broker_that_is_away(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        away = f"127.0.0.1:{server.getsockname()[1]}"
    log = opened(KafkaAddress((away,)), produce_timeout_ms=500)
    waiting = [asyncio.create_task(append(log, b"%d" % n)) for n in range(50)]
    await asyncio.sleep(0)

    await asyncio.to_thread(log.close)
    answers = await asyncio.gather(*waiting)

    assert answers == [SPOOLED] * 50


async def test_a_request_without_items_for_any_partition_is_done_at_once(opened: Open) -> None:
    log = opened(KafkaAddress(("127.0.0.1:9",)))

    assert await append_chunks(log, TRACES.name, {}) == {}
