"""Reads a request's body: streamed, inflated, bounded on both sides of inflation."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from ingest.rejections import BadJson, TooLarge, TooManyBodies, TooSlow, UnknownEncoding
from ingest.workers import Workers
from schemas import metrics
from schemas.inflation import CannotInflate, Inflater, InflatesTooFar, inflater
from schemas.issues import Issue
from schemas.projects import ProjectId

ON_LOOP_BYTES = 256 << 10
"""What is inflated on the event loop: a millisecond of work. A usual body is done before a thread
would start."""
MAX_MEMBERS = 2_000
"""Of a gzip body. Blocked gzip has one for each 64 KiB; 800,000 empty ones fit into a body."""
CODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")
OFF_LOOP_BYTES = 1 << 20
"""What a thread inflates at a time; then it is another body's turn."""


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


class InHand(Protocol):
    """What processes that share one budget know of each other's bytes."""

    def note(self, key: str, change: int) -> None:
        """Counts bytes of a project."""
        ...

    def elsewhere(self, key: str | None) -> int:
        """Returns how many bytes other processes have: of a project, or with `None` of all."""
        ...


class _Alone:
    """That of a process which shares its budget with none."""

    def note(self, key: str, change: int) -> None:
        pass

    def elsewhere(self, key: str | None) -> int:
        return 0


class BodyBudget:
    """The bytes of all bodies in hand; a request beyond the bound is told to try again."""

    def __init__(self, limits: BodyLimits, in_hand: InHand | None = None) -> None:
        """`in_hand` tells of other processes, where the bounds are of all of them together."""
        self.limits = limits
        self._in_hand = in_hand or _Alone()
        self._used = 0
        self._used_by: Counter[ProjectId] = Counter()
        metrics.BODIES_IN_HAND.set_function(lambda: self._used)

    def take(self, project_id: ProjectId, size: int) -> None:
        """Adds bytes of a project. Raises `TooManyBodies` beyond a bound; then none was added."""
        bound = self.limits.max_project_bytes
        own = self._used_by[project_id] + self._in_hand.elsewhere(project_id)
        if own + size > bound:
            raise TooManyBodies(
                f"Too many requests of this project are being read: at most {bound} bytes at a"
                " time",
                retry_after_s=1,
            )
        # The message must not say how much other projects send.
        if self._used + self._in_hand.elsewhere(None) + size > self.limits.max_total_bytes:
            raise TooManyBodies("Too many requests are being read at this time", retry_after_s=1)
        self._used += size
        self._used_by[project_id] += size
        self._in_hand.note(project_id, size)

    def give_back(self, project_id: ProjectId, size: int) -> None:
        """Takes bytes off again."""
        self._used -= size
        self._used_by[project_id] -= size
        self._in_hand.note(project_id, -size)
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
    project_id: ProjectId,
    incoming: Incoming,
    budget: BodyBudget,
    workers: Workers,
    *,
    max_bytes: int = 0,
) -> bytes:
    """Returns the inflated body. The caller gives its length back to the budget when done.

    `max_bytes` bounds this one further, on the wire and inflated; 0 does not. Raises `TooLarge`,
    `TooSlow`, `UnknownEncoding`, `BadJson` (for data that cannot be inflated) and `TooManyBodies`.
    """
    limits = _bounded(budget.limits, max_bytes)
    length = incoming.length
    if length is not None and length.isdigit() and int(length) > limits.max_wire_bytes:
        raise _too_large(f"{length} bytes", limits.max_wire_bytes, "on the wire")
    reading = _Reading(project_id, budget, workers)
    codec = codec_of(incoming.encoding, limits.max_inflated_bytes)
    try:
        await _read(incoming.chunks, codec, reading, limits)
    except BaseException as error:
        budget.give_back(project_id, reading.size)
        if isinstance(error, TimeoutError):
            raise TooSlow(f"Request body too slow: {reading.wire} bytes came in time") from error
        if isinstance(error, CannotInflate):
            raise BadJson("Invalid JSON body", details=[Issue([], str(error))]) from error
        if isinstance(error, InflatesTooFar):
            most = limits.max_inflated_bytes
            raise _too_large("inflated data", most, "when inflated") from error
        raise
    return reading.whole()


async def _read(
    chunks: AsyncIterator[bytes], codec: Inflater | None, reading: "_Reading", limits: BodyLimits
) -> None:
    latest = asyncio.get_running_loop().time() + limits.grace_s
    told = 0
    async with asyncio.timeout_at(latest) as clock:
        async for chunk in chunks:
            reading.wire += len(chunk)
            if reading.wire > limits.max_wire_bytes:
                what = f"more than {reading.wire - 1} bytes"
                raise _too_large(what, limits.max_wire_bytes, "on the wire")
            # Not for each piece: most bodies are one, and setting the clock takes 4 us.
            if reading.wire - told > limits.least_bytes_per_s // 2:
                told = reading.wire
                clock.reschedule(latest + reading.wire / limits.least_bytes_per_s)
            if codec is None:
                reading.keep([chunk])
            else:
                await reading.inflate(codec, chunk)
    if codec is not None:
        codec.finish()


def _bounded(limits: BodyLimits, max_bytes: int) -> BodyLimits:
    if not max_bytes:
        return limits
    return msgspec.structs.replace(
        limits,
        max_wire_bytes=min(limits.max_wire_bytes, max_bytes),
        max_inflated_bytes=min(limits.max_inflated_bytes, max_bytes),
    )


def codec_of(encoding: str | None, bound: int) -> Inflater | None:
    """Returns what inflates this Content-Encoding, `None` for one that changes nothing."""
    name = (encoding or "").strip().lower()
    if name in ("", "identity"):
        return None
    codec = inflater(name, bound, members=MAX_MEMBERS) if name in CODINGS else None
    if codec is None:
        raise UnknownEncoding(
            f"Unsupported Content-Encoding {name[:40]!r}: expected gzip, deflate, br or zstd"
        )
    return codec


def _too_large(what: str, bound: int, where: str) -> TooLarge:
    return TooLarge(f"Request body too large: {what}, at most {bound} {where}")


class _Reading:
    """What has come of one body."""

    def __init__(self, project_id: ProjectId, budget: BodyBudget, workers: Workers) -> None:
        self.wire = 0
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
