"""Whether Kafka's client has lost its brokers for good: they answer a new client, and not this one.

librdkafka 2.16 does so now and then when a broker, stopped in order, was the only one: it opens no
connection any more, and what it has would wait until the process is started again.
"""

import threading
import time
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from eventlog.jobs import Jobs
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_producer import KafkaProducer

ASK_EVERY_S = 10.0
ANSWER_S = 5.0
"""Longer than a client that only was unlucky waits for its next try to connect."""


class LostClients:
    """For the thread of some jobs alone; it asks in a thread of its own."""

    def __init__(self, address: KafkaAddress, jobs: Jobs, on_lost: Callable[[KafkaProducer], None]):
        self._address = address
        self._jobs = jobs
        self._on_lost = on_lost
        self._is_asking = False
        self._ask_at = 0.0

    def look(self, producer: KafkaProducer) -> None:
        """Asks for a producer that owes reports; may be called often, and asks seldom.

        If it is lost, `on_lost` is called in the jobs' thread.
        """
        if self._is_asking or time.monotonic() < self._ask_at:
            return
        ask = partial(self._ask, producer)
        try:
            threading.Thread(target=ask, name="kafka-lost", daemon=True).start()
        except RuntimeError:  # no more threads for now
            self._asked()
            return
        self._is_asking = True

    def _ask(self, producer: KafkaProducer) -> None:
        try:
            is_lost = self._is_there() and not producer.has_answer(ANSWER_S)
        finally:
            self._jobs.soon(self._asked)
        if is_lost:
            self._jobs.soon(partial(self._on_lost, producer))

    def _asked(self) -> None:
        self._is_asking = False
        self._ask_at = time.monotonic() + ASK_EVERY_S

    def _is_there(self) -> bool:
        try:
            AdminClient(self._address.librdkafka() | {"log_level": 0}).list_topics(timeout=ANSWER_S)
        except KafkaException:
            return False
        return True
