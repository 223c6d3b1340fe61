"""Reads topic `dead` of a cluster, as `kafka_dead` needs it."""

import threading
import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition
from tenacity import Retrying, retry_if_exception, stop_after_delay
from tenacity.wait import wait_random_exponential

from eventlog.kafka_address import KafkaAddress
from eventlog.log import LogUnavailable
from eventlog.topics import DEAD

ANSWER_S = 20.0
POLL_S = 0.5

_LEADER_CHANGES = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""What a broker answers while it is being settled who leads a partition."""


class DeadTopicReader:
    """Makes its client when it is needed. For any thread."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._client: Consumer | None = None

    def ends(self) -> tuple[int, int]:
        """Returns the first offset, and the one behind the last. Raises `LogUnavailable`."""
        with self._lock:
            ask = self.client().get_watermark_offsets
            try:
                begin, end = _while_leaders_change(ask, self._place(), ANSWER_S)
            except KafkaException as error:
                raise LogUnavailable(f"Kafka cannot be read: {error}") from error
        return int(begin), int(end)

    def read(self, first: int, end: int) -> Iterator[Message]:
        """Yields what is left of a range of offsets: compaction takes some away."""
        if first >= end:
            return
        with self._lock:
            consumer = self.client()
            try:
                consumer.assign([self._place(first)])
                deadline = time.monotonic() + ANSWER_S
                while time.monotonic() < deadline:
                    # One by one: to ask for more of them is to wait for more than there are.
                    message = consumer.poll(POLL_S)
                    if message is None:
                        continue
                    if _is_past(message, end):
                        return
                    deadline = time.monotonic() + ANSWER_S
                    yield message
                    if (message.offset() or 0) + 1 == end:
                        return
            except KafkaException as error:
                raise LogUnavailable(f"Kafka cannot be read: {error}") from error
            finally:
                consumer.unassign()
            raise LogUnavailable("Kafka does not answer")

    def count_partitions(self, topic: str) -> int:
        """Returns how many partitions a topic of ours has. Raises `LogUnavailable`."""
        name = self._address.topic(topic)
        with self._lock:
            try:
                found = self.client().list_topics(name, timeout=ANSWER_S).topics[name]
            except KafkaException as error:
                raise LogUnavailable(f"Kafka cannot be asked: {error}") from error
        return len(found.partitions)

    def client(self) -> Consumer:
        """Returns the client."""
        if self._client is None:
            self._client = Consumer(_reader_options(self._address))
        return self._client

    def close(self) -> None:
        """Leaves the cluster. May be called twice."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _place(self, offset: int = 0) -> KafkaPartition:
        return KafkaPartition(self._address.topic(DEAD.name), 0, offset)


def _is_leader_change(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _LEADER_CHANGES


_while_leaders_change = Retrying(
    retry=retry_if_exception(_is_leader_change),
    wait=wait_random_exponential(multiplier=0.1, max=1.0),
    stop=stop_after_delay(ANSWER_S),
    reraise=True,
)
"""Asks again where librdkafka does not: a question for offsets ends with such an error."""


def _is_past(message: Message, end: int) -> bool:
    error = message.error()
    if error is None:
        return (message.offset() or 0) >= end
    if error.code() == KafkaError._PARTITION_EOF:
        return True
    raise KafkaException(error)


def _reader_options(address: KafkaAddress) -> dict[str, str | int | float | bool]:
    return address.librdkafka() | {
        "group.id": "sluice-dead",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        # What is asked next waits behind a request for records that are still to come.
        "fetch.wait.max.ms": 10,
        "log_level": 0,
    }
