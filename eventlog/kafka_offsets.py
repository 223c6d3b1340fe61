"""Where the partitions of a Kafka log begin and end, asked beside the stream.

Not through the stream's own client: aiokafka cancels such requests while a group rebalances, which
is when they are needed.
"""

import asyncio
import threading
from collections.abc import Collection, Mapping
from typing import NamedTuple

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from eventlog.kafka_address import KafkaAddress
from eventlog.log import Intent, LogUnavailable, OffsetsGone, TopicPartition

TIMEOUT_S = 10.0
MEND = "docs/operations.md, 'Offsets that are gone', says what to do"


class Ends(NamedTuple):
    """The first offset that a partition holds, and the one that its next record will have."""

    begin: int
    end: int


class OffsetReader:
    """Asks the cluster; share it in a process."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._client: AdminClient | None = None
        self._lock = threading.Lock()

    async def read_ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Ends]:
        """Returns where each partition begins and ends. Raises `LogUnavailable`."""
        if not partitions:
            return {}
        return await asyncio.to_thread(self._read_ends, partitions)

    def _read_ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Ends]:
        with self._lock:
            try:
                begins = self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
                ends = self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
            except (KafkaException, TimeoutError) as error:
                # librdkafka 2.16 goes on asking with the leader's epoch that it saw first, and is
                # refused (FENCED_LEADER_EPOCH) for ever after a broker was killed.
                self._client = None
                raise LogUnavailable(f"Kafka does not tell its offsets: {error}") from error
        return {partition: Ends(begins[partition], ends[partition]) for partition in partitions}

    def _offsets(
        self, partitions: Collection[TopicPartition], which: OffsetSpec
    ) -> dict[TopicPartition, int]:
        self._client = self._client or AdminClient(self._address.librdkafka())
        answers = self._client.list_offsets(
            {KafkaPartition(*partition): which for partition in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=TIMEOUT_S,
        )
        return {
            TopicPartition(place.topic, place.partition): answer.result(TIMEOUT_S).offset
            for place, answer in answers.items()
        }


def ensure_pending_there(
    pending: Mapping[TopicPartition, Intent], ends: Mapping[TopicPartition, Ends]
) -> None:
    """Raises `OffsetsGone` where the log ends within a block that may be half-written.

    Other records would get the missing offsets, and what the block has stored already would be
    stored beside them or in their stead.
    """
    for partition, intent in pending.items():
        end = ends[partition].end
        if intent.last >= end:
            block = f"the block of {intent.first} to {intent.last} may be half-written"
            place = f"{partition.topic}/{partition.partition}"
            raise OffsetsGone(f"{place} ends at {end}, and {block}; {MEND}")


def ensure_there(starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, Ends]) -> None:
    """Raises `OffsetsGone` where the log begins behind, or ends before, what is to be read next."""
    for partition, start in starts.items():
        begin, end = ends[partition]
        place = f"{partition.topic}/{partition.partition}"
        if start < begin:
            lost = f"records {start} to {begin - 1} of {place} were deleted before they were stored"
            raise OffsetsGone(f"{lost}; {MEND}")
        if start > end:
            raise OffsetsGone(f"{place} ends at {end}, and {start} is next to store; {MEND}")
