"""A distributed installation on this machine: real Kafka and PostgreSQL, `sluice warehouse` as the
ClickHouse server, and Sluice's own processes, each of which a test may kill, pause and start."""

import asyncio
import os
import signal
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
from sqlalchemy import select

from controlplane.database import Database
from controlplane.models import OwnedPartition
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_offsets import OffsetReader
from eventlog.kafka_topics import TopicSettings, check_topics
from eventlog.log import TopicPartition
from eventlog.topics import AGENT_TOPICS
from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.components.processes import freeze
from tests.e2e.server import CONSOLE_SCRIPT, Server, wait_for

PARTITIONS = 4
SECRET = "the secret of every process of this cluster"
STORE_USER = "sluice:a password of the store:write"
STORE_READER = "reader:another password of it:readonly"
DRAINED_S = 120.0


class Cluster:
    """One api, some edges, some workers. What a test starts is ended by the context.

    `command` and `environ` are those of edges and workers.
    """

    def __init__(
        self,
        folder: Path,
        broker: KafkaBroker,
        postgres: Postgres,
        *,
        edges: int = 1,
        workers: int = 2,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str] = (CONSOLE_SCRIPT,),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.broker = broker
        self._database_url = postgres.new_database()
        folder.mkdir(parents=True, exist_ok=True)
        self._prefix = f"c{uuid.uuid4().hex[:8]}."
        self.warehouse = Server(
            folder / "store",
            settings={"WAREHOUSE_USERS": f"{STORE_USER},{STORE_READER}"},
            role="warehouse",
            ready="/ping",
        )
        self.warehouse.settings["WAREHOUSE_PORT"] = str(self.warehouse.port)
        common = {
            "KAFKA_URL": f"kafka://{broker.bootstrap}",
            "KAFKA_TOPIC_PREFIX": self._prefix,
            "KAFKA_GROUP": f"{self._prefix}workers",
            "KAFKA_SESSION_TIMEOUT_MS": "3000",
            "LOG_PARTITIONS": str(PARTITIONS),
            "DATABASE_URL": self._database_url,
            "WAREHOUSE_URL": self._store_url(STORE_USER),
            "SECRET": SECRET,
            "DEDUP_FILTER_BITS": "20",
            # As often as embedded: what is tried here is what comes between the blocks.
            "WORKER_BLOCK_INTERVAL_MS": "200",
            **(settings or {}),
        }
        # As in Compose: what only reads cannot write.
        reading = {**common, "WAREHOUSE_URL": self._store_url(STORE_READER)}
        self.edges = [
            Server(
                folder / f"edge{number}",
                settings=reading,
                environ=environ,
                command=command,
                role="edge",
            )
            for number in range(edges)
        ]
        self.edge = self.edges[0]
        self.api = Server(folder / "api", settings=reading, role="api")
        self.workers = [
            Server(
                folder / f"worker{number}",
                # It opens no sealed key and no cookie.
                settings={**common, "SECRET": ""},
                environ=environ,
                command=command,
                role="worker",
            )
            for number in range(workers)
        ]
        self._migrator = Server(folder / "migrate", settings=common, role="migrate")
        self.data_dir = self.warehouse.data_dir

    def _store_url(self, user: str) -> str:
        name, password, _ = user.split(":")
        return f"http://{name}:{quote(password)}@127.0.0.1:{self.warehouse.port}"

    @property
    def servers(self) -> list[Server]:
        """Every process of ours."""
        return [self.warehouse, *self.edges, self.api, *self.workers]

    def __enter__(self) -> Self:
        try:
            self.warehouse.start()
            self._migrator.start(wait=False)
            assert self._migrator.wait_exit() == 0, self._migrator.tail()
            for server in (self.api, *self.edges, *self.workers):
                server.start(wait=False)
            for server in (self.api, *self.edges, *self.workers):
                server.wait_ready()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self.servers:
            server.__exit__(kind, None, None)
        if error is not None:
            for server in self.servers:
                error.add_note(f"last lines of {server.data_dir.name}:\n{server.tail(30)}")

    # What `Project` and `audit` ask of a server is answered by the API.

    @property
    def url(self) -> str:
        """Where the api is."""
        return self.api.url

    @property
    def admin(self) -> httpx.Client:
        """The client of the seeded admin."""
        return self.api.admin

    def client(self, key: str | None, timeout_s: float = 15.0) -> httpx.Client:
        """Returns a client of the api."""
        return self.api.client(key, timeout_s)

    def wait_stored(self, timeout_s: float = DRAINED_S) -> None:
        """Returns when neither an edge's spool nor Kafka holds anything that is not stored."""
        wait_for(
            lambda: not any(edge.metric("sluice_spool_bytes") for edge in self.edges),
            "the spool to be drained",
            timeout_s=timeout_s,
        )
        wait_for(lambda: self.lag() == 0, "everything to be stored", timeout_s=timeout_s)

    def lag(self) -> int:
        """Returns how many records of Kafka are not stored."""
        return asyncio.run(self._lag())

    def records(self, topic: str) -> int:
        """Returns how many records were ever written to a topic."""
        name = self._address.topic(topic)
        places = [TopicPartition(name, number) for number in range(PARTITIONS)]
        return asyncio.run(self._records(places))

    async def _records(self, places: Sequence[TopicPartition]) -> int:
        async with OffsetReader(self._address) as offsets:
            ends = await offsets.read_ends(places)
        return sum(one.end for one in ends.values())

    @property
    def _address(self) -> KafkaAddress:
        return KafkaAddress((self.broker.bootstrap,), self._prefix)

    async def _lag(self) -> int:
        topics = check_topics(self._address, TopicSettings(partitions=PARTITIONS))
        names = {self._address.topic(name): name for name in AGENT_TOPICS}
        places = [
            TopicPartition(topic, number)
            for topic, name in names.items()
            for number in range(topics[name].partitions)
        ]
        # What is stored first: what comes meanwhile lags, and is not taken for stored.
        stored = await self._stored()
        async with OffsetReader(self._address) as offsets:
            ends = await offsets.read_ends(places)
        lag = 0
        for place, one in ends.items():
            name = names[place.topic]
            lag += one.end - 1 - stored.get((topics[name].log_id, name, place.partition), -1)
        return lag

    async def _stored(self) -> dict[tuple[str, str, int], int]:
        """Returns through which offset each partition is stored, with one statement."""
        row = OwnedPartition
        database = Database(self._database_url)
        try:
            async with database.reading() as session:
                found = await session.execute(
                    select(row.log_id, row.topic, row.partition, row.stored_through)
                )
                return {(log_id, topic, number): at for log_id, topic, number, at in found}
        finally:
            await database.close()

    def stop(self) -> None:
        """Stops everything in order, the store last."""
        for server in (*self.edges, *self.workers, self.api, self.warehouse):
            if server.is_running():
                code, _ = server.stop()
                assert code == 0, server.tail()


def pause(server: Server) -> None:
    """Freezes a process: to the others it is gone."""
    freeze(server.pid)


def resume(server: Server) -> None:
    """Lets a frozen process go on where it was."""
    os.kill(server.pid, signal.SIGCONT)
