"""How the log that all workers share stands: what waits, since when, and what is gone."""

import time
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from controlplane.database import Database
from controlplane.progress import Ownership, PartitionProgress
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_offsets import Ends, OffsetReader, ensure_there
from eventlog.kafka_topics import TopicsState
from eventlog.log import OffsetsGone, TopicPartition
from eventlog.topics import AGENT_TOPICS
from schemas.checkpoints import Progress

NOTHING_STORED = Progress(-1, None)


class Standing(NamedTuple):
    """What the checkpoints and Kafka say together."""

    partitions: int
    never_taken: int
    """Partitions that no worker has ever taken."""
    waiting: int
    """Records that are not stored; 0 where some are gone."""
    old: int
    """Those of them that have waited for long."""
    gone: Collection[str]
    """Which records are to be stored and are not in Kafka any more."""


async def read_owners(
    progress: PartitionProgress, topics: TopicsState
) -> dict[TopicPartition, Ownership | None]:
    """Returns the owner of each partition with an agent, `None` where nobody has ever taken it."""
    owners: dict[TopicPartition, Ownership | None] = {}
    for name in AGENT_TOPICS:
        held = await progress.read(topics[name].log_id, name)
        numbers = range(topics[name].partitions)
        owners |= {TopicPartition(name, number): held.get(number) for number in numbers}
    return owners


def progress_of(owner: Ownership | None) -> Progress:
    """Returns how far a partition is stored."""
    return owner.progress if owner else NOTHING_STORED


async def standing_of(
    database: Database, address: KafkaAddress, topics: TopicsState, *, old_s: float
) -> Standing:
    """Asks the checkpoints and Kafka, and changes nothing. Raises `LogUnavailable`."""
    owners = await read_owners(PartitionProgress(database), topics)
    stored = {
        one._replace(topic=address.topic(one.topic)): progress_of(owner)
        for one, owner in owners.items()
    }
    async with OffsetReader(address) as offsets:
        ends = await offsets.read_ends(stored)
        gone = list(_gone(stored, ends))
        waiting = sum(ends[one].end - progress.next_offset for one, progress in stored.items())
        since_ms = int((time.time() - old_s) * 1000)
        new = await offsets.read_since(stored, since_ms) if waiting and not gone else {}
    old = sum(
        max(0, (ends[one].end if first is None else first) - stored[one].next_offset)
        for one, first in new.items()
    )
    never_taken = sum(owner is None for owner in owners.values())
    return Standing(len(owners), never_taken, 0 if gone else waiting, old, gone)


def _gone(
    stored: Mapping[TopicPartition, Progress], ends: Mapping[TopicPartition, Ends]
) -> Iterator[str]:
    for one, progress in stored.items():
        try:
            ensure_there(one, progress, ends[one])
        except OffsetsGone as failure:
            yield str(failure)
