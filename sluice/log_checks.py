"""Checks of the event log's file: is it sound, does the stream keep up, does anything wait?"""

import sqlite3
from contextlib import closing

from eventlog import sqlite_file
from eventlog.dead_letters import DeadLetterBox
from eventlog.log import LogError
from eventlog.topics import DEAD
from schemas.settings import Settings
from sluice.checks import Finding, error, ok, warning
from sluice.paths import Paths

MAX_CHECKED_BYTES = 512 << 20
"""A larger file is not read through: its records have checksums of their own."""
FULL_SHARE = 0.8


def check_log(paths: Paths, settings: Settings) -> list[Finding]:
    """Looks at the log; only reads, so a running server is not disturbed."""
    if not paths.log.exists():
        return [ok("log", "is made at the first start")]
    try:
        with closing(sqlite_file.connect(paths.log)) as connection:
            found = [_check_integrity(connection, paths), _check_size(connection, settings)]
        found.append(_check_letters(paths))
    except (sqlite3.Error, LogError) as failure:
        # The server mends a damaged file by itself when it starts.
        return [error("log", f"{paths.log}: {failure}", "restart the server: it mends its log")]
    return [*found, *_check_set_aside(paths)]


def _check_integrity(connection: sqlite3.Connection, paths: Paths) -> Finding:
    size = paths.log.stat().st_size
    if size > MAX_CHECKED_BYTES:
        return ok("log", f"{_mib(size)}, too large to be read through here")
    verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if verdict != "ok":
        return error("log", verdict, "restart the server: it mends its log when it starts")
    return ok("log", f"{paths.log} is sound, {_mib(size)}")


def _check_size(connection: sqlite3.Connection, settings: Settings) -> Finding:
    held = int(connection.execute("SELECT coalesce(sum(bytes), 0) FROM records").fetchone()[0])
    waiting = int(
        connection.execute(
            "SELECT coalesce(sum(next_offset - 1 - stored_through), 0) FROM partitions"
            " WHERE topic != ?",
            (DEAD.name,),
        ).fetchone()[0]
    )
    text = f"{waiting} records wait to be stored, {_mib(held)} of {_mib(settings.log_max_bytes)}"
    if held > settings.log_max_bytes * FULL_SHARE:
        mend = "start the server and let it catch up; or raise SLUICE_LOG_MAX_BYTES"
        return warning("backlog", f"the log is nearly full: {text}", mend)
    return ok("backlog", text)


def _check_letters(paths: Paths) -> Finding:
    with DeadLetterBox(paths.log) as box:
        waiting = sum(not letter.replayed for letter in box.summaries())
    if waiting:
        return warning("dead letters", f"{waiting} wait", "sluice dead list, then: dead replay")
    return ok("dead letters", "none wait")


def _check_set_aside(paths: Paths) -> list[Finding]:
    aside = [
        path
        for path in paths.log.parent.glob(f"{paths.log.name}.damaged-*")
        if not path.name.endswith(("-wal", "-shm"))
    ]
    mend = "the server carried over what could be read; remove it when nobody needs it"
    return [warning("log", f"{path} was damaged and set aside", mend) for path in aside]


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
