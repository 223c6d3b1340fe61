"""What `kafka_log` keeps for each partition, and the seam of whoever stands in for the broker."""

import math
import time
import uuid
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from eventlog.answers import Write
from eventlog.batches import Batch, Payload, count_of, encode, size_of
from eventlog.kafka_producer import BrokerRefused, Report
from eventlog.log import TopicPartition

SPARE_BYTES = 1 << 10
"""Of headers and frame, which a record has beside its value."""


class Sent(NamedTuple):
    """A record on its way, and the writes that wait for it."""

    record_id: str
    partition: TopicPartition
    value: bytes
    items: int
    created_ms: int
    writes: list[Write]
    """One for each part: a write may be there twice, and must be told twice."""
    size: int
    """Of the parts, as counted in `queued_bytes`."""


class Sealer:
    """Makes records of what waits, each with a name that no other ever has."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max_value_bytes = max_message_bytes - SPARE_BYTES
        self.instance, self._sequence = uuid.uuid4().hex, 0

    def seal(self, partition: TopicPartition, parts: Sequence[tuple[Write, Payload]]) -> Sent:
        """Returns the record of some parts. Raises `BrokerRefused` where it would be too long."""
        payloads = [payload for _, payload in parts]
        value = encode(payloads)
        if len(value) > self._max_value_bytes:
            bound = f"longer than {self._max_value_bytes}"
            raise BrokerRefused(f"a record of {len(value)} bytes is {bound}")
        self._sequence += 1
        return Sent(
            record_id=f"{self.instance}-{self._sequence}",
            partition=partition,
            value=value,
            items=sum(map(count_of, payloads)),
            created_ms=time.time_ns() // 1_000_000,
            writes=[write for write, _ in parts],
            size=sum(map(size_of, payloads)),
        )


class Standby(Protocol):
    """Who takes records while the broker is away. Called from the log's thread alone."""

    def holds(self, partition: TopicPartition) -> bool:
        """Tells whether what comes for the partition has to go behind what is kept."""
        ...

    def keep(self, records: Sequence[Sent], *, sent: bool) -> None:
        """Keeps records and answers them; `sent` ones may be in Kafka, or get there yet.

        Those that were not sent are forgotten (`KafkaLog.forget`) when that is done.
        """
        ...

    def settled(self, record: Sent, report: Report) -> None:
        """Hears what became of a record that it was given, or gave, while it was sent."""
        ...

    def advance(self, now: float) -> float:
        """Goes on with its own work; returns when to be called again at the latest."""
        ...

    def is_busy(self) -> bool:
        """Tells whether somebody still waits for an answer."""
        ...


class Lane:
    """One partition's records: those that fill and those on their way, in order."""

    def __init__(self, partition: TopicPartition) -> None:
        self.partition = partition
        self.batches: deque[Batch[Write]] = deque()
        self.released_at = 0.0
        self.in_flight: dict[str, tuple[Sent, float]] = {}
        self.awaited: dict[str, Sent] = {}
        """Of those in flight, the ones that nobody else keeps."""

    def oldest_at(self) -> float:
        """Returns when the oldest record in flight was sent."""
        return next((at for _, at in self.in_flight.values()), math.inf)
