"""Carries a damaged log over into a new file. Nothing is deleted: the old one is set aside.

The new file is complete before it takes the old one's place, so that a crash in between loses
nothing: until then the next start finds the damaged file and begins again.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from eventlog import leaf_pages, sqlite_file
from eventlog.log import TopicPartition
from eventlog.records import checksum
from eventlog.sqlite_file import OFFSET_BITS, OFFSET_MASK, PAGE_BYTES, SUFFIXES
from eventlog.topics import BY_NAME, DEAD, PARTITION_BITS, number_of

MAX_MARKS = 1_000_000
"""Of lost records: a range beyond is itself a sign of damage, and only its end is marked."""


class Mended(NamedTuple):
    """What was carried over from a damaged file."""

    set_aside: Path
    records_kept: int
    records_lost: int | None
    """Of those not stored yet; `None` when the old file no longer tells how many it held."""


class _Book(NamedTuple):
    """A row of table `partitions`."""

    number: int
    topic: str
    partition: int
    next_offset: int
    committed: int
    stored_through: int
    pending_first: int | None
    pending_last: int | None
    pending_apart: int | None
    pending_epoch: str | None


class _Books(NamedTuple):
    log_id: str
    rows: list[_Book]


def mend(path: Path, partitions: Mapping[str, int]) -> Mended:
    """Sets a damaged file aside and carries every sound record into a new one.

    `partitions` counts only where the old file does not tell. No connection may be open.
    """
    fresh, copy = _beside(path, "mending"), _beside(path, "salvage")
    _remove(fresh)
    _remove(copy)
    with closing(sqlite_file.connect_writer(fresh)) as connection:
        sqlite_file.prepare(connection, partitions)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        books, source = _read_books(path), path
        if books is None:
            source = _copy_with_first_page(path, fresh, copy)
            books = _read_books(source)
        connection.execute("BEGIN IMMEDIATE")
        kept = _carry_records(connection, source, books)
        lost = None if books is None else _carry_books(connection, books)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _remove(copy)
    return Mended(_swap(path, fresh), kept, lost)


def finish_interrupted(path: Path) -> None:
    """Ends a mending that a crash stopped between the two renamings."""
    fresh = _beside(path, "mending")
    if fresh.exists() and not path.exists():
        _swap(path, fresh)


def _swap(path: Path, fresh: Path) -> Path:
    aside = _beside(path, f"damaged-{time.time_ns()}")
    # The main file goes first: while it stands, the next start mends again, and needs its WAL.
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


def _copy_with_first_page(path: Path, fresh: Path, copy: Path) -> Path:
    """Copies the file and gives the copy a new log's first page, which is the same in every log.

    It names the tables' root pages; without it SQLite reads nothing at all.
    """
    for suffix in ("", "-wal"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            shutil.copyfile(part, copy.with_name(copy.name + suffix))
    copy.touch()
    with fresh.open("rb") as source, copy.open("r+b") as target:
        page = bytearray(source.read(PAGE_BYTES))
        # Database File Format 1.3.7: with these two unequal the size is taken from the file.
        page[24:28], page[92:96] = b"\0\0\0\2", b"\0\0\0\1"
        target.write(page)
    return copy


def _read_books(source: Path) -> _Books | None:
    """Returns the log's name and places, `None` where they cannot be read whole.

    Without them the new file has a new name, which alone keeps blocks exact: rows stored under
    the old name are found by their ids and dropped as repeats.
    """
    if not source.exists() or not source.stat().st_size:
        # SQLite would throw away the WAL of an empty file.
        return None
    try:
        with closing(sqlite_file.connect(source)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            log_id = sqlite_file.log_id_of(connection)
            rows = connection.execute(
                "SELECT number, topic, partition, next_offset, committed, stored_through,"
                " pending_first, pending_last, pending_apart, pending_epoch"
                " FROM partitions NOT INDEXED"
            ).fetchall()
    except (sqlite3.DatabaseError, TypeError):
        return None
    books = [_Book(*row) for row in rows]
    return _Books(log_id, books) if books and all(map(_is_plausible, books)) else None


def _is_plausible(book: _Book) -> bool:
    places = (book.next_offset, book.committed, book.stored_through + 1)
    return (
        all(isinstance(place, int) for place in (book.number, book.partition, *places))
        and book.topic in BY_NAME
        and 0 <= book.partition < 1 << PARTITION_BITS
        and all(0 <= place <= book.next_offset <= OFFSET_MASK for place in places)
    )


def _carry_records(fresh: sqlite3.Connection, source: Path, books: _Books | None) -> int:
    known = {TopicPartition(b.topic, b.partition): b for b in books.rows} if books else {}
    names = {book.number: partition for partition, book in known.items()}
    if not books:
        names = {
            number_of(topic, partition): TopicPartition(topic, partition)
            for topic in BY_NAME
            for partition in range(1 << PARTITION_BITS)
        }
    kept = 0
    for found in leaf_pages.scan(source):
        name, offset = names.get(found.key >> OFFSET_BITS), found.key & OFFSET_MASK
        if name is None:
            continue
        book = known.get(name)
        # A page that was given up keeps its rows: what is stored, or trimmed, must not come back.
        if book and not book.stored_through < offset < book.next_offset:
            continue
        if book is None:
            sqlite_file.add_partitions(fresh, name.topic, name.partition + 1)
        kept += _insert(fresh, number_of(*name), offset, found.appended_at_ms, found.value)
    return kept


def _insert(
    fresh: sqlite3.Connection, number: int, offset: int, appended_at_ms: int, value: bytes
) -> int:
    inserted = fresh.execute(
        "INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?)",
        (number << OFFSET_BITS | offset, appended_at_ms, len(value), checksum(value), value),
    ).rowcount
    fresh.execute(
        "UPDATE partitions SET next_offset = max(next_offset, ?) WHERE number = ?",
        (offset + 1, number),
    )
    return inserted


def _carry_books(fresh: sqlite3.Connection, books: _Books) -> int:
    """Keeps the log's name and places; returns how many records were lost."""
    lost = 0
    fresh.execute("DELETE FROM partitions")
    fresh.execute("UPDATE meta SET value = ? WHERE name = 'log_id'", (books.log_id,))
    for book in books.rows:
        number = number_of(book.topic, book.partition)
        fresh.execute(
            "INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *book[1:])
        )
        if book.topic != DEAD.name:
            # Expired letters and lost ones look the same: only streams are counted.
            lost += _mark_lost(fresh, number, range(book.stored_through + 1, book.next_offset))
    return lost


def _mark_lost(fresh: sqlite3.Connection, number: int, expected: range) -> int:
    """Puts a record whose checksum does not hold into every lost one's place.

    So the stream comes by each, reports it, and is not left waiting for the end of a block.
    """
    first = number << OFFSET_BITS
    rows = fresh.execute(
        "SELECT key - ? FROM records WHERE key >= ? AND key < ? ORDER BY key",
        (first, first + expected.start, first + expected.stop),
    )
    kept = {offset for (offset,) in rows}
    lost = len(expected) - len(kept)
    marks: Iterable[int] = (offset for offset in expected if offset not in kept)
    if lost > MAX_MARKS:
        marks = {expected[-1]} - kept
    now_ms = time.time_ns() // 1_000_000
    fresh.executemany(
        "INSERT INTO records VALUES (?, ?, 0, -1, x'')", ((first + mark, now_ms) for mark in marks)
    )
    return lost


def _beside(path: Path, word: str) -> Path:
    return path.with_name(f"{path.name}.{word}")


def _remove(path: Path) -> None:
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
