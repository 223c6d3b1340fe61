"""Puts single records into Kafka and waits for them: what no edge sends, and is seldom."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_producer import ID_HEADER, ITEMS_HEADER, SCHEMA_HEADER, error_of, is_open
from eventlog.log import LogUnavailable, TopicPartition
from eventlog.records import ENVELOPE_VERSION

ANSWER_S = 20.0

_Reports = list[tuple[KafkaError | None, Message]]


class Put(NamedTuple):
    """A record to write; `None` takes the one with the same key away."""

    partition: TopicPartition
    key: str | None
    value: bytes | None
    record_id: str | None = None
    items: int = 1


class RecordWriter:
    """Makes its client when it is needed, and anew after it broke. For any thread."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self.producer: Producer | None = None

    def put(self, puts: Sequence[Put]) -> list[int]:
        """Writes records and returns their offsets when every replica that must has them."""
        reports: _Reports = []
        with self._lock:
            if self.producer is None:
                self.producer = Producer(_writer_options(self._address))
            producer = self.producer
            try:
                for put in puts:
                    self._put_one(producer, put, reports)
                producer.flush(2 * ANSWER_S)
            except (KafkaException, BufferError) as error:
                self._drop_producer(producer)
                raise LogUnavailable(f"Kafka cannot be written to: {error}") from error
            failed = next((error for error, _ in reports if error is not None), None)
            if len(reports) < len(puts) or (failed is not None and is_open(failed)):
                self._drop_producer(producer)
        if failed is not None:
            raise error_of(failed)
        if len(reports) < len(puts):
            raise LogUnavailable("Kafka does not answer")
        return [message.offset() or 0 for _, message in reports]

    def _drop_producer(self, producer: Producer) -> None:
        """Has the next write make a new one: a producer that met a fatal error is beyond use.

        What it had may be in Kafka. It sends nothing any more, so that whoever then looks for a
        record, as a replay does, need not mind it; what has a key is there once under it.
        """
        with suppress(KafkaException):
            producer.purge()
        self.producer = None

    def _put_one(self, producer: Producer, put: Put, reports: _Reports) -> None:
        headers: list[tuple[str, str | bytes | None]] = [(SCHEMA_HEADER, str(ENVELOPE_VERSION))]
        if put.record_id is not None:
            headers += [(ITEMS_HEADER, str(put.items)), (ID_HEADER, put.record_id)]
        producer.produce(
            self._address.topic(put.partition.topic),
            put.value,
            key=put.key,
            partition=put.partition.partition,
            headers=headers,
            on_delivery=lambda error, message: reports.append((error, message)),
        )
        producer.poll(0)


def _writer_options(address: KafkaAddress) -> dict[str, str | int | float | bool]:
    return address.librdkafka() | {
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": int(ANSWER_S * 1_000),
        # As long as the topic takes: the brokers' own bound is the topic's.
        "message.max.bytes": 1_000_000_000,
        "log_level": 0,
    }
