"""Where words stand in the bytes of a stopped installation's folder, compressed or not.

A part of the store is files of compressed blocks: each is 16 bytes of checksum, a byte for the
method, and the sizes of the block with its head of 9 bytes, and of what is in it
(ClickHouse, `CompressedReadBufferBase`). A record of the log is a frame of Zstandard. Whatever is
neither is looked at as it is.
"""

import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import lz4.block
import zstandard

from clickhouse.client import Warehouse

CHECKSUM, HEAD = 16, 9
FRAME = b"\x28\xb5\x2f\xfd"
"""How a frame of Zstandard begins (RFC 8878, 3.1.1)."""
MOST_FRAME = 1 << 20
LZ4, ZSTD, NONE, SEVERAL = 0x82, 0x90, 0x02, 0x91
TABLES = """
SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
"""
REPLACED = """
SELECT path FROM system.parts WHERE database = currentDatabase() AND NOT active
"""


def find_words(folder: Path, words: Collection[bytes]) -> set[str]:
    """Returns in which tables of the store, and in which other files, one of the words stands.

    The WAL of a file counts as the file.
    """
    tables = _tables(folder / "warehouse")
    found = set()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = path.read_bytes()
        texts = (content, *_blocks(content), *_frames(content))
        if any(word in text for text in texts for word in words):
            places = [tables[one] for one in path.parts if one in tables]
            found.update(places or [str(path.relative_to(folder)).removesuffix("-wal")])
    return found


def drop_replaced_parts(folder: Path) -> None:
    """Removes the parts of a stopped store that others have replaced, and no others.

    The store does so by itself some minutes after. chDB wants a process of its own.
    """
    command = [sys.executable, "-m", "tests.e2e.stored_bytes", str(folder)]
    subprocess.run(command, check=True, timeout=60)


def _tables(store: Path) -> dict[str, str]:
    """Returns the names of tables by their ids, as folders of parts have them."""
    found = {}
    for path in store.glob("metadata/*/*.sql"):
        if named := re.search("UUID '([0-9a-f-]{36})'", path.read_text()):
            found[named[1]] = path.stem
    return found


def _frames(content: bytes) -> Iterator[bytes]:
    """Yields what frames of Zstandard hold, wherever one begins."""
    for begin in re.finditer(re.escape(FRAME), content):
        some = content[begin.start() : begin.start() + MOST_FRAME]
        with suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(some)


def _blocks(content: bytes) -> Iterator[bytes]:
    """Yields what the compressed blocks of a file hold, as far as there are some."""
    at = 0
    while at + CHECKSUM + HEAD <= len(content):
        method, packed, size = struct.unpack_from("<BII", content, at + CHECKSUM)
        end = at + CHECKSUM + packed
        if method not in (LZ4, ZSTD, NONE, SEVERAL) and not 0x92 <= method <= 0x9F:
            return
        if packed < HEAD or end > len(content):
            return
        yield _unpacked(method, content[at + CHECKSUM + HEAD : end], size)
        at = end


def _unpacked(method: int, packed: bytes, size: int) -> bytes:
    if method == LZ4:
        return lz4.block.decompress(packed, uncompressed_size=size)
    if method == ZSTD:
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    if method == SEVERAL:
        # The number of methods and each of them, of which the last one was the last to pack; what
        # remains is a block within.
        methods = packed[1 : 1 + packed[0]]
        inner = packed[1 + packed[0] :]
        for one in reversed(methods):
            if one not in (LZ4, ZSTD, NONE):
                return inner  # differences of numbers: no text
            inner_size = struct.unpack_from("<I", inner, 5)[0]
            inner = _unpacked(one, inner[HEAD:], inner_size)
        return inner
    return packed


def _main(folder: str) -> None:
    store = Warehouse(f"chdb://{folder}")
    for (table,) in store.query_now(TABLES, None, {}).rows:
        store.command_now(f"SYSTEM WAIT LOADING PARTS {table}", None, {})  # They come in aside.
    replaced = [Path(path) for (path,) in store.query_now(REPLACED, None, {}).rows]
    store.close()
    for part in replaced:
        shutil.rmtree(part, ignore_errors=True)


if __name__ == "__main__":
    _main(sys.argv[1])
