"""The edge itself: from an authenticated request to records that are durable."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import structlog
from litestar import Response
from msgspec import Struct

from eventlog.log import AppendUncertain, EventLog, LogError, LogFull
from eventlog.records import Chunk, Refusal, partition_of
from ingest.body import ON_LOOP_BYTES, BodyBudget, BodyLimits, Incoming, read_body
from ingest.errors import Overloaded, Refused
from ingest.llm.pulse import (
    DEFAULT_MAX_ITEM_BYTES,
    Frame,
    Framed,
    frame_array,
    span_frame,
    trace_frame,
)
from ingest.pacing import Pacer
from ingest.quotas import Quotas
from ingest.workers import Workers
from schemas import metrics
from schemas.projects import ProjectContext, ProjectId

RETRY_AFTER_FULL_S = 5
NEARLY_FULL = 0.9
"""Of the log's room; what is left is for those whose events are lost when they are refused."""

log = structlog.get_logger(__name__)

ReadBack = Callable[
    [ProjectContext, str, Sequence[str], Mapping[int, int], Struct], Awaitable[Response[Any] | None]
]
"""Project, topic, ids, log positions and an answer whose list is empty -> that answer with the
stored rows in the order of the ids, once they can be read; `None` when that takes too long."""


_Counts: TypeAlias = Counter[tuple[ProjectId, str, str, str, int]]
"""By project, kind, outcome, reason and minute."""


class Accepted(NamedTuple):
    """What was made durable."""

    ids: list[str]
    offsets: Mapping[int, int]
    """By partition."""


class EdgeLimits(Struct, frozen=True):
    """What the edge takes."""

    requests_per_minute: int = 0
    """For each key; 0 is no limit."""
    body: BodyLimits = BodyLimits()
    max_item_bytes: int = DEFAULT_MAX_ITEM_BYTES
    pace_from_lag_s: float = 1.5
    """Behind how long a lag of the stream senders are slowed down; 0 is never."""


class Edge:
    """Checks and appends. One for each process."""

    def __init__(
        self,
        event_log: EventLog,
        providers: frozenset[str],
        limits: EdgeLimits,
        *,
        read_back: ReadBack,
        lag_s: Callable[[], float],
        fullness: Callable[[], float],
    ) -> None:
        self.read_back = read_back
        self._fullness = fullness
        self._pacer = Pacer(limits.pace_from_lag_s, lag_s)
        self._max_item_bytes = limits.max_item_bytes
        self._log = event_log
        self._budget = BodyBudget(limits.body)
        self._workers = Workers()
        self._quotas = Quotas(limits.requests_per_minute)
        self._frames = {"raw.traces": trace_frame(providers), "raw.spans": span_frame()}
        self._uncounted: _Counts = Counter()
        self._counting: set[asyncio.Task[None]] = set()

    async def accept(
        self, project: ProjectContext, topic: str, incoming: Incoming, *, retried: bool = False
    ) -> Accepted:
        """Returns when every item is durable in the log.

        `retried` says that the sender comes again after a 503: when room gets short such are
        refused first. Raises a `Refused`, whose count is durable too by then (unless the log
        itself is away).
        """
        frame = self._frames[topic]
        try:
            if retried and self._fullness() >= NEARLY_FULL:
                raise Overloaded("The log is nearly full", retry_after_s=RETRY_AFTER_FULL_S)
            accepted = await self._accept(project, topic, frame, incoming)
        except Refused as refused:
            metrics.RECEIVED.labels(frame.kind).inc(refused.items)
            metrics.REJECTED.labels(frame.kind, f"{refused.outcome}:{refused.reason}").inc(
                refused.items
            )
            await self._count(project.project_id, frame.kind, refused)
            raise
        metrics.RECEIVED.labels(frame.kind).inc(len(accepted.ids))
        metrics.ACCEPTED.labels(frame.kind).inc(len(accepted.ids))
        return accepted

    async def _accept(
        self, project: ProjectContext, topic: str, frame: Frame, incoming: Incoming
    ) -> Accepted:
        self._quotas.take(project.key_id or project.project_id)
        body = await read_body(project.project_id, incoming, self._budget, self._workers)
        size = len(body)
        try:
            framed = await self._framed(project.project_id, body, frame)
            del body
            return Accepted(framed.ids, await self._append(project, topic, frame, framed))
        finally:
            self._budget.give_back(project.project_id, size)

    async def _framed(self, project_id: ProjectId, body: bytes, frame: Frame) -> Framed:
        check = partial(frame_array, body, frame, max_item_bytes=self._max_item_bytes)
        if len(body) <= ON_LOOP_BYTES:
            return check()
        return await self._workers.run(project_id, check)

    async def _append(
        self, project: ProjectContext, topic: str, frame: Frame, framed: Framed
    ) -> Mapping[int, int]:
        if not framed.items:
            return {}
        size = sum(map(len, framed.items))
        if delay_s := self._pacer.delay_s(project.project_id, size):
            await asyncio.sleep(delay_s)
        chunks = self._chunks(project.project_id, topic, frame.wire, framed)
        try:
            return await self._log.append_chunks(topic, chunks)
        except LogError as error:
            log.warning("log refused a request", reason=str(error), kind=frame.kind)
            raise Overloaded(
                f"Failed to enqueue {frame.kind}",
                retry_after_s=RETRY_AFTER_FULL_S if isinstance(error, LogFull) else 1,
                items=len(framed.items),
            ) from error

    def _chunks(
        self, project_id: ProjectId, topic: str, wire: str, framed: Framed
    ) -> dict[int, Chunk]:
        received_at_ns = time.time_ns()
        partitions = self._log.partitions(topic)
        if partitions == 1:
            return {0: Chunk(project_id, wire, received_at_ns, framed.items)}
        parts: dict[int, list[bytes]] = {}
        for body, event_id in zip(framed.items, framed.ids, strict=True):
            parts.setdefault(partition_of(project_id, event_id, partitions), []).append(body)
        return {
            partition: Chunk(project_id, wire, received_at_ns, items)
            for partition, items in parts.items()
        }

    async def _count(self, project_id: ProjectId, kind: str, refused: Refused) -> None:
        """Puts a refusal into the ledger; keeps it in memory while the log cannot take it."""
        minute = time.time_ns() // 60_000_000_000
        key = (project_id, kind, refused.outcome, refused.reason, minute)
        self._uncounted[key] += refused.items
        await self.flush_refusals()

    async def flush_refusals(self) -> None:
        """Puts into the ledger what the log could not take at the time of a refusal."""
        if not self._uncounted:
            return
        counts, self._uncounted = self._uncounted, Counter()
        refusals = [
            Refusal(project, kind_, outcome, reason, minute_ * 60_000_000_000, count)
            for (project, kind_, outcome, reason, minute_), count in counts.items()
        ]
        # Whoever asks may be cancelled meanwhile; what it took out must be counted all the same.
        task = asyncio.create_task(self._put(refusals, counts))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)
        await asyncio.shield(task)

    async def _put(self, refusals: Sequence[Refusal], counts: _Counts) -> None:
        try:
            await self._log.append_refusals(refusals)
        except AppendUncertain as error:
            # Counted once at most: there is no id by which a second count could be told.
            log.warning("refusals may not be counted", reason=str(error), items=counts.total())
        except LogError:
            self._uncounted.update(counts)
