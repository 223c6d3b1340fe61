"""Looks which records of a producer that is gone are in Kafka, by the ids in their headers.

They are not simply sent again: refusals and dead letters have no ids of their own, so a record that
is there twice would count them twice.
"""

import threading
import uuid
from collections.abc import Collection
from contextlib import closing

import structlog
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_producer import ID_HEADER
from eventlog.kafka_put import Put, RecordWriter
from eventlog.log import LogUnavailable, TopicPartition
from eventlog.records import encode_chunks, encode_refusals
from eventlog.topics import OUTCOMES

ANSWER_S = 10.0
POLL_S = 0.5
AT_ONCE = 500

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """Raised when the search was told to end before it had a result."""


def records_present(
    address: KafkaAddress,
    partition: TopicPartition,
    record_ids: Collection[str],
    *,
    since_ms: int,
    settle_s: float,
    stop: threading.Event,
) -> set[str]:
    """Returns which of the ids are in the partition, among records of a time or later.

    What the broker had received, but not handled, when the old producer ended may still be
    appended: it has `settle_s` for that, counted from when it answers. What it appended, but has
    not shown yet because replicas lag, comes to light before a record written now: an empty one,
    which ends the search. Raises `LogUnavailable` and `Stopped`.
    """
    try:
        with closing(_consumer(address)) as consumer:
            first = _first_since(consumer, address, partition, since_ms)
            if stop.wait(settle_s):
                raise Stopped
            barrier = _put_barrier(address, partition)
            if first is None:
                # Whatever came since then came before the barrier, or is not there.
                first = _first_since(consumer, address, partition, since_ms)
            start = barrier if first is None else first
            place = KafkaPartition(address.topic(partition.topic), partition.partition, start)
            consumer.assign([place])
            return _read_until(consumer, barrier, set(record_ids), stop)
    except KafkaException as error:
        raise LogUnavailable(f"Kafka cannot be searched: {error.args[0].str()}") from error


def _consumer(address: KafkaAddress) -> Consumer:
    return Consumer(
        address.librdkafka()
        | {
            # Never joined nor committed to: the client asks for a name.
            "group.id": "sluice-spool",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
    )


def _first_since(
    consumer: Consumer, address: KafkaAddress, partition: TopicPartition, since_ms: int
) -> int | None:
    place = KafkaPartition(address.topic(partition.topic), partition.partition, since_ms)
    (found,) = consumer.offsets_for_times([place], timeout=ANSWER_S)
    if found.error is not None:
        raise KafkaException(found.error)
    return int(found.offset) if found.offset >= 0 else None


def _put_barrier(address: KafkaAddress, partition: TopicPartition) -> int:
    """Appends a record without items and returns its offset."""
    value = encode_refusals([]) if partition.topic == OUTCOMES.name else encode_chunks([])
    name = f"barrier-{uuid.uuid4().hex}"
    (offset,) = RecordWriter(address).put([Put(partition, None, value, name)])
    return offset


def _read_until(
    consumer: Consumer, barrier: int, wanted: set[str], stop: threading.Event
) -> set[str]:
    found: set[str] = set()
    while not stop.is_set():
        for message in consumer.consume(AT_ONCE, POLL_S):
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            if (message.offset() or 0) >= barrier or found == wanted:
                return found
            found |= _id_of(message) & wanted
    raise Stopped


def _id_of(message: Message) -> set[str]:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        value.decode(errors="replace")
        for name, value in pairs
        if name == ID_HEADER and isinstance(value, bytes)
    }
