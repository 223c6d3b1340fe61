"""A real Faust app on a real log, and a receiver that keeps what the agents hand it."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eventlog import transport
from eventlog.log import TopicPartition
from eventlog.sqlite_log import SqliteLog
from processors.agents import create_stream_app
from processors.blocks import Delivery
from schemas.kinds import SPANS, TRACES
from tests.integration.eventlog.logs import until

TOPICS = (TRACES.name, SPANS.name)


class Receiver:
    """Takes deliveries as the sink does, and stores those that it is told to."""

    def __init__(self, *, stores: bool = True) -> None:
        self.got: defaultdict[TopicPartition, list[Delivery]] = defaultdict(list)
        self.stores = stores
        self.stored: defaultdict[TopicPartition, set[int]] = defaultdict(set)
        self.blocked: dict[str, asyncio.Event] = {}
        """By topic: the agent waits in its first delivery until the event is set."""
        self.full: set[TopicPartition] = set()
        """Partitions that have no room for more."""
        self.fails_at: int | None = None

    def has_room(self, partition: TopicPartition) -> bool:
        return partition not in self.full

    async def deliver(self, partition: TopicPartition, delivery: Delivery) -> None:
        if partition.topic in self.blocked:
            await self.blocked[partition.topic].wait()
        if delivery.offset == self.fails_at:
            raise RuntimeError("a bug in the agent")
        self.got[partition].append(delivery)
        if self.stores:
            self.stored[partition].add(delivery.offset)

    def offsets(self, partition: TopicPartition) -> list[int]:
        return [delivery.offset for delivery in self.got[partition]]

    def count(self) -> int:
        return sum(map(len, self.got.values()))


class Stream:
    """One life of the agents: a new app on a log that may have seen others."""

    def __init__(
        self, log: SqliteLog, folder: Path, receiver: Receiver, topics: Sequence[str] = TOPICS
    ) -> None:
        transport.register()
        self.app: Any = create_stream_app(
            broker=f"{transport.SCHEME}://",
            topics=topics,
            deliver=receiver.deliver,
            has_room=receiver.has_room,
            data_dir=folder / "faust",
            carried={"event_log": log},
        )
        # Beside what a test looks at.
        self.app.conf.broker_commit_interval = 3600.0
        self._log: SqliteLog | None = log
        self._receiver = receiver

    @classmethod
    def of(cls, app: Any) -> "Stream":
        """Wraps an app that was made elsewhere."""
        stream = cls.__new__(cls)
        stream.app, stream._log = app, None
        return stream

    async def __aenter__(self) -> "Stream":
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.timeout(5):
            await self.app.stop()
        await self.store()

    async def store(self) -> None:
        """Moves the log's checkpoints behind what the receiver has stored, and drops nothing."""
        if self._log is None:
            return
        for partition, stored in self._receiver.stored.items():
            through = self._log.states()[partition].progress.stored_through
            while through + 1 in stored:
                through += 1
            values = (through, *partition)
            statement = "UPDATE partitions SET stored_through = ? WHERE (topic, partition) = (?, ?)"
            await self._log._file.change(partial(_execute, statement, values))

    async def settle(self, receiver: Receiver, count: int) -> None:
        """Returns when so many records have been received."""
        await until(lambda: receiver.count() >= count)


def _execute(statement: str, values: tuple[Any, ...], connection: sqlite3.Connection) -> None:
    connection.execute(statement, values)
