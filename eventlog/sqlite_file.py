"""The log's one SQLite file: its tables, how it is opened, and how a damaged one is mended.

    LogDamaged is raised only when not even a new file can be made.

Durability: WAL with synchronous=FULL, so a commit is fsynced before it returns; SQLite drops a torn
tail of the WAL by itself. Each record carries a CRC-32 as well, because SQLite does not check
the pages of the file proper. A file that SQLite cannot read is set aside, never deleted, and every
record that still holds its checksum is carried into a new one.
"""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import structlog

from eventlog.log import LogDamaged, Stored, TopicPartition
from eventlog.records import checksum

OFFSET_BITS = 44
"""A key is partition number << 44 | offset: 17 trillion records a partition, 500,000 partitions."""
MAX_CHECKED_BYTES = 512 << 20
OFFSET_MASK = (1 << OFFSET_BITS) - 1

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS partitions (
    number INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0,
    committed INTEGER NOT NULL DEFAULT 0,
    stored_through INTEGER NOT NULL DEFAULT -1,
    pending_first INTEGER,
    pending_last INTEGER,
    pending_apart INTEGER,
    UNIQUE (topic, partition)
);
CREATE TABLE IF NOT EXISTS records (
    key INTEGER PRIMARY KEY,
    appended_at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    value BLOB NOT NULL
);
"""

log = structlog.get_logger(__name__)


class Mended(NamedTuple):
    """What was carried over from a damaged file."""

    set_aside: Path
    records_kept: int
    records_lost: int


def open_file(path: Path, partitions: Mapping[str, int]) -> sqlite3.Connection:
    """Opens the log's file, making or mending it as needed, and returns a writing connection.

    `partitions` counts for a new log only; an old one keeps its own. Raises `LogDamaged`.
    """
    try:
        connection = _open(path)
        _check(connection, path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "lock" in str(error):
            raise LogDamaged(f"{path} is held by another process: {error}") from error
        mended = mend(path, partitions)
        log.error("log file mended", path=str(path), reason=str(error), **mended._asdict())
        connection = _open(path)
    _prepare(connection, partitions)
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Opens one more connection to a prepared log, for reading or for another process."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=10, cached_statements=64
    )
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def mend(path: Path, partitions: Mapping[str, int]) -> Mended:
    """Sets a damaged file aside and carries every sound record into a new one."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    fresh = _open(path)
    _prepare(fresh, partitions)
    kept = lost = 0
    fresh.execute("BEGIN IMMEDIATE")
    for topic_partition, stored in _salvage(aside):
        if stored.value is None:
            lost += 1
            continue
        _insert_at(fresh, topic_partition, stored)
        kept += 1
    _carry_progress(aside, fresh)
    fresh.execute("COMMIT")
    fresh.close()
    return Mended(aside, kept, lost)


def numbers(connection: sqlite3.Connection) -> dict[TopicPartition, int]:
    """Returns the number under which each partition's keys stand."""
    rows = connection.execute("SELECT topic, partition, number FROM partitions")
    return {TopicPartition(topic, partition): number for topic, partition, number in rows}


def log_id_of(connection: sqlite3.Connection) -> str:
    """Returns the name of this log, new for each file, so that offsets are never mixed up."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchone()
    return str(row[0])


def read(connection: sqlite3.Connection, number: int, offset: int, limit: int) -> Iterator[Stored]:
    """Yields records of one partition from `offset` on, at most `limit`."""
    rows = connection.execute(
        "SELECT key, appended_at_ms, crc, value FROM records"
        " WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
        (number << OFFSET_BITS | offset, (number + 1) << OFFSET_BITS, limit),
    )
    for key, appended_at_ms, crc, value in rows:
        sound = value if checksum(value) == crc else None
        yield Stored(key & OFFSET_MASK, sound, appended_at_ms)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = connect(path)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Raises when the structure is damaged; a large file is left to the checksums of its records.

    A check reads the whole file, and a long backlog must not hold up the start.
    """
    if path.stat().st_size > MAX_CHECKED_BYTES:
        return
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        connection.close()
        raise sqlite3.DatabaseError(f"{path}: {verdict}")


def _prepare(connection: sqlite3.Connection, partitions: Mapping[str, int]) -> None:
    connection.executescript(TABLES)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('log_id', ?)", (secrets.token_hex(8),))
    known = {topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM partitions")}
    connection.executemany(
        "INSERT INTO partitions (topic, partition) VALUES (?, ?)",
        [(t, p) for t, count in partitions.items() if t not in known for p in range(count)],
    )
    connection.execute("COMMIT")


def _salvage(aside: Path) -> Iterator[tuple[TopicPartition, Stored]]:
    """Yields what can be read of a damaged file, going around what cannot."""
    try:
        source = connect(aside)
        names = {number: tp for tp, number in numbers(source).items()}
    except sqlite3.DatabaseError:
        return
    for number, topic_partition in names.items():
        position = 0
        while position <= OFFSET_MASK:
            try:
                for stored in read(source, number, position, 1 << 30):
                    position = stored.offset + 1
                    yield topic_partition, stored
                break
            except sqlite3.DatabaseError:
                # The page under this key is gone: try behind it, in growing steps.
                position = _next_readable(source, number, position + 1)
    source.close()


def _next_readable(source: sqlite3.Connection, number: int, position: int) -> int:
    for step in range(OFFSET_BITS):
        try:
            found = next(read(source, number, position, 1), None)
        except sqlite3.DatabaseError:
            position += 1 << step
            continue
        return found.offset if found else OFFSET_MASK + 1
    return OFFSET_MASK + 1


def _insert_at(
    connection: sqlite3.Connection, topic_partition: TopicPartition, stored: Stored
) -> None:
    value = stored.value or b""
    number = numbers(connection).get(topic_partition)
    if number is None:
        connection.execute(
            "INSERT INTO partitions (topic, partition) VALUES (?, ?)", topic_partition
        )
        number = numbers(connection)[topic_partition]
    connection.execute(
        "INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?)",
        (number << OFFSET_BITS | stored.offset, stored.appended_at_ms, len(value),
         checksum(value), value),
    )  # fmt: skip
    connection.execute(
        "UPDATE partitions SET next_offset = max(next_offset, ?) WHERE number = ?",
        (stored.offset + 1, number),
    )


def _carry_progress(aside: Path, fresh: sqlite3.Connection) -> None:
    """Keeps the log's name and places where the old file still tells them.

    Without them the new name alone keeps blocks exact: rows stored under the old name are found
    by their ids and dropped as repeats.
    """
    try:
        source = connect(aside)
        name = log_id_of(source)
        rows: Iterable[tuple[object, ...]] = source.execute(
            "SELECT next_offset, committed, stored_through, pending_first, pending_last,"
            " pending_apart, topic, partition FROM partitions"
        ).fetchall()
        source.close()
    except (sqlite3.DatabaseError, TypeError):
        return
    fresh.execute("UPDATE meta SET value = ? WHERE name = 'log_id'", (name,))
    fresh.executemany(
        "UPDATE partitions SET next_offset = max(next_offset, ?), committed = ?,"
        " stored_through = ?, pending_first = ?, pending_last = ?, pending_apart = ?"
        " WHERE topic = ? AND partition = ?",
        rows,
    )
