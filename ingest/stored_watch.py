"""Tells the edge when what it has appended is stored by a worker somewhere."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import structlog

from controlplane.failures import ControlPlaneError
from controlplane.progress import PartitionProgress
from eventlog.kafka_topics import TopicsState
from eventlog.log import TopicPartition

TROUBLE_PAUSE_S = 1.0
POLL_S = 0.05
"""Between two reads; one read serves all that wait."""

log = structlog.get_logger(__name__)


class StoredWatch:
    """Reads the workers' checkpoints for as long as somebody waits."""

    def __init__(self, progress: PartitionProgress, topics: TopicsState) -> None:
        self._progress = progress
        self._topics = topics
        self._stored: dict[str, Mapping[int, int]] = {}
        self._waiting: Counter[str] = Counter()
        self._looked = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None

    async def wait_stored(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Returns when the records at these offsets are stored and can be read."""
        topics = Counter({one.topic for one in offsets})

        def are_stored() -> bool:
            return all(
                self._stored.get(one.topic, {}).get(one.partition, -1) >= offset
                for one, offset in offsets.items()
            )

        self._waiting += topics
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        try:
            async with self._looked:
                await self._looked.wait_for(are_stored)
        finally:
            self._waiting -= topics

    async def close(self) -> None:
        """Stops reading; callers that wait go on waiting."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_on(self) -> None:
        while True:
            for topic in list(self._waiting):
                await self._look(topic)
            async with self._looked:
                self._looked.notify_all()
            await asyncio.sleep(POLL_S)

    async def _look(self, topic: str) -> None:
        try:
            held = await self._progress.read(self._topics[topic].log_id, topic)
        except ControlPlaneError as error:
            log.warning("checkpoints not read, will look again", reason=error.message)
            return
        except Exception:
            # A missing right or table: whoever fixes it must not have to restart every edge.
            log.exception("checkpoints cannot be read, will look again")
            await asyncio.sleep(TROUBLE_PAUSE_S)
            return
        self._stored[topic] = {number: one.progress.stored_through for number, one in held.items()}
