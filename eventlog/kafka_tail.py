"""Hears what is appended to a topic of Kafka: `eventlog.tail`. It is a member of no group."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from eventlog.kafka_address import KafkaAddress
from eventlog.log import Stored
from eventlog.records import Chunk
from eventlog.tail import Heard, chunks_in

ANSWER_S = 10.0
POLL_S = 0.25
AT_ONCE = 200
PAUSE_S = 2.0

log = structlog.get_logger(__name__)


class KafkaTail:
    """The end of one topic."""

    def __init__(self, address: KafkaAddress, topic: str) -> None:
        self._address = address
        self._topic = address.topic(topic)

    async def run(self, heard: Heard) -> None:
        """Calls `heard`, in this loop, with what is appended from now on, until cancelled."""
        while True:
            try:
                await self._listen(heard)
            except KafkaException as error:
                log.warning("end of the log not readable", reason=str(error.args[0]))
            await asyncio.sleep(PAUSE_S)

    async def _listen(self, heard: Heard) -> None:
        consumer = await asyncio.to_thread(self._consumer)
        reading: asyncio.Future[list[Message]] | None = None
        try:
            while True:
                reading = asyncio.ensure_future(asyncio.to_thread(_next, consumer))
                if chunks := _chunks(await asyncio.shield(reading)):
                    heard(chunks)
        finally:
            # Its thread may still be in it.
            if reading is not None:
                with suppress(KafkaException):
                    await asyncio.shield(reading)
            await asyncio.to_thread(consumer.close)

    def _consumer(self) -> Consumer:
        consumer = Consumer(
            self._address.librdkafka()
            | {
                # Never joined nor committed to: the client asks for a name.
                "group.id": "sluice-tail",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "log_level": 0,
            }
        )
        try:
            known = consumer.list_topics(self._topic, timeout=ANSWER_S).topics[self._topic]
            places = [KafkaPartition(self._topic, n, OFFSET_END) for n in known.partitions]
            consumer.assign(places)
        except BaseException:
            consumer.close()
            raise
        return consumer


def _next(consumer: Consumer) -> list[Message]:
    """Returns what comes next, as soon as something does."""
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(AT_ONCE, 0)]


def _chunks(messages: Sequence[Message]) -> list[Chunk]:
    chunks: list[Chunk] = []
    for message in messages:
        error = message.error()
        if error is not None:
            raise KafkaException(error)
        value = message.value()
        chunks += chunks_in(Stored(message.offset() or 0, value, 0))
    return chunks
