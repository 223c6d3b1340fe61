"""The cluster's log as the edge writes it: an `EventLog` over Kafka, for any event loop."""

import asyncio
from collections.abc import Mapping, Sequence

from eventlog.batches import Payload
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_writer import KafkaLimits, Standby, Writer
from eventlog.log import Addressed, TopicPartition
from eventlog.records import Refusal
from eventlog.topics import OUTCOMES


class KafkaLog:
    """Open it once a process. A call that fails may have been appended in part, or may be yet."""

    def __init__(
        self,
        address: KafkaAddress,
        partitions: Mapping[str, int],
        limits: KafkaLimits | None = None,
    ) -> None:
        self.address = address
        self.counts = dict(partitions)
        self._partitions = [
            TopicPartition(topic, number)
            for topic, count in partitions.items()
            for number in range(count)
        ]
        self.writer = Writer(address, self._partitions, limits or KafkaLimits())
        self._known = frozenset(self._partitions)

    @property
    def queued_bytes(self) -> int:
        """How many bytes of items are held in memory, from their append to the broker's report."""
        return self.writer.appends.bytes

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has; a live topic is never given more."""
        return self.counts[topic]

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks, of any topics; returns the offset that each partition's ends in.

        Raises `LogFull` or `LogUnavailable`, `AppendUncertain` where it may be there yet;
        `BrokerRefused` where trying again is of no use.
        """
        return await self._append(chunks)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        await self._append([(TopicPartition(OUTCOMES.name, 0), list(refusals))])

    def stand_by(self, standby: Standby) -> None:
        """Gives the log somebody who takes records while the broker is away."""
        self.writer.standby = standby
        # Wakes it: there may be work from an earlier process.
        self.writer.jobs.soon(lambda: None)

    def close(self) -> None:
        """Answers everybody who waits and ends. May be called twice."""
        self.writer.appends.close()
        self.writer.end()

    async def _append(
        self, payloads: Sequence[tuple[TopicPartition, Payload]]
    ) -> dict[TopicPartition, int]:
        if unknown := {partition for partition, _ in payloads} - self._known:
            raise KeyError(f"the log has not {unknown}")
        if not payloads:
            return {}
        return await asyncio.wrap_future(self.writer.appends.begin(payloads).future)
