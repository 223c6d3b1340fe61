"""Workers that share checkpoints, a store and one partition, whose stream is played by the test."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog.kafka_offsets import Ends
from eventlog.kafka_topics import TopicState
from eventlog.log import LogUnavailable, TopicPartition
from eventlog.records import Chunk, DeadLetter, encode_chunks
from processors.blocks import Delivery
from processors.events import EventStep
from processors.ownership import Checkpoints, Holder
from processors.seen import SeenFilter
from processors.sink import Sink
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.integration.processors.sinks import LIMITS, PARTITION, Store, kind_step

TOPICS = {TRACES.name: TopicState(partitions=1, log_id="kafka:cluster/topic")}
THEIRS = TopicPartition("prefix.raw.traces", 0)


class Worker:
    """Checkpoints, sink and holder of one process; the stream is played by the test."""

    def __init__(self, name: str, database: Database, store: Store, log: "Log") -> None:
        step = EventStep([kind_step(store)], store, lambda: SeenFilter(20, 3600))
        self.dead_letters: list[DeadLetter] = []
        self._log = log
        self.checkpoints = Checkpoints(PartitionProgress(database), TOPICS, self._keep, name)
        self.sink = Sink({TRACES.name: step}, self.checkpoints, store, LIMITS)
        self.holder = Holder(self.checkpoints, self.sink, log.ends, lambda _: TRACES.name)

    async def take(self) -> int:
        return (await self.holder.take([THEIRS]))[THEIRS]

    async def feed(self, start: int) -> None:
        for offset, value in list(enumerate(self._log.values))[start:]:
            await self.sink.deliver(PARTITION, Delivery(offset, value))

    async def _keep(self, dead_letters: Sequence[DeadLetter]) -> None:
        self.dead_letters += dead_letters


class Log:
    """The partition's records."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.begin = 0
        self.failures = 0
        """How often it will not tell its ends."""

    def append(self, *items: str) -> None:
        bodies = [item.encode() for item in items]
        chunk = Chunk(ProjectId("p"), "pulse.trace", 60_000_000_000, bodies)
        self.values.append(encode_chunks([chunk]))

    async def ends(self, asked: Collection[TopicPartition]) -> Mapping[TopicPartition, Ends]:
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("not now")
        return {one: Ends(self.begin, len(self.values)) for one in asked}


class StallingStore(Store):
    """Holds every insert until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()
        self.held = 0

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        self.held += 1
        await self.go.wait()
        self.held -= 1
        await super().insert(table, arrow_stream, token)


def outcomes_in(store: Store) -> dict[str, int]:
    counts = dict(store.outcomes())
    assert counts.pop("received") == sum(counts.values())
    return counts
