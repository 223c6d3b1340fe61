"""Inflates a body step by step: what a step may cost is bounded, whatever the bytes are."""

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import brotli

from ingest.errors import BadJson, TooLarge, UnknownEncoding
from schemas.issues import Issue

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:  # before Python 3.14
    from backports import zstd

STEP_BYTES = 64 << 10
"""How much comes out of a codec at a time: what a bomb can cost beyond its bound."""
PIECE_BYTES = 16 << 10
"""How much goes into one at a time: what it gives back of it is copied with each step."""
MAX_MEMBERS = 2_000
"""Of a gzip body. Blocked gzip has one for each 64 KiB; 800,000 empty ones fit into a body."""
MAX_ZSTD_WINDOW_LOG = 23
"""8 MiB, which RFC 8878 3.1.1.1.2 recommends to receivers."""


class _Codec(Protocol):
    def inflate(self, data: bytes) -> bytes: ...

    def has_more(self) -> bool: ...

    def is_complete(self) -> bool: ...


class Inflater:
    """Inflates what is fed, in steps that the caller asks for. Raises `BadJson` and `TooLarge`."""

    def __init__(self, codec: _Codec, name: str, bound: int) -> None:
        self._codec = codec
        self._name = name
        self._bound = bound
        self._size = 0
        self._fed = b""

    def feed(self, data: bytes) -> None:
        """Takes data over, once `step` has said that it has no more."""
        self._fed = data

    def step(self, at_least: int) -> tuple[list[bytes], bool]:
        """Inflates until so many bytes have come out, or nothing is left of what was fed.

        Returns what came out, and whether there is more.
        """
        parts: list[bytes] = []
        size = 0
        try:
            while size < at_least:
                piece = b""
                if not self._codec.has_more():
                    if not self._fed:
                        return parts, False
                    piece, self._fed = self._fed[:PIECE_BYTES], self._fed[PIECE_BYTES:]
                if out := self._codec.inflate(piece):
                    size += len(out)
                    self._size += len(out)
                    if self._size > self._bound:
                        raise too_large("inflated data", self._bound, "when inflated")
                    parts.append(out)
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            raise _unreadable(self._name, str(error)) from error
        return parts, self._codec.has_more() or bool(self._fed)

    def finish(self) -> None:
        """Raises `BadJson` where the data ends early."""
        if not self._codec.is_complete():
            raise _unreadable(self._name, "the data ends early")


def inflater(encoding: str | None, bound: int) -> Inflater | None:
    """Returns what inflates this Content-Encoding, `None` for one that changes nothing.

    Raises `UnknownEncoding`.
    """
    name = (encoding or "identity").strip().lower()
    if name in ("identity", ""):
        return None
    make = _CODECS.get(name)
    if make is None:
        raise UnknownEncoding(
            f"Unsupported Content-Encoding {name[:40]!r}: expected gzip, deflate, br or zstd"
        )
    return Inflater(make(), name.removeprefix("x-"), bound)


def too_large(what: str, bound: int, where: str) -> TooLarge:
    """Returns the refusal of a body beyond a bound."""
    return TooLarge(f"Request body too large: {what}, at most {bound} {where}")


def _unreadable(name: str, why: str) -> BadJson:
    return BadJson("Invalid JSON body", details=[Issue([], f"Invalid {name} data: {why}")])


class _Zlib:
    def __init__(self, window: int) -> None:
        self._new: Callable[[], Any] = lambda: zlib.decompressobj(window)
        self._codec = self._new()
        self._rest = b""
        self._members = 1

    def inflate(self, data: bytes) -> bytes:
        if self._codec.eof:
            # A gzip stream may hold several members, one behind the other.
            self._rest = self._codec.unused_data + data
            if not self._rest:
                return b""
            self._members += 1
            if self._members > MAX_MEMBERS:
                raise EOFError(f"more than {MAX_MEMBERS} members")
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
            wrapped = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)
            self._codec = _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return self._codec.inflate(data)

    def has_more(self) -> bool:
        return self._codec is not None and self._codec.has_more()

    def is_complete(self) -> bool:
        return self._codec is not None and self._codec.is_complete()


class _Brotli:
    """Asked until nothing comes: brotli 1.2 says at a bound of its output that it takes more input,
    and ends early for whoever believes it."""

    def __init__(self) -> None:
        self._codec = brotli.Decompressor()
        self._pending = False

    def inflate(self, data: bytes) -> bytes:
        piece: bytes = self._codec.process(data, output_buffer_limit=STEP_BYTES)
        self._pending = bool(piece) and not self._codec.is_finished()
        return piece

    def has_more(self) -> bool:
        return self._pending or not self._codec.can_accept_more_data()

    def is_complete(self) -> bool:
        return bool(self._codec.is_finished())


class _Zstd:
    def __init__(self) -> None:
        options = {zstd.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}
        self._codec = zstd.ZstdDecompressor(options=options)

    def inflate(self, data: bytes) -> bytes:
        piece: bytes = self._codec.decompress(data, STEP_BYTES)
        return piece

    def has_more(self) -> bool:
        return not (self._codec.needs_input or self._codec.eof)

    def is_complete(self) -> bool:
        return bool(self._codec.eof) and not self._codec.unused_data


def _gzip() -> _Codec:
    return _Zlib(zlib.MAX_WBITS | 16)


_CODECS: dict[str, Callable[[], _Codec]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
