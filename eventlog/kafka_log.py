"""The cluster's log as the edge writes it: an `EventLog` over Kafka, and a spool for outages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from eventlog.batches import Payload, size_of
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_writer import KafkaLimits, Writer
from eventlog.log import Addressed, LogFull, TopicPartition
from eventlog.records import Refusal
from eventlog.spool import open_spool
from eventlog.topics import OUTCOMES

CHUNKS_SHARE = 15 / 16
"""Of the spool's room; the rest is for what entries have beside their chunks."""


class KafkaLog:
    """Open it once a process. A call that fails may have been appended in part, or may be yet."""

    def __init__(
        self,
        address: KafkaAddress,
        partitions: Mapping[str, int],
        spool_path: Path,
        limits: KafkaLimits | None = None,
    ) -> None:
        limits = limits or KafkaLimits()
        self._counts = dict(partitions)
        self._room = int(limits.spool_max_bytes * CHUNKS_SHARE)
        opened = open_spool(spool_path, partitions, limits.spool_max_bytes)
        self._file = opened.file
        self.damaged = opened.file.damaged
        """Done when damage of the spool was met while at work: it has to be opened anew."""
        try:
            self.writer = Writer(address, opened, limits)
        except BaseException:
            opened.file.close()
            raise

    @property
    def stored_bytes(self) -> int:
        """How many bytes wait on disk."""
        return self._file.stored_bytes

    @property
    def fullness(self) -> float:
        """How much of the spool's room is taken, 1 when nothing more is."""
        return self._file.stored_bytes / self._room

    @property
    def queued_bytes(self) -> int:
        """How many bytes of items are held in memory, from their append to the broker's report."""
        return self.writer.appends.bytes

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has; a live topic is never given more."""
        return self._counts[topic]

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks; returns the offset that each is part of, `SPOOLED` for those on disk.

        Raises `LogFull` or `LogUnavailable`: then nothing was appended; `AppendUncertain` where
        Kafka may have it, but the spool's disk refused; `BrokerRefused` where trying again is of no
        use.
        """
        if self.writer.spool.is_active():
            # As a whole, before its chunks part for their partitions. All that is in memory may
            # have to go to the disk; some of it is there already.
            size = sum(size_of(chunk) for _, chunk in chunks)
            needed = self._file.stored_bytes + self.queued_bytes + size
            if needed > self._room:
                raise LogFull(f"the spool would hold {needed} bytes, its bound is {self._room}")
        return await self._append(chunks)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        await self._append([(TopicPartition(OUTCOMES.name, 0), list(refusals))])

    def close(self) -> None:
        """Answers everybody who waits and ends; what is on disk stays. May be called twice."""
        self.writer.close()
        self._file.close()

    async def _append(
        self, payloads: Sequence[tuple[TopicPartition, Payload]]
    ) -> dict[TopicPartition, int]:
        for (topic, number), _ in payloads:
            if not 0 <= number < self._counts.get(topic, 0):
                raise KeyError(f"the log has no partition {number} of {topic}")
        if not payloads:
            return {}
        return await self.writer.appends.begin(payloads).future
