"""Logs of the tests over a real broker: topics of a test's own, and how their records are read."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from eventlog.kafka_address import KafkaAddress, KafkaSecurity, address_of
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_topics import TopicSettings, check_topics, ensure_topics
from eventlog.kafka_writer import KafkaLimits
from eventlog.log import Stored, TopicPartition
from eventlog.records import decode_chunks
from tests.integration.eventlog.logs import HEAD, append, items_of

READ_S = 30.0


def own_address(broker: Any) -> KafkaAddress:
    """Returns an address whose topics are nobody else's."""
    return address_of(f"kafka://{broker.bootstrap}", f"t{uuid.uuid4().hex}.", KafkaSecurity())


def made(address: KafkaAddress, partitions: int = 1) -> dict[str, int]:
    """Makes the topics where they are missing; returns their partitions."""
    settings = TopicSettings(partitions=partitions)
    ensure_topics(address, settings)
    return {name: state.partitions for name, state in check_topics(address, settings).items()}


def configure(address: KafkaAddress, topic: str, config: str, value: str) -> str:
    """Gives a topic another config; returns what it was."""
    admin = AdminClient(address.librdkafka())
    entry = ConfigEntry(config, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource("topic", address.topic(topic), incremental_configs=[entry])

    def seen() -> str:
        return str(admin.describe_configs([resource])[resource].result(READ_S)[config].value)

    before = seen()
    admin.incremental_alter_configs([resource])[resource].result(READ_S)
    deadline = time.monotonic() + READ_S
    while seen() != value:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return before


def messages(address: KafkaAddress, partition: TopicPartition = HEAD) -> Iterator[Message]:
    """Yields what is in a partition now."""
    place = KafkaPartition(address.topic(partition.topic), partition.partition, 0)
    options = {"group.id": "tests", "auto.offset.reset": "earliest", "log_level": 0}
    deadline = time.monotonic() + READ_S
    with closing(Consumer(address.librdkafka() | options)) as consumer:
        end = end_of(consumer, place, deadline)
        consumer.assign([place])
        offset = 0
        while offset < end:
            assert time.monotonic() < deadline, f"read {offset} of {end}"
            for message in consumer.consume(1_000, 0.2):
                assert message.error() is None
                offset = (message.offset() or 0) + 1
                yield message


def end_of(consumer: Consumer, place: KafkaPartition, deadline: float) -> int:
    """Returns the offset after the last record; a broker that was paused may know nothing yet."""
    while True:
        try:
            return int(consumer.get_watermark_offsets(place, timeout=READ_S)[1])
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def stored(address: KafkaAddress, partition: TopicPartition = HEAD) -> list[Stored]:
    return [
        Stored(message.offset() or 0, message.value(), message.timestamp()[1])
        for message in messages(address, partition)
    ]


def items_in(address: KafkaAddress, partition: TopicPartition = HEAD) -> list[bytes]:
    return [item for one in stored(address, partition) for item in items_of(one)]


def barriers_in(address: KafkaAddress, partition: TopicPartition = HEAD) -> int:
    """Returns how many records hold nothing: each ended a search."""
    return sum(not decode_chunks(one.value or b"") for one in stored(address, partition))


class ReadableKafkaLog(KafkaLog):
    """A `KafkaLog` that a test can read as it reads the embedded one."""

    def __init__(self, address: KafkaAddress, *args: Any) -> None:
        super().__init__(address, *args)
        self._address = address

    def read(self, partition: TopicPartition, offset: int, *_: int) -> list[Stored]:
        return [one for one in stored(self._address, partition) if one.offset >= offset]


class KafkaLogs:
    """Opens logs on one set of topics, as one process after the other would."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self.address = own_address(broker)
        self.folder = folder
        self._open: list[Any] = []

    def open(self, partitions: int = 1, **limits: int) -> Any:
        for log in self._open:
            # As another process of the same machine: one spool has one owner.
            log.close()
        counts = made(self.address, partitions)
        chosen = KafkaLimits(**({"settle_ms": 500} | limits))
        path = self.folder / "spool.db"
        self._open.append(ReadableKafkaLog(self.address, counts, path, chosen))
        return self._open[-1]

    def close(self) -> None:
        for log in self._open:
            log.close()


async def append_all(log: Any, payloads: list[bytes], partition: int = 0) -> None:
    """Appends one after the other, so that their order is known."""
    for payload in payloads:
        await append(log, payload, partition=partition)


async def eventually(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Returns as soon as the condition, which may block, holds."""
    deadline = time.monotonic() + timeout_s
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        await asyncio.sleep(0.05)
