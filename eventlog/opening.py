"""Opens the log's file: makes it where there is none, and mends a damaged one without being asked.

A process that is alone with the file checks it, and mends it if need be; one that comes later
takes it as it is, so that nothing is renamed under a process that writes.
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import structlog

from eventlog import mending, sqlite_file
from eventlog.log import LogDamaged, LogUnavailable
from eventlog.mending import Mended

MAX_CHECKED_BYTES = 512 << 20

log = structlog.get_logger(__name__)


class Opened(NamedTuple):
    """An open log; `hold` is a file descriptor to close when done."""

    connection: sqlite3.Connection
    hold: int
    mended: Mended | None


def open_log(path: Path, partitions: Mapping[str, int]) -> Opened:
    """Opens the log's file, making or mending it as needed, and returns a writing connection.

    `partitions` counts for a new log only; an old one keeps its own. Raises `LogUnavailable` for
    what passes (a lock, a full disk, a missing permission) and `LogDamaged` for what does not.
    """
    hold = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hold = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        mended = _check_alone(path, hold, partitions)
        return Opened(_open(path, partitions), hold, mended)
    except BaseException as error:
        if hold >= 0:
            os.close(hold)
        if isinstance(error, sqlite3.Error) and sqlite_file.is_damage(error):
            raise LogDamaged(f"{path} is damaged and could not be mended: {error}") from error
        if isinstance(error, sqlite3.Error | OSError):
            raise LogUnavailable(f"{path} cannot be opened: {error}") from error
        raise


def suspect(path: Path) -> None:
    """Notes that SQLite met damage while at work, so that the next opening mends the file."""
    _mark(path).touch()


def _check_alone(path: Path, hold: int, partitions: Mapping[str, int]) -> Mended | None:
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Waits only while another process checks or mends.
        fcntl.flock(hold, fcntl.LOCK_SH)
        return None
    mending.finish_interrupted(path)
    reason = _damage_of(path)
    mended = None
    if reason is not None:
        mended = mending.mend(path, partitions)
        log.error(
            "log file mended",
            path=str(path),
            reason=reason,
            set_aside=str(mended.set_aside),
            records_kept=mended.records_kept,
            records_lost=mended.records_lost,
        )
    _mark(path).unlink(missing_ok=True)
    fcntl.flock(hold, fcntl.LOCK_SH)
    return mended


def _damage_of(path: Path) -> str | None:
    """Returns what is wrong with the file, `None` for nothing.

    A check reads the whole file, and a long backlog must not hold up the start: a large one is
    left to the checksums of its records, and to `suspect`.
    """
    wal = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size if path.exists() else 0
    if not size:
        return "empty, beside a WAL" if wal.exists() and wal.stat().st_size else None
    if _mark(path).exists():
        return "damage was met while at work"
    try:
        connection = sqlite_file.connect_writer(path)
        try:
            if size > MAX_CHECKED_BYTES:
                # Goes through every row, and by every long value.
                connection.execute("SELECT sum(bytes) FROM records").fetchall()
                return None
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            # Before anything is renamed: a connection cleans up by the name of its file.
            connection.close()
    except sqlite3.DatabaseError as error:
        if not sqlite_file.is_damage(error):
            raise
        return str(error)
    return None if verdict == "ok" else verdict


def _open(path: Path, partitions: Mapping[str, int]) -> sqlite3.Connection:
    connection = sqlite_file.connect_writer(path)
    try:
        sqlite_file.prepare(connection, partitions)
    except BaseException:
        connection.close()
        raise
    return connection


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.suspect")
