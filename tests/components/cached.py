"""Folders that are fetched once a machine, and are whole as soon as they have their name."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

# Below pytest's own limit of a test, which the first test that needs them pays from.
FETCH_S = 240.0


class Missing(Exception):
    """What a test needs cannot be had here: a program is missing, or a package is out of reach."""


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder of this name, filled by whoever needs it first."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice-tests"
    folder = cache / name
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fill(folder, fill)
    return folder


def fetch(command: Sequence[str], folder: Path) -> None:
    """Run a program that fetches packages into a folder. Raises `Missing` where it cannot."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_S,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} took more than {FETCH_S:.0f} s to fetch packages") from None
    if done.returncode:
        raise Missing(f"{command[0]} could not fetch packages: {done.stdout[-500:]}")


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        fill(partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
