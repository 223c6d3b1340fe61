"""Kafka's log wakes by itself: what lingers is sent though nothing else happens."""

import asyncio
import random
import socket
import time
from functools import partial
from pathlib import Path

import pytest

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_log import KafkaLog
from tests.integration.eventlog.logs import until

SEED = 20_261_121
PATIENCE_S = 8.0
"""Below the ten seconds after which Kafka's client complains, and by that wakes the log."""


class Restless:
    """A spool that wants to be called again within microseconds, and now and then has a job."""

    def __init__(self, log: KafkaLog) -> None:
        self.turns = 0
        self._log = log
        self._random = random.Random(SEED)

    def advance(self, now: float) -> float:
        self.turns += 1
        if self.turns % 2:
            self._log.writer.jobs.soon(lambda: None)
        return self._random.uniform(0, 4e-6) + time.monotonic()

    def is_beyond(self, turns: int) -> bool:
        return self.turns > turns


@pytest.mark.slow
async def test_the_log_wakes_by_itself_however_soon_that_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that sleeps on leaves an append that lingers without an answer until the next comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        away = KafkaAddress((f"127.0.0.1:{silent.getsockname()[1]}",))
        log = KafkaLog(away, {"raw.traces": 1}, path)
        restless = Restless(log)
        monkeypatch.setattr(log.writer.spool, "advance", restless.advance)
        log.writer.jobs.soon(lambda: None)
        try:
            for turns in range(0, 120_000, 1_000):
                await until(partial(restless.is_beyond, turns), PATIENCE_S)
        finally:
            await asyncio.to_thread(log.close)
