"""Chunks put into a log, for tests that look at one topic."""

from collections.abc import Mapping

from eventlog.log import EventLog, TopicPartition
from eventlog.records import Chunk


async def append_chunks(log: EventLog, topic: str, chunks: Mapping[int, Chunk]) -> dict[int, int]:
    """Appends a chunk to each partition named; returns the offset that each is part of."""
    found = await log.append([(TopicPartition(topic, part), one) for part, one in chunks.items()])
    return {partition: offset for (_, partition), offset in found.items()}
