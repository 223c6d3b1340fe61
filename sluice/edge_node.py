"""`sluice edge`: takes events in and answers when they are durable. Any number of them."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

import structlog
from litestar.response import Response
from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.errors import WarehouseError
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors import ControlPlaneError
from controlplane.keyring import KeyRing
from controlplane.progress import PartitionProgress
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_topics import TopicsState
from eventlog.log import TopicPartition
from eventlog.spool import SPOOLED
from ingest.edge import NEARLY_FULL, Edge
from ingest.stored_watch import StoredWatch
from schemas import metrics
from schemas.projects import ProjectContext
from schemas.settings import Settings
from sluice.cluster import (
    find_topics,
    kafka_limits_of,
    kafka_of,
    migrate_control_plane,
    server_paths,
)
from sluice.ending import ends_within
from sluice.limits import edge_limits_of
from sluice.lock import hold
from sluice.parts import Resources
from sluice.paths import paths_of
from sluice.read_backs import ReadBacks
from sluice.secret import open_vault
from sluice.systems import open_systems

CLOSE_TIMEOUT_S = 1.0

log = structlog.get_logger(__name__)


class EdgeNode:
    """The process that takes events in. Open it once; stop it once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths = server_paths(paths_of(settings))
        self.kafka = kafka_of(settings)
        # The spool is this process's own.
        self._lock = hold(self.paths.lock)
        self.database = Database(self.paths.database_url)
        self.keyring = KeyRing(self.database)
        # Only `/batch` reads the store: events are taken even when the store is down.
        self.warehouse = Warehouse(self.paths.warehouse_url, readers=settings.query_threads)
        self.read_backs = ReadBacks(self.warehouse, settings)
        self.vault: Vault
        self.log: KafkaLog
        self.edge: Edge
        self.topics: TopicsState
        self._watch: StoredWatch | None = None

    async def start(self) -> None:
        """Opens what events need: keys, the spool, and Kafka if it is there."""
        settings, paths = self.settings, self.paths
        await migrate_control_plane(self.database)
        self.vault = await open_vault(settings, paths.data_dir, self.database)
        self.topics = await find_topics(
            self.kafka, settings, remembered=paths.data_dir / "topics.json"
        )
        parts = await asyncio.to_thread(open_systems, Resources(paths.cache, self.database))
        self.log = await asyncio.to_thread(self._open_log)
        self._watch = StoredWatch(PartitionProgress(self.database), self.topics)
        self.edge = Edge(
            self.log,
            parts.forms,
            edge_limits_of(settings),
            read_back=self.read_back,
            # Kafka holds what the workers have not stored; their lag is not known here.
            lags_s=lambda: (),
            fullness=lambda: self.log.fullness,
        )

    def _open_log(self) -> KafkaLog:
        settings = self.settings
        counts = {name: state.partitions for name, state in self.topics.items()}
        spool = self.paths.data_dir / "spool.db"
        return KafkaLog(self.kafka, counts, spool, kafka_limits_of(settings))

    async def stop(self, timeout_s: float) -> bool:
        """Counts the last refusals and closes; what Kafka has not acknowledged is in the spool."""
        if self._watch is not None:
            await self.edge.flush_rejections()
            await self._watch.close()
            await asyncio.to_thread(self.log.close)
        try:
            await self.keyring.flush_last_used()
        except ControlPlaneError as error:
            log.warning("last use of keys not written", reason=error.message)
        await self.database.close()
        closing = asyncio.to_thread(self.warehouse.close)
        closed = await ends_within(closing, min(timeout_s, CLOSE_TIMEOUT_S))
        self._lock.close()
        return closed

    async def read_back(
        self,
        project: ProjectContext,
        kind: str,
        ids: Sequence[str],
        offsets: Mapping[TopicPartition, int],
        shell: Struct,
    ) -> Response[bytes] | None:
        """Waits until a worker has stored the records; returns `shell` with their rows."""
        assert self._watch is not None
        if SPOOLED in offsets.values():
            # Kafka is away: nobody can store it soon.
            return None
        try:
            async with asyncio.timeout(self.settings.read_back_timeout_s):
                await self._watch.wait_stored(offsets)
                return await self.read_backs.answer(project, kind, ids, shell)
        except (TimeoutError, WarehouseError):
            return None

    async def wait_broken(self) -> str:
        """Returns when the spool's file is damaged. Any other fault passes without a new start."""
        await asyncio.wrap_future(self.log.damaged)
        return "the spool's file is damaged; the next start sets it aside"


class EdgeProbes:
    """What `/ready` and `/metrics` ask of an edge."""

    def __init__(self, node: EdgeNode) -> None:
        self._node = node

    def checks(self) -> Mapping[str, Awaitable[None]]:
        """Returns one check for each part; a check raises when its part does not work."""
        return {"log": self._check_log(), "control_plane": self._node.database.ping()}

    def refresh_gauges(self) -> None:
        """Brings the gauges of the metrics up to date."""
        metrics.LOG_QUEUED_BYTES.set(self._node.log.queued_bytes)
        metrics.SPOOL_BYTES.set(self._node.log.stored_bytes)

    async def _check_log(self) -> None:
        spool = self._node.log
        if spool.fullness >= NEARLY_FULL:
            raise RuntimeError("Kafka does not answer and the spool is nearly full")
