"""Results on disk until they are delivered: one SQLite file, bounded in bytes, oldest first.

SpoolInUse   another prober has the file
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from schemas import metrics
from schemas.uptime.checks import Check

TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    checks BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
RESUME = "resume_us"
log = structlog.get_logger(__name__)


class SpoolInUse(Exception):
    """Raised when the file belongs to another prober that runs."""


class Batch(NamedTuple):
    """Results that are delivered together."""

    number: int
    checks: list[Check]


class Spool:
    """Its methods block, and may be called in any thread. Raise `sqlite3.Error`."""

    def __init__(self, path: Path | None, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._connection = _opened(path)
        row = self._connection.execute("SELECT coalesce(sum(bytes), 0) FROM batches").fetchone()
        self._bytes = int(row[0])
        metrics.PROBE_SPOOL_BYTES.set(self._bytes)

    @property
    def stored_bytes(self) -> int:
        """How many bytes the results have."""
        return self._bytes

    @property
    def resume_us(self) -> int | None:
        """All slots before this moment were done; `None` for a new file."""
        found = self._connection.execute("SELECT value FROM meta WHERE name = ?", (RESUME,))
        row = found.fetchone()
        return None if row is None else int(row[0])

    def append(self, checks: Sequence[Check], resume_us: int) -> None:
        """Keeps results, and how far slots are done with them: both or none."""
        value = msgspec.json.encode(checks)
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            if checks:
                self._connection.execute(
                    "INSERT INTO batches (count, bytes, checks) VALUES (?, ?, ?)",
                    (len(checks), len(value), value),
                )
            self._connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (RESUME, resume_us),
            )
            added = len(value) if checks else 0
            dropped, freed = self._make_place(added)
        self._count(added - freed)
        if dropped:
            metrics.PROBE_RESULTS_DROPPED.labels("full").inc(dropped)
            log.error("spool is full: oldest results dropped", count=dropped)

    def oldest(self) -> Batch | None:
        """Returns the batch that was kept first. One that cannot be read is dropped, and said."""
        while True:
            with self._lock:
                row = self._connection.execute(
                    "SELECT number, count, checks FROM batches ORDER BY number LIMIT 1"
                ).fetchone()
            if row is None:
                return None
            try:
                return Batch(row[0], msgspec.json.decode(row[2], type=list[Check]))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                metrics.PROBE_RESULTS_DROPPED.labels("unreadable").inc(row[1])
                log.error("results dropped", count=row[1], reason=str(error))
                self.remove(row[0])

    def remove(self, number: int) -> None:
        """Drops a batch that was delivered; may be called twice."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            freed = self._delete(number)
        self._count(-freed)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _make_place(self, added: int) -> tuple[int, int]:
        dropped = freed = 0
        while self._bytes + added - freed > self._max_bytes:
            row = self._connection.execute(
                "SELECT number, count FROM batches ORDER BY number LIMIT 1"
            ).fetchone()
            if row is None:
                break
            dropped += row[1]
            freed += self._delete(row[0])
        return dropped, freed

    def _delete(self, number: int) -> int:
        rows = self._connection.execute(
            "DELETE FROM batches WHERE number = ? RETURNING bytes", (number,)
        )
        return sum(int(row[0]) for row in rows)

    def _count(self, change: int) -> None:
        self._bytes += change
        metrics.PROBE_SPOOL_BYTES.set(self._bytes)


def _opened(path: Path | None) -> sqlite3.Connection:
    """Opens the file; a damaged one is set aside, and said."""
    if path is None:
        return _prepared(":memory:")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepared(str(path))
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise SpoolInUse(f"{path} is in use by another prober") from error
        raise
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        for end in ("-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
        log.error("spool was damaged and is set aside", path=str(aside), reason=str(error))
        return _prepared(str(path))


def _prepared(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=0.5)
    try:
        # One owner: two that drained it would deliver everything twice.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(TABLES)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
