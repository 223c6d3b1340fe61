"""A whole stream, from the log to a store that takes nothing of one partition, on either log."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog import kafka_transport, transport
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_offsets import OffsetReader
from eventlog.kafka_topics import TopicSettings, check_topics, ensure_topics
from eventlog.records import Chunk, DeadLetter
from eventlog.sqlite_log import SqliteLog
from processors.agents import create_stream_app
from processors.events import EventStep
from processors.ownership import Checkpoints, Holder
from processors.seen import SeenFilter
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.integration.eventlog.kafka_logs import own_address
from tests.integration.processors.sinks import Store, kind_step

PARTITIONS = 4
LIMITS = BlockLimits(min_interval_s=0.05, longest_pause_s=0.2, max_partition_waiting_bytes=1 << 20)


def _steps(store: Store) -> dict[str, EventStep]:
    step = EventStep([kind_step(store)], store, lambda: SeenFilter(20, 3600))
    return {TRACES.name: step}


class EmbeddedStream:
    """The one process: a log in a file."""

    sink: Sink
    app: Any

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self.log: Any = SqliteLog(folder / "log.db", partitions=PARTITIONS)

    async def start(self) -> None:
        """Begins to read."""
        self.sink = Sink(_steps(self._store), self.log, self._store, LIMITS)
        self.sink.start()
        transport.register()
        self.app = create_stream_app(
            broker=f"{transport.SCHEME}://",
            topics=[TRACES.name],
            deliver=self.sink.deliver,
            has_room=self.sink.has_room,
            data_dir=self._folder / "faust",
            carried={"event_log": self.log},
        )
        await self.app.start()

    async def append(self, items: Sequence[bytes]) -> None:
        """Appends one item to each partition."""
        chunks = {
            number: Chunk(ProjectId("p"), "pulse.trace", 60_000_000_000, [item])
            for number, item in enumerate(items)
        }
        await append_chunks(self.log, TRACES.name, chunks)

    async def stop(self) -> None:
        """Ends the app, then what it feeds."""
        await self.app.stop()
        await self.sink.stop()

    async def close(self) -> None:
        """Lets go of the log."""
        self.log.close()


class KafkaStream(EmbeddedStream):
    """A worker: real Kafka, and checkpoints in a control plane."""

    def __init__(self, folder: Path, store: Store, broker: Any) -> None:
        self._folder = folder
        self._store = store
        self._address = own_address(broker)
        settings = TopicSettings(partitions=PARTITIONS)
        ensure_topics(self._address, settings)
        self._topics = check_topics(self._address, settings)
        counts = {name: state.partitions for name, state in self._topics.items()}
        self.log = KafkaLog(self._address, counts, folder / "spool.db")
        self._offsets = OffsetReader(self._address)
        self._database = Database(f"sqlite:///{folder / 'control.db'}")

    async def start(self) -> None:
        """Joins the group."""
        await self._database.migrate()
        progress = PartitionProgress(self._database)
        checkpoints = Checkpoints(progress, self._topics, _keep_no_dead_letters, "worker")
        self.sink = Sink(_steps(self._store), checkpoints, self._store, LIMITS)
        ours = {self._address.topic(name): name for name in self._topics}
        holder = Holder(checkpoints, self.sink, self._offsets.read_ends, ours.__getitem__)
        kafka_transport.register()
        self.app = create_stream_app(
            broker=f"{kafka_transport.SCHEME}://{self._address.servers[0]}",
            topics=[self._address.topic(TRACES.name)],
            deliver=lambda partition, one: self.sink.deliver(holder.ours(partition), one),
            has_room=lambda partition: self.sink.has_room(holder.ours(partition)),
            data_dir=self._folder / "faust",
            carried={
                "kafka_options": self._address.aiokafka() | {"session_timeout_ms": 6000},
                "partition_holder": holder,
            },
            group=self._address.topic("group"),
        )
        await self.app.start()

    async def close(self) -> None:
        """Lets go of Kafka and the control plane."""
        await asyncio.to_thread(self.log.close)
        await self._offsets.close()
        await self._database.close()


async def _keep_no_dead_letters(dead_letters: Sequence[DeadLetter]) -> None:
    assert not dead_letters
