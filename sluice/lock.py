"""One process for each data directory: the log has one reader and chDB one owner."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

TRIES, PAUSE_S = 3, 0.05
"""Whoever asks for the holder has a share in the lock for some microseconds."""


class AlreadyRunning(Exception):
    """Raised when another process holds the data directory."""


def hold(path: Path, address: str = "") -> IO[str]:
    """Takes the lock for as long as the returned file is open; the system frees it at any death.

    `address` is where its owner can be asked; `address_in` returns it. Raises `AlreadyRunning`,
    naming the other process.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - held open on purpose
    if not _take(file):
        file.seek(0)
        holder = _first(file)
        file.close()
        raise AlreadyRunning(
            f"{path.parent} is in use by process {holder}: stop it, or name another SLUICE_DATA_DIR"
        )
    file.truncate(0)
    file.write(f"{os.getpid()}\n{address}\n" if address else str(os.getpid()))
    file.flush()
    return file


def _take(file: IO[str]) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def holder_of(path: Path) -> str | None:
    """Returns the id of the process that holds the lock, `None` when nobody does."""
    try:
        file = path.open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _first(file)
    return None


def address_in(path: Path) -> str | None:
    """Returns where the holder of the lock can be asked, `None` when nobody holds it or says so."""
    if holder_of(path) is None:
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[1] if len(lines) > 1 else None


def _first(file: IO[str]) -> str:
    """Returns the id of the process that has written itself into the lock."""
    return file.readline().strip() or "unknown"


def edges_lock(data_dir: Path) -> Path:
    """Returns the file that is held while a process lives that an owner has given its port to."""
    return data_dir / "edges.lock"


def hold_shared(path: Path) -> IO[str]:
    """Takes a lock that others may have too, for as long as the returned file is open anywhere.

    Whoever is given the file holds it too, from the moment that it is sent.
    """
    file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - held open on purpose
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def is_held(path: Path) -> bool:
    """Tells whether anybody holds it, and so whether edges live, whose owner may be gone."""
    try:
        file = path.open(encoding="utf-8")
    except FileNotFoundError:
        return False
    with file:
        return not _take(file)
