"""Reads a request's body: streamed, inflated, bounded on both sides of inflation."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from ingest.errors import TooManyBodies, TooSlow
from ingest.inflate import Inflater, inflater, too_large
from ingest.workers import Workers
from schemas import metrics
from schemas.projects import ProjectId

ON_LOOP_BYTES = 256 << 10
"""So much is inflated on the event loop, a millisecond of work: a usual body is done before a
thread has begun."""
OFF_LOOP_BYTES = 1 << 20
"""Inflated at a time in a thread; then it is another body's turn."""


class BodyLimits(Struct, frozen=True):
    """Bounds of one body and of all bodies in hand."""

    max_wire_bytes: int = 16 << 20
    max_inflated_bytes: int = 64 << 20
    max_total_bytes: int = 256 << 20
    grace_s: float = 30.0
    """How long a body may take, and one second more for each `least_bytes_per_s` that came."""
    least_bytes_per_s: int = 64 << 10

    @property
    def max_project_bytes(self) -> int:
        """What one project may have in hand: a quarter of all, or the largest body allowed."""
        return min(self.max_total_bytes, max(self.max_total_bytes // 4, self.max_inflated_bytes))


class BodyBudget:
    """The bytes of all bodies in hand; a request that would go beyond is told to come again."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self._used = 0
        self._used_by: Counter[ProjectId] = Counter()
        metrics.BODIES_IN_HAND.set_function(lambda: self._used)

    def take(self, project_id: ProjectId, size: int) -> None:
        """Adds bytes of a project. Raises `TooManyBodies` beyond a bound; then none was added."""
        bound = self.limits.max_project_bytes
        if self._used_by[project_id] + size > bound:
            raise TooManyBodies(
                f"Too many requests of this project are being read: at most {bound} bytes at a"
                " time",
                retry_after_s=1,
            )
        # How much others are sending is not told.
        if self._used + size > self.limits.max_total_bytes:
            raise TooManyBodies("Too many requests are being read at this time", retry_after_s=1)
        self._used += size
        self._used_by[project_id] += size

    def give_back(self, project_id: ProjectId, size: int) -> None:
        """Takes bytes off again."""
        self._used -= size
        self._used_by[project_id] -= size
        if not self._used_by[project_id]:
            del self._used_by[project_id]


class Incoming(NamedTuple):
    """What the edge needs of an HTTP request."""

    chunks: AsyncIterator[bytes]
    encoding: str | None
    length: str | None
    headers: Mapping[str, str] = MappingProxyType({})
    """For those whose form depends on them."""


async def read_body(
    project_id: ProjectId, incoming: Incoming, budget: BodyBudget, workers: Workers
) -> bytes:
    """Returns the inflated body. The caller gives its length back to the budget when done.

    Raises `TooLarge`, `TooSlow`, `UnknownEncoding`, `BadJson` (for data that cannot be inflated)
    and `TooManyBodies`.
    """
    limits = budget.limits
    length = incoming.length
    if length is not None and length.isdigit() and int(length) > limits.max_wire_bytes:
        raise too_large(f"{length} bytes", limits.max_wire_bytes, "on the wire")
    reading = _Reading(project_id, budget, workers)
    codec = inflater(incoming.encoding, limits.max_inflated_bytes)
    wire = 0
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(started + limits.grace_s) as clock:
            async for chunk in incoming.chunks:
                wire += len(chunk)
                if wire > limits.max_wire_bytes:
                    raise too_large(
                        f"more than {wire - 1} bytes", limits.max_wire_bytes, "on the wire"
                    )
                clock.reschedule(started + limits.grace_s + wire / limits.least_bytes_per_s)
                if codec is None:
                    reading.keep([chunk])
                else:
                    await reading.inflate(codec, chunk)
        if codec is not None:
            codec.finish()
    except BaseException as error:
        budget.give_back(project_id, reading.size)
        if isinstance(error, TimeoutError):
            raise TooSlow(f"Request body too slow: {wire} bytes came in time") from error
        raise
    return reading.whole()


class _Reading:
    """What has come of one body."""

    def __init__(self, project_id: ProjectId, budget: BodyBudget, workers: Workers) -> None:
        self.size = 0
        self._project_id = project_id
        self._budget = budget
        self._workers = workers
        self._parts: list[bytes] = []
        self._spared = ON_LOOP_BYTES

    def keep(self, parts: list[bytes]) -> None:
        size = sum(map(len, parts))
        self._budget.take(self._project_id, size)
        self.size += size
        self._parts += parts

    async def inflate(self, codec: Inflater, data: bytes) -> None:
        codec.feed(data)
        more = True
        while more:
            # Bytes that inflate to nothing are work as well.
            if self._spared > 0:
                parts, more = codec.step(min(self._spared, ON_LOOP_BYTES))
                self._spared -= len(data) + sum(map(len, parts))
            else:
                work = (codec.step, OFF_LOOP_BYTES)
                parts, more = await self._workers.run(self._project_id, *work)
            self.keep(parts)

    def whole(self) -> bytes:
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)
