"""Sluice on each of its logs, as the suite of promises drives it."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import quote

import msgspec
from sqlalchemy import text

from clickhouse.client import Warehouse
from controlplane.database import Database
from eventlog.dead_letters import DeadLetterBox
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_log import KafkaLog
from eventlog.log import EventLog
from eventlog.producer import Items, produce
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import TOPICS
from schemas.kinds import KINDS, LOG, Kind, Table
from schemas.projects import ProjectId
from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.e2e.cluster import PARTITIONS, STORE_USER, Cluster
from tests.e2e.server import Project, Server
from tests.e2e.test_replay import rewind_log


def tables_beside_the_first(kind: Kind) -> list[str]:
    """Returns the tables that a kind may share with others."""
    return [table.name for table in kind.tables[1:]]


class Installation:
    """One running installation; `front` answers questions, `ingest` takes items in."""

    front: Server
    ingest: Server
    warehouse: Server

    def __init__(self) -> None:
        self.store = Warehouse(store_url(self.warehouse))

    def post(self, project: Project, path: str, body: bytes) -> int:
        """Sends a body with the project's key; returns the status."""
        told = {"Content-Type": "application/json"}
        with self.ingest.client(project.key) as client:
            return client.post(project.addressed(path), content=body, headers=told).status_code

    def produce(
        self,
        project: Project,
        kind: Kind,
        bodies: Sequence[bytes],
        received_at_ns: int,
        *,
        id_of: Callable[[bytes], str] | None = None,
    ) -> None:
        """Appends items as a producer that is no HTTP does, with ids of their own or new ones."""
        name = id_of or partial(given_id, kind)
        items = Items(kind, bodies, [name(body) for body in bodies])
        owner = ProjectId(project.project_id)
        self.with_log(lambda log: produce(log, owner, [items], received_at_ns))

    def count(self, project: Project, table: str) -> int:
        """Returns how many rows the project has in a table."""
        sql = "SELECT count() FROM {table:Identifier} WHERE project_id = {project:String}"
        values = {"table": table, "project": project.project_id}
        return int(self.store.query_now(sql, values, {}).rows[0][0])

    def ids(self, project: Project, kind: Kind, table: Table | None = None) -> list[str]:
        """Returns the ids of the project's stored items of a kind: of each row in a table.

        The first one has a row for each item.
        """
        asked = table or kind.tables[0]
        values = {"table": asked.name, "id": asked.id_column, "project": project.project_id}
        sql = "SELECT {id:Identifier} FROM {table:Identifier} WHERE project_id = {project:String}"
        if asked.name == LOG.tables[0].name:
            sql += f" AND (convention = '') = {kind is LOG}"
        found = [row[0] for row in self.store.query_now(sql, values, {}).rows]
        others = [other for other in KINDS if asked.name in tables_beside_the_first(other)]
        if kind in others:
            own = set(self.ids(project, kind))
            return sorted(one for one in found if one in own)
        theirs = {one for other in others for one in self.ids(project, other)}
        return sorted(one for one in found if one not in theirs)

    def wait_stored(self) -> None:
        """Returns when all that the log holds is stored."""
        raise NotImplementedError

    def kill(self) -> None:
        """Kills what stores, and starts it again."""
        raise NotImplementedError

    def rewind(self) -> None:
        """Has everything that was stored come again."""
        raise NotImplementedError

    def with_log(self, work: Callable[[EventLog], Awaitable[object]]) -> None:
        """Lends the log to a producer of the test's own."""
        raise NotImplementedError

    def box(self) -> DeadLetterBox | KafkaDeadLetters:
        """Returns the dead letters, to be closed by who asks."""
        raise NotImplementedError


class Embedded(Installation):
    """`sluice up`, with a store beside it that the test may ask as well."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = store_server(folder / "store")
        settings = {"WAREHOUSE_URL": store_url(self.warehouse), "LOG_KEEP_HOURS": "1"}
        self.front = self.ingest = Server(folder / "data", settings=settings)
        super().__init__()

    def __enter__(self) -> "Embedded":
        self.warehouse.start()
        self.front.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.front.__exit__(None, None, None)
        self.store.close()
        self.warehouse.__exit__(None, None, None)

    def wait_stored(self) -> None:
        self.front.wait_stored()

    def kill(self) -> None:
        self.front.kill()
        self.front.start()

    def rewind(self) -> None:
        self.front.stop()
        rewind_log(self.front)
        self.front.start()

    def with_log(self, work: Callable[[EventLog], Awaitable[object]]) -> None:
        log = SqliteLog(self.front.data_dir / "log.db")
        try:
            asyncio.run(_awaited(work(log)))
        finally:
            log.close()

    def box(self) -> DeadLetterBox:
        return DeadLetterBox(self.front.data_dir / "log.db")


class Distributed(Installation):
    """A cluster over real Kafka and PostgreSQL."""

    def __init__(self, folder: Path, broker: KafkaBroker, postgres: Postgres) -> None:
        self._folder = folder
        self._closing = ExitStack()
        self.cluster = Cluster(folder, broker, postgres, workers=1)
        self.warehouse = self.cluster.warehouse
        self.front, self.ingest = self.cluster.api, self.cluster.edge
        super().__init__()

    def __enter__(self) -> "Distributed":
        self.cluster.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()
        self.store.close()
        self.cluster.__exit__(None, None, None)

    def wait_stored(self) -> None:
        self.cluster.wait_stored()

    def kill(self) -> None:
        for server in (*self.cluster.edges, *self.cluster.workers):
            server.kill()
            server.start()

    def rewind(self) -> None:
        for worker in self.cluster.workers:
            worker.stop()
        asyncio.run(self._forget_progress())
        for worker in self.cluster.workers:
            worker.start()

    async def _forget_progress(self) -> None:
        database = Database(self.cluster._database_url)
        async with database.session() as session:
            await session.execute(text("UPDATE partition_progress SET stored_through = -1"))
        await database.close()

    def with_log(self, work: Callable[[EventLog], Awaitable[object]]) -> None:
        asyncio.run(_awaited(work(self._log)))

    @cached_property
    def _log(self) -> KafkaLog:
        # One for all tests: to open and close it takes a second.
        counts = {topic.name: PARTITIONS if topic.spread else 1 for topic in TOPICS}
        log = KafkaLog(self.cluster._address, counts, self._folder / "spool.db")
        self._closing.callback(log.close)
        return log

    def box(self) -> KafkaDeadLetters:
        return KafkaDeadLetters(self.cluster._address)


def store_server(folder: Path) -> Server:
    """Returns a store that several processes reach."""
    settings = {"WAREHOUSE_USERS": STORE_USER}
    server = Server(folder, settings=settings, role="warehouse", ready="/ping")
    server.settings["WAREHOUSE_PORT"] = str(server.port)
    return server


def store_url(server: Server) -> str:
    """Returns its address, with a user who may write."""
    name, password, _ = STORE_USER.split(":")
    return f"http://{name}:{quote(password)}@127.0.0.1:{server.port}"


def given_id(kind: Kind, body: bytes) -> str:
    """Returns an item's own id, or a new one as the edge gives it."""
    try:
        return str(msgspec.json.decode(body)[kind.id_field])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return str(uuid.uuid4())


async def _awaited(work: Awaitable[object]) -> None:
    await work
