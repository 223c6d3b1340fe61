"""The log's one SQLite file: its tables, the connections to it, and how records are read.

Durability: WAL with synchronous=FULL, so a commit is fsynced before it returns; SQLite drops a torn
tail of the WAL by itself. Each record carries a CRC-32 as well, because SQLite does not check
the pages of the file proper. `opening` opens a file and sets a damaged one aside.
"""

import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from eventlog.log import Stored, TopicPartition
from eventlog.records import checksum
from eventlog.topics import number_of

OFFSET_BITS = 44
"""A key is partition number << 44 | offset: 17 trillion records a partition, 500,000 partitions."""
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
    pending_epoch TEXT,
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


def connect(path: Path) -> sqlite3.Connection:
    """Opens one more connection to a prepared log, for reading or for another process."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=10, cached_statements=64
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_writer(path: Path) -> sqlite3.Connection:
    """Opens a connection that may also make the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = connect(path)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Zeros over what is deleted within a page; whole pages that are free go with `scrub`.
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, partitions: Mapping[str, int]) -> None:
    """Makes the tables, and the partitions of topics that the log does not know yet."""
    connection.executescript(TABLES)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('log_id', ?)", (secrets.token_hex(8),))
    known = {topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM partitions")}
    for topic, count in partitions.items():
        if topic not in known:
            add_partitions(connection, topic, count)
    connection.execute("COMMIT")


def add_partitions(connection: sqlite3.Connection, topic: str, count: int) -> None:
    """Gives a topic partitions 0 to `count` - 1, as far as it does not have them."""
    connection.executemany(
        "INSERT OR IGNORE INTO partitions (number, topic, partition) VALUES (?, ?, ?)",
        [(number_of(topic, partition), topic, partition) for partition in range(count)],
    )


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
    # The casts are for damage: a flipped bit may turn a number or a blob into text.
    rows = connection.execute(
        "SELECT key, CAST(appended_at_ms AS INTEGER), crc, CAST(value AS BLOB) FROM records"
        " WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
        (number << OFFSET_BITS | offset, (number + 1) << OFFSET_BITS, limit),
    )
    for key, appended_at_ms, crc, value in rows:
        sound = value if value is not None and checksum(value) == crc else None
        yield Stored(key & OFFSET_MASK, sound, appended_at_ms or 0)


def sums(connection: sqlite3.Connection, number: int, end: int) -> tuple[int, int]:
    """Returns how many records one partition holds before `end`, and the sum of their checksums."""
    found = connection.execute(
        "SELECT count(*), coalesce(sum(CAST(crc AS INTEGER)), 0) FROM records"
        " WHERE key >= ? AND key < ?",
        (number << OFFSET_BITS, number << OFFSET_BITS | end),
    ).fetchone()
    return int(found[0]), int(found[1])


def append(connection: sqlite3.Connection, number: int, value: bytes) -> int:
    """Appends a record within the open transaction and returns its offset.

    The offset is read inside the transaction: another process may append as well.
    """
    offset: int = connection.execute(
        "UPDATE partitions SET next_offset = next_offset + 1 WHERE number = ?"
        " RETURNING next_offset - 1",
        (number,),
    ).fetchone()[0]
    connection.execute(
        "INSERT INTO records (key, appended_at_ms, bytes, crc, value) VALUES (?, ?, ?, ?, ?)",
        (
            number << OFFSET_BITS | offset,
            time.time_ns() // 1_000_000,
            len(value),
            checksum(value),
            value,
        ),
    )
    return offset


def rewrite(connection: sqlite3.Connection, key: int, value: bytes | None) -> int:
    """Gives a record another value within the open transaction, or deletes it for `None`.

    Returns by how many bytes the log has grown, which is less than 0 when it has shrunk.
    """
    before = connection.execute(
        "SELECT CAST(bytes AS INTEGER) FROM records WHERE key = ?", (key,)
    ).fetchone()
    if before is None:
        return 0
    if value is None:
        connection.execute("DELETE FROM records WHERE key = ?", (key,))
        return -int(before[0])
    connection.execute(
        "UPDATE records SET bytes = ?, crc = ?, value = ? WHERE key = ?",
        (len(value), checksum(value), value, key),
    )
    return len(value) - int(before[0])


def is_damage(error: sqlite3.Error) -> bool:
    """Tells damage of the file from what passes: a lock, a full disk, a missing permission."""
    code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (
        str(error) == "unsupported file format"
    )
