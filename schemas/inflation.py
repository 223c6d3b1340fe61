"""Inflates a body step by step: what a step may cost is bounded, whatever the bytes are.

CannotInflate     the bytes are not what the coding's name says, or end early
InflatesTooFar    more comes out than may
"""

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import brotli
import lz4.frame

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:  # before Python 3.14
    from backports import zstd

STEP_BYTES = 64 << 10
"""How much comes out of a codec at a time: what a bomb can cost beyond its bound."""
PIECE_BYTES = 16 << 10
"""How much goes into one at a time: what it gives back of it is copied with each step."""
MAX_ZSTD_WINDOW_LOG = 23
"""8 MiB, which RFC 8878 3.1.1.1.2 recommends to receivers."""


class CannotInflate(ValueError):
    """Raised for data that cannot be inflated."""


class InflatesTooFar(ValueError):
    """Raised when more comes out than the bound."""


class _Codec(Protocol):
    def inflate(self, data: bytes) -> bytes: ...

    def has_more(self) -> bool: ...

    def is_complete(self) -> bool: ...


class Inflater:
    """Inflates what is fed, in steps that the caller asks for."""

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

        Returns what came out, and whether there is more. Raises `CannotInflate`, `InflatesTooFar`.
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
                        raise InflatesTooFar
                    parts.append(out)
        except (zlib.error, brotli.error, zstd.ZstdError, RuntimeError, EOFError) as error:
            raise CannotInflate(f"Invalid {self._name} data: {error}") from error
        return parts, self._codec.has_more() or bool(self._fed)

    def finish(self) -> None:
        """Raises `CannotInflate` where the data ends early."""
        if not self._codec.is_complete():
            raise CannotInflate(f"Invalid {self._name} data: the data ends early")


def inflater(coding: str, bound: int, *, members: int) -> Inflater | None:
    """Returns what inflates this coding, `None` for one that is unknown.

    `bound` is of what comes out, in bytes, and `members` of the parts that may follow each other.
    """
    make = _CODECS.get(coding)
    return make and Inflater(make(members), coding.removeprefix("x-"), bound)


class _Zlib:
    def __init__(self, window: int, members: int) -> None:
        self._new: Callable[[], Any] = lambda: zlib.decompressobj(window)
        self._codec = self._new()
        self._rest = b""
        self._left = members - 1

    def inflate(self, data: bytes) -> bytes:
        if self._codec.eof:
            # A gzip stream may hold several members, one behind the other.
            self._rest = self._codec.unused_data + data
            if not self._rest:
                return b""
            self._left = _one_less(self._left)
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
    """`deflate` is zlib in RFC 9110 8.4.1.2, and raw deflate from many senders."""

    def __init__(self, members: int) -> None:
        self._members = members
        self._codec: _Zlib | None = None

    def inflate(self, data: bytes) -> bytes:
        if self._codec is None:
            wrapped = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)
            window = zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
            self._codec = _Zlib(window, self._members)
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


class _Frames:
    """zstd and lz4, whose decompressors in Python have the same calls."""

    def __init__(self, begin: Callable[[], Any], members: int) -> None:
        self._begin = begin
        self._codec = begin()
        self._left = members - 1

    def inflate(self, data: bytes) -> bytes:
        if self._codec.eof:
            data = (self._codec.unused_data or b"") + data
            if not data:
                return b""
            self._left = _one_less(self._left)
            self._codec = self._begin()
        piece: bytes = self._codec.decompress(data, STEP_BYTES)
        return piece

    def has_more(self) -> bool:
        return bool(self._codec.unused_data if self._codec.eof else not self._codec.needs_input)

    def is_complete(self) -> bool:
        return bool(self._codec.eof)


def _one_less(left: int) -> int:
    if not left:
        raise EOFError("too many parts behind each other")
    return left - 1


def _begin_zstd() -> Any:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}
    )


def _gzip(members: int) -> _Codec:
    return _Zlib(zlib.MAX_WBITS | 16, members)


_CODECS: dict[str, Callable[[int], _Codec]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _Deflate,
    "br": lambda _: _Brotli(),
    "zstd": lambda members: _Frames(_begin_zstd, members),
    "lz4": lambda members: _Frames(lz4.frame.LZ4FrameDecompressor, members),
}
