"""One process that holds everything: log, stream, store and control plane, in order of need."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from litestar.response import Response
from msgspec import Struct

from clickhouse.client import Warehouse, path_of
from clickhouse.dedup_log import give_back_lost_tokens
from clickhouse.migrate import migrate
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors import ControlPlaneError
from controlplane.initial import Initial, ensure_initial
from controlplane.keyring import KeyRing
from eventlog import transport
from eventlog.group_commit import Limits
from eventlog.log import TopicPartition
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import AGENT_TOPICS
from ingest.edge import Edge
from processors.agents import create_stream_app
from processors.pipeline import WarehouseInserts, build_steps
from processors.sink import Sink
from schemas import metrics
from schemas.projects import ProjectContext
from schemas.settings import Settings
from sluice.ending import ends_within
from sluice.lean import begin_lean
from sluice.limits import block_limits_of, edge_limits_of, engine_bytes_of
from sluice.lock import hold
from sluice.parts import Parts, Resources
from sluice.paths import Paths, paths_of
from sluice.read_backs import ReadBacks
from sluice.secret import find_secret, open_vault
from sluice.seed import seed_of
from sluice.systems import open_systems

CLOSE_TIMEOUT_S = 1.0
DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


class Node:
    """Everything but the HTTP server. Open it once; stop it once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths: Paths = paths_of(settings)
        self._lock = hold(self.paths.lock)
        find_secret(settings.secret, self.paths.data_dir)  # a broken one is reported at once
        self.vault: Vault
        self.database = Database(self.paths.database_url)
        self.keyring = KeyRing(self.database)
        self.warehouse: Warehouse
        self.read_backs: ReadBacks
        self.log: SqliteLog
        self.edge: Edge
        self.sink: Sink
        self.parts: Parts
        self.initial: Initial | None = None
        self._stream: Any = None

    async def start(self) -> None:
        """Opens the stores side by side, brings them up to date, and starts the stream."""
        settings, paths = self.settings, self.paths
        begin_lean()
        self.warehouse, self.parts, self.log, _ = await asyncio.gather(
            asyncio.to_thread(_open_warehouse, paths.warehouse_url, settings),
            asyncio.to_thread(open_systems, Resources(paths.cache, self.database)),
            asyncio.to_thread(_open_log, settings, paths.log),
            self._open_control_plane(),
        )
        self.read_backs = ReadBacks(self.warehouse, settings)
        steps = build_steps(
            self.warehouse.urgent,
            self.parts.steps,
            window_s=settings.dedup_window_hours * 3600,
            log2_filter_bits=settings.dedup_filter_bits,
        )
        limits = block_limits_of(settings, settings.block_interval_ms)
        self.sink = Sink(steps, self.log, WarehouseInserts(self.warehouse), limits)
        self.sink.start()
        self.edge = self._make_edge()
        transport.register()
        self._stream = create_stream_app(
            broker=f"{transport.SCHEME}://",
            topics=AGENT_TOPICS,
            deliver=self.sink.deliver,
            has_room=self.sink.has_room,
            data_dir=paths.faust,
            carried={"event_log": self.log},
        )
        await self._stream.start()

    async def stop(self, timeout_s: float) -> bool:
        """Stores what it can in the time given, then closes; the rest stays in the log.

        Returns `False` when a call of the store would not end: its thread is still there, and the
        process has to be left without waiting for it.
        """
        if self._stream is not None:
            await self.edge.flush_rejections()
            drained = await self._drain(timeout_s)
            log.info("stream stopped", drained=drained)
            await self._stream.stop()
            await self.sink.stop()
        await self._flush_keys()
        await self.database.close()
        await asyncio.to_thread(self.log.close)
        closed = await ends_within(asyncio.to_thread(self.warehouse.close), CLOSE_TIMEOUT_S)
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
        """Waits until the records are stored; returns `shell` with their rows, to be sent."""
        waits = (self.sink.wait_stored(*one) for one in offsets.items())
        try:
            async with asyncio.timeout(self.settings.read_back_timeout_s):
                await asyncio.gather(*waits)
                return await self.read_backs.answer(project, kind, ids, shell)
        except TimeoutError:
            return None

    def _make_edge(self) -> Edge:
        settings = self.settings
        return Edge(
            self.log,
            self.parts.forms,
            edge_limits_of(settings),
            read_back=self.read_back,
            lags_s=self.sink.lags_s,
            fullness=lambda: self.log.stored_bytes / settings.log_max_bytes,
        )

    async def _open_control_plane(self) -> None:
        await self.database.migrate()
        self.vault = await open_vault(self.settings, self.paths.data_dir, self.database)
        self.initial = await ensure_initial(self.database, self.vault, seed_of(self.settings))

    async def _flush_keys(self) -> None:
        try:
            await self.keyring.flush_last_used()
        except ControlPlaneError as error:
            # Not worth waiting for: the next use of a key writes it again.
            log.warning("last use of keys not written", reason=error.message)

    async def _drain(self, timeout_s: float) -> bool:
        """Waits until the log holds nothing that is not stored."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not any(lag for _, lag in self.lags()):
                return await self.sink.drain(max(0.1, deadline - time.monotonic()))
            await asyncio.sleep(0.02)
        return False

    def stream_runs(self) -> bool:
        """Tells whether the agents are at work."""
        stream = self._stream
        return stream is not None and bool(stream.started) and not stream.crashed

    async def wait_broken(self) -> str:
        """Returns, with the reason, when this process can do no more and must end.

        A new process replays from the log, which an app that has crashed cannot do, and sets a
        damaged file aside.
        """
        damaged = asyncio.wrap_future(self.log.damaged)
        return await broken(self._stream, self.sink.failed, damaged)

    def lags(self) -> list[tuple[TopicPartition, int]]:
        """Returns, for each partition with an agent, how many records are not stored yet."""
        return [
            (partition, next_offset - 1 - stored_through)
            for partition, (_, stored_through, next_offset) in self.log.positions().items()
            if partition.topic in AGENT_TOPICS
        ]


async def broken(
    stream: Any,
    writer_failed: "asyncio.Future[BaseException]",
    log_damaged: "asyncio.Future[None]",
) -> str:
    """Returns why the stream, a writer or the log has stopped, as soon as one has."""
    stopped = asyncio.ensure_future(stream.wait_until_stopped())
    ends = {stopped, writer_failed, log_damaged}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    if log_damaged.done():
        return "the log's file is damaged; the next start sets it aside"
    if writer_failed.done():
        return f"a writer was stopped by a bug: {writer_failed.result()!r}"
    return f"the stream has crashed: {stream.crash_reason!r}"


class NodeProbes:
    """What `/ready` and `/metrics` ask of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def checks(self) -> Mapping[str, Awaitable[None]]:
        """Returns one check for each part; a check raises when its part does not work."""
        return {
            "log": self._check_log(),
            "stream": self._check_stream(),
            "store": self._check_store(),
            "control_plane": self._check_control_plane(),
        }

    def refresh_gauges(self) -> None:
        """Brings the gauges of the metrics up to date."""
        node = self._node
        metrics.LOG_BYTES.set(node.log.stored_bytes)
        metrics.LOG_QUEUED_BYTES.set(node.log.queued_bytes)
        metrics.OLDEST_UNACKED_SECONDS.set(node.sink.lag_s())
        records: dict[str, int] = dict.fromkeys(AGENT_TOPICS, 0)
        ages: dict[str, float] = dict.fromkeys(AGENT_TOPICS, 0.0)
        for partition, (_, stored_through, next_offset) in node.log.positions().items():
            if partition.topic not in records:
                continue
            records[partition.topic] += next_offset - 1 - stored_through
            oldest_ms = node.log.oldest_waiting_ms(partition, stored_through)
            if oldest_ms is not None:
                age = time.time() - oldest_ms / 1000
                ages[partition.topic] = max(ages[partition.topic], age)
        for topic in AGENT_TOPICS:
            metrics.LAG_RECORDS.labels(topic).set(records[topic])
            metrics.LAG_SECONDS.labels(topic).set(ages[topic])

    async def _check_log(self) -> None:
        # An empty change of the checkpoints goes through the same thread and fsync as an append.
        await self._node.log.commit({})

    async def _check_stream(self) -> None:
        if self._node.sink.failed.done():
            raise RuntimeError("a writer was stopped by a bug; see the log lines")
        if not self._node.stream_runs():
            raise RuntimeError("the Faust app is not running")

    async def _check_store(self) -> None:
        await self._node.warehouse.urgent.query("SELECT 1")

    async def _check_control_plane(self) -> None:
        await self._node.database.ping()


def _open_warehouse(url: str, settings: Settings) -> Warehouse:
    path = path_of(url)
    if path is not None:
        path.mkdir(parents=True, exist_ok=True)
        if lost := give_back_lost_tokens(path):
            log.warning("blocks were cut off half way and are stored again", blocks=lost)
    warehouse = Warehouse(
        url, readers=settings.query_threads, engine_memory_bytes=engine_bytes_of(settings)
    )
    for name in migrate(warehouse):
        log.info("migration applied", name=name)
    return warehouse


def _open_log(settings: Settings, path: Path) -> SqliteLog:
    limits = Limits(
        max_bytes=settings.log_max_bytes,
        keep_ms=settings.log_keep_hours * 3_600_000,
        dead_keep_ms=settings.retention_days * DAY_MS,
    )
    return SqliteLog(path, partitions=settings.log_partitions, limits=limits)
