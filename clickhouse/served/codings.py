"""Compression of bodies, both ways, as ClickHouse's clients ask for it."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame
import zstandard

from clickhouse.served.codes import Code
from clickhouse.served.errors import refusal

PREFERRED = ("lz4", "zstd", "gzip", "deflate", "br")
"""What costs least first: most clients are on this machine."""
PIECE_BYTES = 1 << 20
GZIP_WINDOW, ZLIB_WINDOW, EITHER_WINDOW = 31, 15, 47


STEP_BYTES = 1 << 10
"""Of a body, inflated at one time: 32 MiB at most in zstd, where 4 bytes can be 128 KiB."""
MAX_FRAMES = 16
MAX_WINDOW_BYTES = 8 << 20
"""What a zstd frame may ask to be held: as RFC 9659 bounds it for HTTP."""


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


FRAMES: dict[str, Callable[[], Any]] = {
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj(),
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "gzip": lambda: zlib.decompressobj(EITHER_WINDOW),
    "deflate": lambda: zlib.decompressobj(EITHER_WINDOW),
}
"""Begins to inflate a part of a body; all have the same calls."""


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
    pieces, size = [], 0
    try:
        for piece in _pieces(body, coding):
            size += len(piece)
            if size > max_bytes:
                raise refusal(
                    Code.QUERY_IS_TOO_LARGE, f"The body is larger than {max_bytes} bytes."
                )
            hold(len(piece))
            pieces.append(piece)
    except (zlib.error, zstandard.ZstdError, brotli.error, RuntimeError, EOFError) as error:
        raise refusal(Code.CANNOT_DECOMPRESS, f"The body is not {coding}: {error}") from error
    return b"".join(pieces)


def _pieces(body: bytes, coding: str) -> Iterator[bytes]:
    if coding == "br":
        yield from _inflate_brotli(body)
    elif coding in FRAMES:
        yield from _inflate_frames(body, FRAMES[coding])
    else:
        raise refusal(Code.NOT_IMPLEMENTED, f"Unknown Content-Encoding '{coding}'.")


def _inflate_frames(body: bytes, begin: Callable[[], Any]) -> Iterator[bytes]:
    """Yields what each step of the body becomes; a few frames may follow each other."""
    frame, frames = begin(), 1
    view = memoryview(body)
    for start in range(0, len(body), STEP_BYTES):
        rest = bytes(view[start : start + STEP_BYTES])
        while rest:
            if frame.eof:
                frame, frames = begin(), frames + 1
                if frames > MAX_FRAMES:
                    raise EOFError(f"more than {MAX_FRAMES} parts")
            yield frame.decompress(rest)
            rest = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("it ends too early")


def _inflate_brotli(body: bytes) -> Iterator[bytes]:
    stream: Any = brotli.Decompressor()
    yield bytes(stream.process(body, output_buffer_limit=PIECE_BYTES))
    while not stream.can_accept_more_data():
        yield bytes(stream.process(b"", output_buffer_limit=PIECE_BYTES))
    if not stream.is_finished():
        raise EOFError("it ends too early")
