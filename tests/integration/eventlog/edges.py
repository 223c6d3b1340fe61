"""Edges of the spool's tests: one after the other on a broker that a test may pause and kill."""

from pathlib import Path

from eventlog.kafka_log import KafkaLog
from eventlog.kafka_writer import KafkaLimits
from eventlog.log import TopicPartition
from schemas.kinds import TRACES
from tests.components.kafka import KafkaBroker
from tests.integration.eventlog.kafka_logs import made, own_address
from tests.integration.eventlog.logs import HEAD, until

SEED = 20_261_121
PARTITIONS = (HEAD, TopicPartition(TRACES.name, 1))


class Edges:
    """Opens spooled logs on one broker and one file, as one process after the other would."""

    def __init__(self, broker: KafkaBroker, folder: Path) -> None:
        self.broker = broker
        self.path = folder / "spool.db"
        self.address = own_address(broker)
        self._counts = made(self.address, 2)
        self._open: list[KafkaLog] = []

    def open(self, max_bytes: int = 1 << 30, **limits: int) -> KafkaLog:
        limits = {"produce_timeout_ms": 300, "settle_ms": 1_000} | limits
        chosen = KafkaLimits(spool_max_bytes=max_bytes, **limits)
        self._open.append(KafkaLog(self.address, self._counts, self.path, chosen))
        return self._open[-1]

    def close(self) -> None:
        for log in self._open:
            log.close()


def numbers(first: int, count: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


async def drained(log: KafkaLog) -> None:
    await until(lambda: log.stored_bytes == 0, 60)
