"""Reads a request's body: streamed, inflated, bounded on both sides of inflation."""

import asyncio
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, Protocol

import brotli
import zstandard
from msgspec import Struct

from ingest.errors import BadJson, TooLarge, TooManyBodies, TooSlow, UnknownEncoding
from schemas.projects import ProjectId

STEP_BYTES = 64 << 10
"""How much is inflated at a time: what a bomb can cost beyond its bound."""


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


class _Inflater(Protocol):
    def feed(self, data: bytes) -> list[bytes]: ...

    def finish(self) -> None: ...


async def read_body(project_id: ProjectId, incoming: Incoming, budget: BodyBudget) -> bytes:
    """Returns the inflated body. The caller gives its length back to the budget when done.

    Raises `TooLarge`, `TooSlow`, `UnknownEncoding`, `BadJson` (for data that cannot be inflated)
    and `TooManyBodies`.
    """
    limits = budget.limits
    length = incoming.length
    if length is not None and length.isdigit() and int(length) > limits.max_wire_bytes:
        raise _too_large(f"{length} bytes", limits.max_wire_bytes, "on the wire")
    inflater = _inflater(incoming.encoding, limits.max_inflated_bytes)
    parts: list[bytes] = []
    wire = taken = 0
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(started + limits.grace_s) as clock:
            async for chunk in incoming.chunks:
                wire += len(chunk)
                if wire > limits.max_wire_bytes:
                    raise _too_large(
                        f"more than {wire - 1} bytes", limits.max_wire_bytes, "on the wire"
                    )
                clock.reschedule(started + limits.grace_s + wire / limits.least_bytes_per_s)
                inflated = inflater.feed(chunk) if inflater else [chunk]
                size = sum(map(len, inflated))
                budget.take(project_id, size)
                taken += size
                parts += inflated
        if inflater:
            inflater.finish()
    except BaseException as error:
        budget.give_back(project_id, taken)
        if isinstance(error, TimeoutError):
            raise TooSlow(f"Request body too slow: {wire} bytes came in time") from error
        raise
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(what: str, bound: int, where: str) -> TooLarge:
    return TooLarge(f"Request body too large: {what}, at most {bound} {where}")


def _inflater(encoding: str | None, bound: int) -> "_Inflater | None":
    name = (encoding or "identity").strip().lower()
    if name in ("identity", ""):
        return None
    if name in ("gzip", "x-gzip"):
        return _Stepwise(_Zlib(zlib.MAX_WBITS | 16), "gzip", bound)
    if name == "deflate":
        return _Stepwise(_Deflate(), name, bound)
    if name == "br":
        return _Stepwise(_Brotli(), name, bound)
    if name == "zstd":
        return _Stepwise(_Zstd(), name, bound)
    raise UnknownEncoding(
        f"Unsupported Content-Encoding {name[:40]!r}: expected gzip, deflate, br or zstd"
    )


class _Stepwise:
    """Inflates in small steps, so that a bomb is stopped at its bound and not behind it."""

    def __init__(self, codec: Any, name: str, bound: int) -> None:
        self._codec = codec
        self._name = name
        self._bound = bound
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        parts = []
        try:
            piece = self._codec.inflate(data)
            while True:
                if piece:
                    self._size += len(piece)
                    if self._size > self._bound:
                        raise _too_large("inflated data", self._bound, "when inflated")
                    parts.append(piece)
                if not self._codec.has_more():
                    return parts
                piece = self._codec.inflate(b"")
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
            raise _unreadable(self._name, str(error)) from error

    def finish(self) -> None:
        if not self._codec.is_complete():
            raise _unreadable(self._name, "the data ends early")


def _unreadable(name: str, why: str) -> BadJson:
    detail = {"code": "invalid_encoding", "path": [], "message": f"Invalid {name} data: {why}"}
    return BadJson("Invalid JSON body", details=[detail])


class _Zlib:
    def __init__(self, window: int) -> None:
        self._new: Callable[[], Any] = lambda: zlib.decompressobj(window)
        self._codec = self._new()
        self._rest = b""

    def inflate(self, data: bytes) -> bytes:
        if self._codec.eof:
            # A gzip stream may hold several members, one behind the other.
            self._rest = self._codec.unused_data + data
            if not self._rest:
                return b""
            self._codec = self._new()
            data = b""
        piece: bytes = self._codec.decompress(self._rest + data, STEP_BYTES)
        self._rest = self._codec.unconsumed_tail
        return piece

    def has_more(self) -> bool:
        return bool(self._rest) or bool(self._codec.eof and self._codec.unused_data)

    def is_complete(self) -> bool:
        return bool(self._codec.eof)


class _Deflate:
    """`deflate` is zlib by the letter (RFC 9110 8.4.1.2), and raw deflate by many senders."""

    def __init__(self) -> None:
        self._codec: _Zlib | None = None

    def inflate(self, data: bytes) -> bytes:
        if self._codec is None:
            if not data:
                return b""
            wrapped = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)
            self._codec = _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return self._codec.inflate(data)

    def has_more(self) -> bool:
        return self._codec is not None and self._codec.has_more()

    def is_complete(self) -> bool:
        return self._codec is not None and self._codec.is_complete()


class _Brotli:
    def __init__(self) -> None:
        self._codec = brotli.Decompressor()

    def inflate(self, data: bytes) -> bytes:
        piece: bytes = self._codec.process(data, output_buffer_limit=STEP_BYTES)
        return piece

    def has_more(self) -> bool:
        return not self._codec.can_accept_more_data()

    def is_complete(self) -> bool:
        return bool(self._codec.is_finished())


class _Zstd:
    """zstandard has no bounded push interface: a frame is cut into small pieces on its way in.

    A piece of 1 KiB can still hold some blocks of 128 KiB each, and no more than 8 MiB of window is
    ever set aside (RFC 8878 3.1.1.1.2 recommends that bound to receivers).
    """

    def __init__(self) -> None:
        self._codec = zstandard.ZstdDecompressor(max_window_size=8 << 20).decompressobj()
        self._rest = b""

    def inflate(self, data: bytes) -> bytes:
        self._rest += data
        head, self._rest = self._rest[:256], self._rest[256:]
        piece: bytes = self._codec.decompress(head) if head else b""
        return piece

    def has_more(self) -> bool:
        return bool(self._rest)

    def is_complete(self) -> bool:
        return bool(self._codec.eof)
