"""Compression of bodies, both ways, as ClickHouse's clients ask for it."""

import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame
import zstandard

from clickhouse.served.errors import refusal

PREFERRED = ("lz4", "zstd", "gzip", "deflate", "br")
"""What costs least first: most clients are on this machine."""
PIECE_BYTES = 1 << 20
CANNOT_DECOMPRESS = 271
NOT_IMPLEMENTED = 48
TOO_LARGE = 229
GZIP_WINDOW, ZLIB_WINDOW, EITHER_WINDOW = 31, 15, 47


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


def inflate(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Returns the body as it was before its coding. Raises `EngineError`.

    Whoever sends little that becomes much is refused before it is held.
    """
    if coding in {"", "identity"}:
        return body
    pieces, size = [], 0
    try:
        for piece in _pieces(body, coding):
            size += len(piece)
            if size > max_bytes:
                raise refusal(
                    TOO_LARGE, "QUERY_IS_TOO_LARGE", f"The body is larger than {max_bytes} bytes."
                )
            pieces.append(piece)
    except (zlib.error, zstandard.ZstdError, brotli.error, RuntimeError, EOFError) as error:
        raise refusal(
            CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"The body is not {coding}: {error}"
        ) from error
    return b"".join(pieces)


def _pieces(body: bytes, coding: str) -> Iterator[bytes]:
    match coding:
        case "gzip" | "deflate":
            yield from _inflate_zlib(body)
        case "zstd":
            reader = zstandard.ZstdDecompressor().stream_reader(
                io.BytesIO(body), read_across_frames=True
            )
            yield from iter(lambda: reader.read(PIECE_BYTES), b"")
        case "lz4":
            with lz4.frame.LZ4FrameFile(io.BytesIO(body)) as file:
                yield from iter(lambda: bytes(file.read(PIECE_BYTES)), b"")
        case "br":
            yield from _inflate_brotli(body)
        case _:
            raise refusal(
                NOT_IMPLEMENTED, "NOT_IMPLEMENTED", f"Unknown Content-Encoding '{coding}'."
            )


def _inflate_zlib(body: bytes) -> Iterator[bytes]:
    stream = zlib.decompressobj(EITHER_WINDOW)
    rest = body
    while rest or not stream.eof:
        piece = stream.decompress(rest, PIECE_BYTES)
        rest = stream.unconsumed_tail
        if not piece and not stream.eof:
            raise EOFError("it ends too early")
        yield piece
        if stream.eof and stream.unused_data:
            rest, stream = stream.unused_data, zlib.decompressobj(EITHER_WINDOW)


def _inflate_brotli(body: bytes) -> Iterator[bytes]:
    stream: Any = brotli.Decompressor()
    yield bytes(stream.process(body, output_buffer_limit=PIECE_BYTES))
    while not stream.can_accept_more_data():
        yield bytes(stream.process(b"", output_buffer_limit=PIECE_BYTES))
    if not stream.is_finished():
        raise EOFError("it ends too early")
