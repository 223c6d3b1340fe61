"""How the log that all workers share stands: what waits, since when, and what is gone."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import TopicPartition as KafkaPartition

# The package exports these without saying so to type checkers.
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from controlplane.database import Database
from controlplane.progress import OwnedState, PartitionProgress
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_offsets import Ends, OffsetReader, ensure_pending_there, ensure_there
from eventlog.kafka_topics import TopicsState
from eventlog.log import Intent, OffsetsGone, TopicPartition
from eventlog.topics import AGENT_TOPICS

ASK_S = 10.0
"""For one question to Kafka."""


class Standing(NamedTuple):
    """What the checkpoints and Kafka say together."""

    partitions: int
    never_taken: int
    """Partitions that no worker has ever taken."""
    waiting: int
    """Records that are not stored; 0 where some are gone."""
    old: int
    """Those of them that have waited for long."""
    gone: Sequence[str]
    """Which records are to be stored and are not in Kafka any more."""


async def standing_of(
    database: Database, address: KafkaAddress, topics: TopicsState, *, old_s: float
) -> Standing:
    """Asks the checkpoints and Kafka, and changes nothing. Raises `LogUnavailable`."""
    starts: dict[TopicPartition, int] = {}
    pending: dict[TopicPartition, Intent] = {}
    taken = 0
    for name in AGENT_TOPICS:
        held = await PartitionProgress(database).read(topics[name].log_id, name)
        taken += len(held)
        for number in range(topics[name].partitions):
            place, one = TopicPartition(address.topic(name), number), held.get(number)
            starts[place] = _next_offset(one)
            if one is not None and one.pending is not None:
                pending[place] = Intent(one.pending.first, one.pending.last)
    async with OffsetReader(address) as offsets:
        ends = await offsets.read_ends(starts)
    never_taken = len(starts) - taken
    if gone := list(_gone(starts, pending, ends)):
        return Standing(len(starts), never_taken, 0, 0, gone)
    waiting = sum(ends[place].end - start for place, start in starts.items())
    old = await asyncio.to_thread(_count_old, address, starts, ends, old_s) if waiting else 0
    return Standing(len(starts), never_taken, waiting, old, ())


def _next_offset(held: OwnedState | None) -> int:
    if held is None:
        return 0
    return held.pending.first if held.pending else held.stored_through + 1


def _gone(
    starts: Mapping[TopicPartition, int],
    pending: Mapping[TopicPartition, Intent],
    ends: Mapping[TopicPartition, Ends],
) -> Iterator[str]:
    for place, start in starts.items():
        try:
            ensure_there({place: start}, ends)
            ensure_pending_there({place: pending[place]} if place in pending else {}, ends)
        except OffsetsGone as failure:
            yield str(failure)


def _count_old(
    address: KafkaAddress,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, Ends],
    old_s: float,
) -> int:
    """Returns how many of the records that wait have waited for long."""
    since = OffsetSpec.for_timestamp(int((time.time() - old_s) * 1000))
    # Kept until all is answered: a client that is let go answers nothing any more.
    admin = AdminClient(address.librdkafka() | {"log_level": 0})
    answers = admin.list_offsets(
        {KafkaPartition(*place): since for place in starts}, request_timeout=ASK_S
    )
    old = 0
    for theirs, answer in answers.items():
        place = TopicPartition(theirs.topic, theirs.partition)
        first_new = answer.result(ASK_S).offset
        # Below zero where no record is that new.
        old += max(0, (first_new if first_new >= 0 else ends[place].end) - starts[place])
    return old
