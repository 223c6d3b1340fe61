"""Reads records out of a damaged log page by page, without SQLite and without its index pages.

Source: "Database File Format" of SQLite, sections 1.5 (cells of table leaf pages), 1.6 (overflow
chains) and 2.1 (the record format). A table's rows are found wherever their own page is whole;
whether a row is one of ours and sound is decided by its shape and its CRC-32 alone.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eventlog.records import checksum
from eventlog.sqlite_file import PAGE_BYTES

TABLE_LEAF = 0x0D
MAX_LOCAL = PAGE_BYTES - 35
MIN_LOCAL = (PAGE_BYTES - 12) * 32 // 255 - 23
OVERFLOW_BYTES = PAGE_BYTES - 4
INTEGER_BYTES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
COLUMNS = 5
FIRST_BLOB = 12


class Found(NamedTuple):
    """One sound row of table `records`."""

    key: int
    appended_at_ms: int
    value: bytes


def scan(path: Path) -> Iterator[Found]:
    """Yields every sound record, in the file's order; some may have been deleted before."""
    size = path.stat().st_size
    if size <= PAGE_BYTES:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        # The first page holds the schema, never records.
        for start in range(PAGE_BYTES, size - PAGE_BYTES + 1, PAGE_BYTES):
            if pages[start] == TABLE_LEAF:
                yield from _leaf(pages, start)


def _leaf(pages: mmap.mmap, start: int) -> Iterator[Found]:
    cells = min(int.from_bytes(pages[start + 3 : start + 5], "big"), PAGE_BYTES // 4)
    for index in range(cells):
        pointer = start + 8 + 2 * index
        cell = int.from_bytes(pages[pointer : pointer + 2], "big")
        if 8 + 2 * cells <= cell < PAGE_BYTES:
            try:
                found = _row(pages, start + cell, start + PAGE_BYTES)
            except (IndexError, KeyError):
                continue
            if found is not None:
                yield found


def _row(pages: mmap.mmap, at: int, page_end: int) -> Found | None:
    """Returns the row whose cell begins at `at`, `None` where it is not a sound record."""
    length, at = _varint(pages, at)
    key, at = _varint(pages, at)
    payload = _payload(pages, at, page_end, length)
    if payload is None:
        return None
    header_end, position = _varint(payload, 0)
    types: list[int] = []
    while position < header_end and len(types) < COLUMNS:
        serial, position = _varint(payload, position)
        types.append(serial)
    is_record = len(types) == COLUMNS and types[0] == 0 and position == header_end
    if not is_record or types[4] < FIRST_BLOB or types[4] % 2:
        return None
    appended_at_ms, position = _integer(payload, position, types[1])
    size, position = _integer(payload, position, types[2])
    crc, position = _integer(payload, position, types[3])
    value = payload[position:]
    if len(value) != size or len(value) != (types[4] - FIRST_BLOB) // 2 or checksum(value) != crc:
        return None
    return Found(key, appended_at_ms, value)


def _payload(pages: mmap.mmap, at: int, page_end: int, length: int) -> bytes | None:
    """Returns the payload of a cell, following its chain of overflow pages (section 1.6)."""
    if length > len(pages):
        return None
    local = length
    if length > MAX_LOCAL:
        local = MIN_LOCAL + (length - MIN_LOCAL) % OVERFLOW_BYTES
        local = local if local <= MAX_LOCAL else MIN_LOCAL
    if at + local > page_end:
        return None
    parts = [pages[at : at + local]]
    missing = length - local
    link = at + local
    while missing > 0:
        page = int.from_bytes(pages[link : link + 4], "big")
        link = (page - 1) * PAGE_BYTES
        if page < 2 or link + PAGE_BYTES > len(pages):
            return None
        parts.append(pages[link + 4 : link + 4 + min(missing, OVERFLOW_BYTES)])
        missing -= OVERFLOW_BYTES
    return b"".join(parts)


def _varint(data: mmap.mmap | bytes, at: int) -> tuple[int, int]:
    number = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at
    return number << 8 | data[at], at + 1


def _integer(data: bytes, at: int, serial: int) -> tuple[int, int]:
    width = INTEGER_BYTES[serial]
    if not width:
        return (1 if serial == 9 else 0), at
    return int.from_bytes(data[at : at + width], "big", signed=True), at + width
