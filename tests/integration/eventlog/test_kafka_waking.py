"""Kafka's log wakes by itself: what lingers is sent though nothing else happens."""

import asyncio
import random
import socket
import time
from collections.abc import Iterable
from functools import partial

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_producer import Report
from eventlog.kafka_records import Record
from eventlog.log import TopicPartition
from tests.integration.eventlog.logs import until

SEED = 20_261_121
PATIENCE_S = 8.0
"""Below the ten seconds after which Kafka's client complains, and by that wakes the log."""


class Restless:
    """A standby that wants to be called again within microseconds, and now and then has a job."""

    def __init__(self, log: KafkaLog) -> None:
        self.turns = 0
        self._log = log
        self._random = random.Random(SEED)

    def holds(self, partition: TopicPartition) -> bool:
        raise AssertionError(f"nothing was appended to {partition}")

    def keep(self, records: Iterable[Record], *, sent: bool) -> None:
        raise AssertionError(f"nothing was appended, here are {records}")

    def reported(self, record: Record, report: Report) -> None:
        raise AssertionError(f"nothing was sent, here is {record}")

    def advance(self, now: float) -> float:
        self.turns += 1
        if self.turns % 2:
            self._log.writer.jobs.soon(lambda: None)
        return self._random.uniform(0, 4e-6) + time.monotonic()

    def is_busy(self) -> bool:
        return False

    def is_beyond(self, turns: int) -> bool:
        return self.turns > turns


async def test_the_log_wakes_by_itself_however_soon_that_is() -> None:
    """One that sleeps on leaves an append that lingers without an answer until the next comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        log = KafkaLog(KafkaAddress((f"127.0.0.1:{silent.getsockname()[1]}",)), {"raw.traces": 1})
        restless = Restless(log)
        log.stand_by(restless)
        try:
            for turns in range(0, 120_000, 1_000):
                await until(partial(restless.is_beyond, turns), PATIENCE_S)
        finally:
            await asyncio.to_thread(log.close)
