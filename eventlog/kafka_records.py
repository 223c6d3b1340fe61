"""A record on its way to Kafka, and how one is made of what waits for a partition."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eventlog.appends import Append, Appends
from eventlog.batches import Batch, Payload, count_of, encode, size_of
from eventlog.log import BrokerRefused, LogError, TopicPartition

SPARE_BYTES = 1 << 10
"""Of headers and frame, which a record has beside its value."""
Part = tuple[Append, Payload]


@dataclass(eq=False, slots=True)
class Record:
    """A record on its way, who waits for it, and what is known of it so far."""

    record_id: str
    partition: TopicPartition
    value: bytes
    items: int
    created_ms: int
    appends: Sequence[Append] = ()
    """One for each part: an append may be there twice, and must be told twice."""
    size: int = 0
    """Of the parts, as counted by `Appends`."""
    sent_at: float = 0.0
    """When a producer got it, on the monotonic clock: 0 for none, -inf where it is overdue."""
    entry: int | None = None
    """The offset of its entry in the spool, once that is durable."""
    is_retried: bool = False
    """Whether Kafka has refused it, so that it waits in memory for another try."""
    report: "Report | None" = None
    """What its producer told of it before its entry was durable."""

    @property
    def was_sent(self) -> bool:
        """Tells whether a producer has, or had, it."""
        return self.sent_at != 0.0

    def succeed(self, offset: int) -> None:
        """Tells everybody whose items are in the record that they are durable."""
        for append in self.appends:
            append.succeed(self.partition, offset)

    def fail(self, error: Exception) -> None:
        """Tells everybody whose items are in the record why they are not."""
        for append in self.appends:
            append.fail(error)


class Report(NamedTuple):
    """What became of a record."""

    record: Record
    offset: int
    """-1 where it is not known to be in the log."""
    error: LogError | None
    is_open: bool
    """Whether the record may be in the log in spite of the error."""


class RecordMaker:
    """Makes records, each with an id that no other ever has."""

    def __init__(self, max_message_bytes: int, appends: Appends) -> None:
        self._max_value_bytes = max_message_bytes - SPARE_BYTES
        self._appends = appends
        self.instance, self._sequence = uuid.uuid4().hex, 0

    def records_of(self, partition: TopicPartition, batch: Batch[Append]) -> Iterator[Record]:
        """Yields the batch as a record, or as one a part where a part of it cannot be one.

        A part that cannot be one alone fails: a bug in one append is no reason to refuse others.
        """
        parts = []
        for append, payload in batch.parts:
            # A request that was given up was never answered: leave it out.
            if append.future.cancelled():
                self._appends.free(size_of(payload))
            else:
                parts.append((append, payload))
        try:
            if parts:
                yield self._record(partition, parts)
        except Exception:
            for part in parts:
                yield from self._alone(partition, part)

    def _alone(self, partition: TopicPartition, part: Part) -> Iterator[Record]:
        append, payload = part
        try:
            yield self._record(partition, [part])
        except Exception as error:
            self._appends.free(size_of(payload))
            append.fail(error)

    def _record(self, partition: TopicPartition, parts: Sequence[Part]) -> Record:
        payloads = [payload for _, payload in parts]
        value = encode(payloads)
        if len(value) > self._max_value_bytes:
            bound = f"longer than {self._max_value_bytes}"
            raise BrokerRefused(f"a record of {len(value)} bytes is {bound}")
        self._sequence += 1
        return Record(
            record_id=f"{self.instance}-{self._sequence}",
            partition=partition,
            value=value,
            items=sum(map(count_of, payloads)),
            created_ms=time.time_ns() // 1_000_000,
            appends=[append for append, _ in parts],
            size=sum(map(size_of, payloads)),
        )
