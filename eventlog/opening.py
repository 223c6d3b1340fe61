"""Opens the log's file: makes it where there is none, and sets a damaged one aside.

A process that is alone with the file checks it. One that comes later takes it as it is, so that
nothing is renamed under a process that writes. A damaged file is renamed, never deleted, and a new
log begins: `docs/operations.md` says how to get at what the old one holds.
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from eventlog import sqlite_file
from eventlog.log import LogDamaged, LogUnavailable

MAX_CHECKED_BYTES = 512 << 20
SUFFIXES = ("", "-wal", "-shm")
"""Of the files that make one database."""

log = structlog.get_logger(__name__)


class Opened(NamedTuple):
    """An open log; `hold` is a file descriptor to close when done."""

    connection: sqlite3.Connection
    hold: int


def open_log(path: Path, partitions: Mapping[str, int]) -> Opened:
    """Opens the log's file, making it as needed, and returns a writing connection.

    `partitions` counts for a new log only; an old one keeps its own. Raises `LogUnavailable` for
    what passes (a lock, a full disk, a missing permission) and `LogDamaged` for what does not.
    """
    hold = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hold = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _check_alone(path, hold)
        return Opened(_open(path, partitions), hold)
    except BaseException as error:
        if hold >= 0:
            os.close(hold)
        if isinstance(error, sqlite3.Error) and sqlite_file.is_damage(error):
            suspect(path)
            raise LogDamaged(
                f"{path} is damaged, opening it anew sets it aside: {error}"
            ) from error
        if isinstance(error, sqlite3.Error | OSError):
            raise LogUnavailable(f"{path} cannot be opened: {error}") from error
        raise


def suspect(path: Path) -> None:
    """Notes that SQLite met damage while at work, so that the next opening checks all of it."""
    _mark(path).touch()


def _check_alone(path: Path, hold: int) -> None:
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Waits only while another process checks.
        fcntl.flock(hold, fcntl.LOCK_SH)
        return
    reason = _damage_of(path)
    if reason is not None:
        log.error(
            "damaged log file set aside, a new log begins",
            path=str(path),
            reason=reason,
            set_aside=str(_set_aside(path)),
            remedy='what it holds can be recovered: docs/operations.md, "A damaged log file"',
        )
    _mark(path).unlink(missing_ok=True)
    fcntl.flock(hold, fcntl.LOCK_SH)


def _damage_of(path: Path) -> str | None:
    """Returns what is wrong with the file, `None` for nothing.

    A check reads the whole file, and a long backlog must not hold up the start: a large one is
    left to the checksums of its records, and to `suspect`.
    """
    wal = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size if path.exists() else 0
    if not size:
        # SQLite would throw away the WAL of an empty file.
        return "empty, beside a WAL" if wal.exists() and wal.stat().st_size else None
    suspected = _mark(path).exists()
    try:
        connection = sqlite_file.connect_writer(path)
        try:
            if size > MAX_CHECKED_BYTES and not suspected:
                # Goes through every row, and by every long value.
                connection.execute("SELECT sum(bytes) FROM records").fetchall()
                return None
            check = "integrity_check" if suspected else "quick_check"
            verdict = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
        finally:
            # Before anything is renamed: a connection cleans up by the name of its file.
            connection.close()
    except sqlite3.DatabaseError as error:
        if not sqlite_file.is_damage(error):
            raise
        return str(error)
    return None if verdict == "ok" else verdict


def _set_aside(path: Path) -> Path:
    """Renames the files of a damaged log and returns the new path of the main one."""
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    # The main file goes first: without its WAL it could pass for a sound log of an earlier time.
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


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
