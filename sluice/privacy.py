"""What Sluice keeps is its owner's alone: files 0600 and directories 0700, whatever the umask.

New files are private by the umask of the process. What an older version, an operator or a restored
backup left open is closed at the start of each server.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog

from schemas.settings import SettingsError
from sluice.paths import Paths, control_plane_file

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OURS = (
    *("log.db*", "spool.db*", "control.db*", "checks.db*", "secret.key", "lock", "place.lock"),
    *(
        "prober-*",
        "topics.json",
        ".secret-*",
        "cache",
        "faust",
        "warehouse",
        "warehouse.lock",
        "import.lock",
        "edges.lock",
    ),
)
"""Names in a data directory; a person may have put others beside them, which are left alone."""
DATABASE_SUFFIXES = ("", "-wal", "-shm", "-journal")

log = structlog.get_logger(__name__)


def keep_private() -> None:
    """Makes what this process and its children will create private. May be called twice."""
    os.umask(UMASK)


def close_to_others(paths: Paths) -> None:
    """Makes private what is there already. Raises `SettingsError` where it cannot.

    A data directory that also holds what is not ours, or belongs to somebody else, stays as it is:
    what we keep in it is private all the same.
    """
    for path in _kept(paths):
        try:
            _close(path)
        except OSError as error:
            raise SettingsError(
                f"{error.filename} can be read by other users, and this one may not change that:"
                f" sudo chown -R $USER {path}, then start again"
            ) from error
    _close_data_dir(paths.data_dir)


def _kept(paths: Paths) -> Iterator[Path]:
    """Yields what is ours, wherever it is."""
    from clickhouse.client import path_of

    places = {found for pattern in OURS for found in paths.data_dir.glob(pattern)}
    database, store = control_plane_file(paths), path_of(paths.warehouse_url)
    if database is not None:
        places |= {database.with_name(f"{database.name}{suffix}") for suffix in DATABASE_SUFFIXES}
    if store is not None:
        places.add(store)
    yield from (place for place in sorted(places) if place.exists())


def _close(path: Path) -> None:
    """Closes a file, or a directory with all in it; one that is closed has been gone through.

    The directory itself comes last, so that what was interrupted is done again. Links inside are
    not followed.
    """
    if not _is_open(path):
        return
    if path.is_dir():
        for folder, names, files in os.walk(path, onerror=_raise):
            for name in (*names, *files):
                _strip(Path(folder, name))
    _strip(path.resolve())


def _raise(error: OSError) -> None:
    # A running server removes files of its store meanwhile.
    if not isinstance(error, FileNotFoundError):
        raise error


def _strip(path: Path) -> None:
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & OTHERS:
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & OTHERS)


def _close_data_dir(path: Path) -> None:
    if not path.exists() or not _is_open(path):
        return
    ours = {found for pattern in OURS for found in path.glob(pattern)}
    if set(path.iterdir()) <= ours and path.stat().st_uid == os.geteuid():
        _strip(path)
        return
    log.warning(
        "other users may enter the data directory, and read nothing of ours", path=str(path)
    )
