"""Each kind of transport as the suite of all of them asks for it: fill a log, stream it, look."""

import itertools
import uuid
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, NewTopic

from eventlog import kafka_transport
from eventlog.log import TopicPartition
from eventlog.records import encode_chunks
from eventlog.sqlite_log import SqliteLog
from processors.agents import create_stream_app
from processors.blocks import Delivery
from schemas.kinds import TRACES
from tests.components.containers import ContainerBroker
from tests.components.kafka import KafkaBroker
from tests.integration.eventlog.logs import append_each, chunk
from tests.integration.eventlog.streams import TOPICS, Receiver, Stream

PARTITIONS = 3


class SqliteTransport:
    """The embedded log's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = SqliteLog(folder / "log.db", partitions=PARTITIONS)

    async def fill(self, count: int, topic: str = TRACES.name, partition: int = 0) -> None:
        """Appends so many records, each on its own."""
        await append_each(self._log, [b"%d" % n for n in range(count)], topic, partition)

    def stream(self, receiver: Receiver, topics: Sequence[str] = TOPICS) -> Stream:
        """Returns an app on the log, not started."""
        return Stream(self._log, self._folder, receiver, topics)

    def next_offset(self, partition: TopicPartition) -> int:
        """Returns where the next app will begin."""
        return self._log.states()[partition].progress.next_offset

    def close(self) -> None:
        """Lets go of the file."""
        self._log.close()


class KafkaTransport:
    """Kafka's, with checkpoints as exact as the control plane's and never shared."""

    def __init__(self, broker: KafkaBroker | ContainerBroker, folder: Path) -> None:
        self._folder = folder
        self._prefix = f"t{uuid.uuid4().hex[:8]}."
        self._bootstrap = broker.bootstrap
        self._receivers: list[Receiver] = []
        options = {"bootstrap.servers": broker.bootstrap}
        topics = [NewTopic(f"{self._prefix}{name}", PARTITIONS, 1) for name in TOPICS]
        self._admin = AdminClient(options)
        for made in self._admin.create_topics(topics).values():
            made.result(30)
        self._producer = Producer(options | {"linger.ms": 0})

    async def fill(self, count: int, topic: str = TRACES.name, partition: int = 0) -> None:
        """Appends so many records, each on its own."""
        for number in range(count):
            self._producer.produce(
                f"{self._prefix}{topic}",
                encode_chunks([chunk(b"%d" % number)]),
                partition=partition,
            )
        assert self._producer.flush(30) == 0

    def stream(self, receiver: Receiver, topics: Sequence[str] = TOPICS) -> Stream:
        """Returns an app on the log, not started."""
        kafka_transport.register()

        def ours_of(partition: TopicPartition) -> TopicPartition:
            return partition._replace(topic=partition.topic.removeprefix(self._prefix))

        async def deliver(partition: TopicPartition, delivery: Delivery) -> None:
            await receiver.deliver(ours_of(partition), delivery)

        self._receivers.append(receiver)
        app = create_stream_app(
            broker=f"{kafka_transport.SCHEME}://{self._bootstrap}",
            topics=[f"{self._prefix}{name}" for name in topics],
            deliver=deliver,
            has_room=lambda partition: receiver.has_room(ours_of(partition)),
            data_dir=self._folder / "faust",
            carried={"kafka_options": self._options(), "partition_holder": self},
            group=f"{self._prefix}group",
        )
        return Stream.of(app)

    async def take(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Tells the stream where to begin, as a worker's holder does."""
        return self.stored(partitions)

    def stored(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Tells the stream what is stored, as a worker's holder does."""
        return {
            one: self.next_offset(
                TopicPartition(one.topic.removeprefix(self._prefix), one.partition)
            )
            for one in partitions
        }

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Has nothing in hand."""

    def next_offset(self, partition: TopicPartition) -> int:
        """Returns where the next app will begin: at the first record that is not stored."""
        stored = set().union(*(one.stored[partition] for one in self._receivers))
        return next(offset for offset in itertools.count() if offset not in stored)

    def committed(self, partition: TopicPartition) -> int:
        """Returns what Kafka's tools are told of the group."""
        place = KafkaPartition(f"{self._prefix}{partition.topic}", partition.partition)
        asked = ConsumerGroupTopicPartitions(f"{self._prefix}group", [place])
        (answer,) = self._admin.list_consumer_group_offsets([asked]).values()
        (found,) = answer.result(30).topic_partitions
        return int(found.offset)

    def members(self) -> int:
        """Returns how many apps the group has, as the broker sees it."""
        group = f"{self._prefix}group"
        described = self._admin.describe_consumer_groups([group])[group]
        return len(described.result(30).members)

    def close(self) -> None:
        """Leaves the topics to the broker's end."""

    def _options(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self._bootstrap,
            "session_timeout_ms": 6000,
            "heartbeat_interval_ms": 500,
        }
