"""The edge itself: from an authenticated request to records that are durable."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import structlog
from litestar import Response
from msgspec import Struct

from eventlog.log import AppendUncertain, EventLog, LogError, LogFull, TopicPartition
from eventlog.producer import Items, produce
from eventlog.records import Refusal
from ingest.body import ON_LOOP_BYTES, BodyBudget, BodyLimits, Incoming, InHand, read_body
from ingest.forms import Counted, Form, Split
from ingest.pacing import Pacer
from ingest.quotas import Quotas
from ingest.rejections import Overloaded, Rejected
from ingest.workers import Workers
from schemas import metrics
from schemas.projects import ProjectContext, ProjectId

RETRY_AFTER_FULL_S = 5
NEARLY_FULL = 0.9
"""Of the log's size. The rest is for senders that do not send again: their events would be lost."""

NOBODY = ProjectId("")
"""Whose bodies are in hand that belong to no project."""

log = structlog.get_logger(__name__)

ReadBack = Callable[
    [ProjectContext, str, Sequence[str], Mapping[TopicPartition, int], Struct],
    Awaitable[Response[Any] | None],
]
"""Project, kind, ids, log positions and an answer whose list is empty -> that answer with the
stored rows in the order of the ids, once they can be read; `None` when that takes too long."""


CountRequest = Callable[[str], Awaitable[None]]
"""Counts a request of a key. Raises `RateLimited`, and `Overloaded` where nobody can say."""

_Counts: TypeAlias = Counter[tuple[ProjectId, str, str, str, int]]
"""By project, kind, outcome, reason and minute."""


class Accepted(NamedTuple):
    """What was made durable."""

    items: Sequence[Items]
    offsets: Mapping[TopicPartition, int]
    answer_id: str = ""
    rejected: Mapping[Any, int] = MappingProxyType({})
    """These two: see `Split`."""

    @property
    def total(self) -> int:
        """How many items, of all kinds."""
        return sum(len(one.ids) for one in self.items)


class EdgeLimits(Struct, frozen=True):
    """What the edge takes."""

    requests_per_minute: int = 0
    """For each key; 0 is no limit."""
    body: BodyLimits = BodyLimits()
    max_item_bytes: int = 16 << 20
    pace_from_lag_s: float = 1.5
    """The lag of the stream from which senders are slowed down; 0 is never."""


class Edge:
    """Checks and appends. One for each process."""

    def __init__(
        self,
        event_log: EventLog,
        forms: Mapping[str, Form],
        limits: EdgeLimits,
        *,
        read_back: ReadBack,
        lags_s: Callable[[], Sequence[float]],
        fullness: Callable[[], float],
        count_request: CountRequest | None = None,
        in_hand: InHand | None = None,
    ) -> None:
        """`count_request` counts for the limit of requests in the place of the edge's own.

        `in_hand` tells of the bodies of other processes, see `BodyBudget`.
        """
        self.read_back = read_back
        self._fullness = fullness
        self.pacer = Pacer(limits.pace_from_lag_s, lags_s)
        self._max_item_bytes = limits.max_item_bytes
        self._log = event_log
        self._budget = BodyBudget(limits.body, in_hand)
        self._workers = Workers()
        self.quotas = Quotas(limits.requests_per_minute)
        self._count_request = count_request
        self._forms = forms
        self._uncounted: _Counts = Counter()
        self._counting: set[asyncio.Task[None]] = set()

    async def accept(
        self, project: ProjectContext, form: str, incoming: Incoming, *, retried: bool = False
    ) -> Accepted:
        """Returns when every item of a request of this form is durable in the log.

        `retried` says that the sender tries again after a 503. When the log is nearly full, such
        senders are rejected first. Raises a `Rejected`; its count is durable by then, unless the
        log is not available.
        """
        kind = self._forms[form].kind
        try:
            if retried and self._fullness() >= NEARLY_FULL:
                raise Overloaded("The log is nearly full", retry_after_s=RETRY_AFTER_FULL_S)
            accepted = await self._accept(project, self._forms[form], incoming)
        except Rejected as rejected:
            for of_kind, count in (rejected.by_kind or {kind: rejected.items}).items():
                counted = Counted(of_kind, rejected.outcome, rejected.reason, count)
                metrics.RECEIVED.labels(of_kind).inc(count)
                metrics.REJECTED.labels(of_kind, counted.word).inc(count)
                self._note(project.project_id, counted)
            await self.flush_rejections()
            raise
        for items in accepted.items:
            metrics.counter(metrics.RECEIVED, items.kind.name).inc(len(items.ids))
            metrics.counter(metrics.ACCEPTED, items.kind.name).inc(len(items.ids))
        return accepted

    async def examine(self, form: str, incoming: Incoming, *, max_framed_bytes: int) -> None:
        """Raises what `accept` would say of the body of a sender who belongs to no project.

        A body of more than `max_framed_bytes` is only measured. Nothing is counted.
        """
        body = await self._read(NOBODY, self._forms[form], incoming)
        try:
            if len(body) <= max_framed_bytes:
                await self._framed(NOBODY, body, self._forms[form], incoming.headers)
        finally:
            self._budget.give_back(NOBODY, len(body))

    async def _accept(self, project: ProjectContext, form: Form, incoming: Incoming) -> Accepted:
        key = project.key_id or project.project_id
        if self._count_request is None:
            self.quotas.take(key)
        else:
            await self._count_request(key)
        body = await self._read(project.project_id, form, incoming)
        size = len(body)
        try:
            split = await self._framed(project.project_id, body, form, incoming.headers)
            del body
            kept_bytes = sum(len(one) for items in split.items for one in items.bodies)
            size += self._grow(project.project_id, size, kept_bytes)
            for counted in split.counted:
                metrics.NOT_KEPT.labels(counted.kind, counted.word).inc(counted.items)
                self._note(project.project_id, counted)
            offsets = await self._append(project, split.items, kept_bytes)
            if split.counted:
                await self.flush_rejections()
            return Accepted(split.items, offsets, split.answer_id, split.rejected)
        finally:
            self._budget.give_back(project.project_id, size)

    async def _read(self, project_id: ProjectId, form: Form, incoming: Incoming) -> bytes:
        return await read_body(
            project_id, incoming, self._budget, self._workers, max_bytes=form.max_body_bytes
        )

    async def _framed(
        self, project_id: ProjectId, body: bytes, form: Form, headers: Mapping[str, str]
    ) -> Split:
        frame = partial(form.frame, body, headers, self._max_item_bytes)
        if len(body) <= ON_LOOP_BYTES:
            return frame()
        return await self._workers.run(project_id, frame)

    def _grow(self, project_id: ProjectId, size: int, kept_bytes: int) -> int:
        """Sets memory aside for items that are larger than their request; returns how much.

        One request alone always fits: it would never be taken otherwise.
        """
        most = self._budget.limits.max_project_bytes
        grown = max(0, min(kept_bytes, most) - size)
        self._budget.take(project_id, grown)
        return grown

    async def _append(
        self, project: ProjectContext, items: Sequence[Items], size: int
    ) -> Mapping[TopicPartition, int]:
        if not any(one.bodies for one in items):
            return {}
        if delay_s := self.pacer.delay_s(project.project_id, size):
            await asyncio.sleep(delay_s)
        try:
            key_id = project.key_id or ""
            at_ns = time.time_ns()
            return await produce(self._log, project.project_id, items, at_ns, key_id=key_id)
        except LogError as error:
            by_kind = {one.kind.name: len(one.bodies) for one in items if one.bodies}
            kinds = " and ".join(by_kind)
            log.warning("log cannot take a request", reason=str(error), kind=kinds)
            overloaded = Overloaded(
                f"Failed to enqueue {kinds}",
                retry_after_s=RETRY_AFTER_FULL_S if isinstance(error, LogFull) else 1,
                items=sum(by_kind.values()),
            )
            overloaded.by_kind = by_kind
            raise overloaded from error

    def _note(self, project_id: ProjectId, counted: Counted) -> None:
        """Counts what the log does not hold; `flush_rejections` puts it into the ledger."""
        kind, outcome, reason, count = counted
        minute = time.time_ns() // 60_000_000_000
        self._uncounted[project_id, kind, outcome, reason, minute] += count

    async def flush_rejections(self) -> None:
        """Puts into the ledger what was not taken in; keeps what the log cannot take now."""
        if not self._uncounted:
            return
        counts, self._uncounted = self._uncounted, Counter()
        refusals = [
            Refusal(project, kind_, outcome, reason, minute_ * 60_000_000_000, count)
            for (project, kind_, outcome, reason, minute_), count in counts.items()
        ]
        # The caller may be cancelled meanwhile; the counts that it took out must still be written.
        task = asyncio.create_task(self._put(refusals, counts))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)
        await asyncio.shield(task)

    async def _put(self, refusals: Sequence[Refusal], counts: _Counts) -> None:
        try:
            await self._log.append_refusals(refusals)
        except AppendUncertain as error:
            # Counted at most once: the counts have no id that would show a second writing.
            log.warning("rejections may not be counted", reason=str(error), items=counts.total())
        except LogError:
            self._uncounted.update(counts)
