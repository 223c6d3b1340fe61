"""Compression of bodies, both ways, as ClickHouse's clients ask for it."""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli
import lz4.frame
import zstandard

from clickhouse.served.codes import Code
from clickhouse.served.errors import refusal
from schemas.inflation import CannotInflate, Inflater, InflatesTooFar, inflater

PREFERRED = ("lz4", "zstd", "gzip", "deflate", "br")
"""What costs least first: most clients are on this machine."""
FED_BYTES = 64 << 10
MAX_MEMBERS = 16
"""Parts of a body, each compressed on its own."""
GZIP_WINDOW, ZLIB_WINDOW = 31, 15


class Compressor(Protocol):
    """Compresses one body piece by piece."""

    def compress(self, piece: bytes) -> bytes:
        """Returns what is ready of the compressed body."""

    def flush(self) -> bytes:
        """Returns the rest of it."""


class Plain:
    """Leaves the body as it is."""

    def compress(self, piece: bytes) -> bytes:
        """Returns the piece."""
        return piece

    def flush(self) -> bytes:
        """Returns nothing."""
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head = self._frame.begin()

    def compress(self, piece: bytes) -> bytes:
        head, self._head = self._head, b""
        return bytes(head + self._frame.compress(piece))

    def flush(self) -> bytes:
        return bytes(self._head + self._frame.flush())


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=2)

    def compress(self, piece: bytes) -> bytes:
        return bytes(self._stream.process(piece))

    def flush(self) -> bytes:
        return bytes(self._stream.finish())


COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "lz4": _Lz4,
    "br": _Brotli,
    "gzip": lambda: zlib.compressobj(3, zlib.DEFLATED, GZIP_WINDOW),
    "deflate": lambda: zlib.compressobj(3, zlib.DEFLATED, ZLIB_WINDOW),
}


def choose_coding(accepted: str) -> str | None:
    """Returns the coding for an answer, `None` where the client knows none of ours."""
    known = set()
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0"}:
            known.add(name.strip())
    return next((name for name in PREFERRED if name in known), None)


def inflate(body: bytes, coding: str, max_bytes: int, hold: Callable[[int], None]) -> bytes:
    """Returns the body as it was before its coding. Blocking. Raises `EngineError`.

    `hold` counts what is held, and raises where that is too much. Whoever sends little that becomes
    much is refused within a step of it.
    """
    codec = inflater(coding, max_bytes, members=MAX_MEMBERS)
    if codec is None:
        raise refusal(Code.NOT_IMPLEMENTED, f"Unknown Content-Encoding '{coding}'.")
    try:
        return b"".join(_pieces(body, codec, hold))
    except InflatesTooFar as error:
        text = f"The body is larger than {max_bytes} bytes."
        raise refusal(Code.QUERY_IS_TOO_LARGE, text) from error
    except CannotInflate as error:
        raise refusal(Code.CANNOT_DECOMPRESS, f"The body is not {coding}: {error}") from error


def _pieces(body: bytes, codec: Inflater, hold: Callable[[int], None]) -> Iterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(body), FED_BYTES):
        codec.feed(bytes(view[start : start + FED_BYTES]))
        more = True
        while more:
            pieces, more = codec.step(1)
            for piece in pieces:
                hold(len(piece))
                yield piece
    codec.finish()
