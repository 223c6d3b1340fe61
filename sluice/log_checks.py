"""Checks of files of records, the embedded log's and an edge's spool: are they sound, does anything
wait in them?"""

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from eventlog import sqlite_file
from eventlog.dead_letters import DeadLetterBox, Summary
from eventlog.log import LogError
from eventlog.topics import DEAD
from schemas.settings import Settings
from sluice.checks import MAKE_ROOM, Finding, error, ok, warning
from sluice.paths import Paths
from sluice.room import DiskFull, refuse_full_disk

MAX_CHECKED_BYTES = 512 << 20
"""A larger file is not read through: its records have checksums of their own."""
FULL_SHARE = 0.8
OLD_S = 60
"""What waits for longer waits for somebody's help."""
RECOVERY = 'docs/operations.md, "A damaged log file"'


def check_log(paths: Paths, settings: Settings) -> list[Finding]:
    """Looks at the log; only reads, so a running server is not disturbed."""
    if not paths.log.exists():
        return [ok("log", "is made at the first start"), *_check_set_aside("log", paths.log)]
    try:
        with closing(sqlite_file.connect(paths.log)) as connection:
            found = [_check_integrity("log", connection, paths.log)]
            found.append(_check_size(connection, settings))
        refuse_full_disk(paths.data_dir)
        with DeadLetterBox(paths.log) as box:
            found.append(check_dead_letters(box.summaries()))
    except DiskFull as failure:
        return [*found[1:], error("log", f"takes no events: {failure}", MAKE_ROOM)]
    except (sqlite3.Error, LogError) as failure:
        return [error("log", f"{paths.log}: {failure}", _restart("log"))]
    return [*found, *_check_set_aside("log", paths.log)]


def check_spools(paths: Paths, settings: Settings) -> list[Finding]:
    """Looks at the spools of this machine's edges, running or not; only reads.

    An edge has its data directory to itself, or a place in one that edges share (`deploy/edge.sh`).
    """
    root = paths.data_dir
    spools = [*root.glob("spool.db"), *sorted(root.glob("edge-*/spool.db"))]
    if not spools:
        return [ok("spool", f"there is none in {root}")]
    return [finding for path in spools for finding in _check_spool(path, settings)]


def check_dead_letters(dead_letters: Iterable[Summary]) -> Finding:
    """Tells whether dead letters wait for somebody."""
    waiting = sum(dead_letter.waits for dead_letter in dead_letters)
    if waiting:
        return warning("dead letters", f"{waiting} wait", "sluice dead list, then: dead replay")
    return ok("dead letters", "none wait")


def _check_spool(path: Path, settings: Settings) -> list[Finding]:
    try:
        with closing(_connect_to_read(path)) as connection:
            found = [_check_integrity("spool", connection, path)]
            found.append(_check_waiting(connection, path, settings))
    except sqlite3.Error as failure:
        found = [error("spool", f"{path}: {failure}", _restart("spool"))]
    return [*found, *_check_set_aside("spool", path)]


def _connect_to_read(path: Path) -> sqlite3.Connection:
    # Who opens a file without a WAL beside it makes one, unless it says that nobody writes; and
    # nobody does: an edge that is at work has a WAL.
    wal = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if wal.exists() else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=10)


def _check_waiting(connection: sqlite3.Connection, path: Path, settings: Settings) -> Finding:
    # The casts are for damage: a flipped bit may turn a number into text.
    waiting, held, oldest_ms = connection.execute(
        "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS INTEGER),"
        " CAST(min(appended_at_ms) AS INTEGER) FROM records"
    ).fetchone()
    if not waiting:
        return ok("spool", f"nothing waits for Kafka in {path}")
    age_s = max(0.0, time.time() - oldest_ms / 1000)
    text = (
        f"{waiting} records wait for Kafka in {path}, {_mib(held)} of"
        f" {_mib(settings.spool_max_bytes)}, the oldest for {age_s:.0f} s"
    )
    if held > settings.spool_max_bytes * FULL_SHARE:
        fix = "bring Kafka back; else raise SLUICE_SPOOL_MAX_BYTES before senders are rejected"
        return warning("spool", f"nearly full: {text}", fix)
    if age_s > OLD_S:
        fix = "bring Kafka back, and have an edge run on this directory: it sends them by itself"
        return warning("spool", text, fix)
    return ok("spool", text)


def _check_integrity(name: str, connection: sqlite3.Connection, path: Path) -> Finding:
    size = path.stat().st_size
    if size > MAX_CHECKED_BYTES:
        return ok(name, f"{path}: {_mib(size)}, too large to be read through here")
    verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if verdict != "ok":
        return error(name, f"{path}: {verdict}", _restart(name))
    return ok(name, f"{path} is sound, {_mib(size)}")


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
        fix = "start the server and let it catch up; or raise SLUICE_LOG_MAX_BYTES"
        return warning("backlog", f"the log is nearly full: {text}", fix)
    return ok("backlog", text)


def _check_set_aside(name: str, file: Path) -> list[Finding]:
    aside = [
        path
        for path in file.parent.glob(f"{file.name}.damaged-*")
        if not path.name.endswith(("-wal", "-shm"))
    ]
    fix = f"recover what it holds ({RECOVERY}); remove it when nobody needs it"
    return [warning(name, f"{path} was damaged and set aside", fix) for path in aside]


def _restart(name: str) -> str:
    owner = "server" if name == "log" else "edge"
    return f"restart the {owner}: it sets the file aside and begins a new one ({RECOVERY})"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
