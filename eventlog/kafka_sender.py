"""The records that Kafka's client has and has not reported; where it breaks, a new one follows."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from eventlog.jobs import Jobs
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_lost import LostClients
from eventlog.kafka_producer import KafkaProducer
from eventlog.kafka_records import Record, Report
from eventlog.log import LogUnavailable, TopicPartition

log = structlog.get_logger(__name__)


class Sender:
    """For the thread of some jobs alone. `on_report` is called once for each record, in it."""

    def __init__(
        self,
        address: KafkaAddress,
        jobs: Jobs,
        on_report: Callable[[Report], None],
        *,
        timeout_s: float,
        max_message_bytes: int,
        max_queued_bytes: int,
    ) -> None:
        self._jobs = jobs
        self._on_report = on_report
        self._timeout_s = timeout_s
        self._in_flight: defaultdict[TopicPartition, dict[str, Record]] = defaultdict(dict)
        """By id, the oldest first."""
        self.bytes = 0
        """Of what is in flight."""
        self._connect = partial(
            KafkaProducer,
            address,
            max_message_bytes=max_message_bytes,
            max_queued_bytes=max_queued_bytes,
            on_reports=lambda reports: jobs.soon(partial(self._settle, reports)),
            on_trouble=lambda: jobs.soon(self._look_after_trouble),
        )
        self.producer = self._connect()
        self._lost = LostClients(address, jobs, self._replace_lost)

    def send(self, record: Record) -> None:
        """Sends a record behind those of its partition. Raises a `LogError`, then it did not."""
        self.producer.send(record)
        record.sent_at = time.monotonic()
        self._in_flight[record.partition][record.record_id] = record
        self.bytes += len(record.value)

    def has(self, partition: TopicPartition) -> bool:
        """Tells whether a record of the partition is in flight."""
        return bool(self._in_flight[partition])

    def overdue_at(self, partition: TopicPartition) -> float:
        """Returns when the oldest record in flight will have waited for too long."""
        oldest = next(iter(self._in_flight[partition].values()), None)
        return math.inf if oldest is None else oldest.sent_at + self._timeout_s

    def is_stuck(self, partition: TopicPartition) -> bool:
        """Tells whether the broker has owed an acknowledgement for too long."""
        return time.monotonic() >= self.overdue_at(partition)

    def advance(self) -> None:
        """Looks after a client that owes too much. To be called about every second."""
        if any(self.is_stuck(one) for one in self._in_flight):
            self._lost.look(self.producer)

    def is_waiting(self) -> bool:
        """Tells whether a report may still come in time."""
        return any(self.has(one) and not self.is_stuck(one) for one in self._in_flight)

    def abandon(self) -> None:
        """Ends at once."""
        self.producer.abandon()

    def _settle(self, reports: Iterable[Report]) -> None:
        for report in reports:
            record = report.record
            if self._in_flight[record.partition].pop(record.record_id, None) is not None:
                self.bytes -= len(record.value)
                self._on_report(report)

    def _look_after_trouble(self) -> None:
        """Takes all that is in flight for overdue: the brokers are away, or the client broke."""
        for record in self._owed():
            record.sent_at = -math.inf
        if self.producer.is_broken:
            self._replace_producer()

    def _replace_lost(self, producer: KafkaProducer) -> None:
        if producer is self.producer and self._owed():
            log.error("kafka client has lost its brokers, a new one follows")
            self._replace_producer()

    def _replace_producer(self) -> None:
        owed = self._owed()
        broken, self.producer = self.producer, self._connect()
        broken.abandon()
        # Its reports say that the outcomes are open; they are worked off before anything else.
        self._jobs.run_queued()
        gone = LogUnavailable("Kafka's client broke")
        self._settle(Report(record, -1, gone, is_open=True) for record in owed)

    def _owed(self) -> list[Record]:
        return [record for one in self._in_flight.values() for record in one.values()]
