"""Looks at what a command uses, again and again, and says which limit it has broken.

This is for what the kernel does not hold by itself: it counts all processes of a command together,
where `setrlimit` knows one process, or all of a user. Where cgroups hold the limits this finds
nothing more.
"""

import os
import time
from contextlib import suppress

from deploys.supervision.kin import Process, private_bytes, proportional_bytes
from deploys.supervision.spawning import Bounds

MIN_FREE_BYTES = 256 << 20
"""A disk with less is full for all others on it, Sluice among them."""
WALK_SHARE = 20
"""A walk through a folder that takes a second is repeated after this many."""
BLOCK_BYTES = 512


class Watch:
    """What one command uses."""

    def __init__(self, bounds: Bounds, folder: str, *, disk_every_s: float) -> None:
        self._bounds = bounds
        self._folder = folder
        self._disk_every_s = disk_every_s
        self._disk_due = 0.0

    def broken(self, processes: list[Process], now: float) -> str:
        """Returns the limit that is broken: `processes`, `memory`, `disk`, or empty text."""
        bounds = self._bounds
        if bounds.processes and len(processes) > bounds.processes:
            return "processes"
        if bounds.memory_bytes and self._is_over_memory(processes):
            return "memory"
        return "disk" if self._is_over_disk(now) else ""

    def _is_over_memory(self, processes: list[Process]) -> bool:
        limit = self._bounds.memory_bytes
        if sum(private_bytes(process.pid) for process in processes) <= limit:
            return False
        # Exact, now that it counts: a server with forked workers shares most of what it has.
        return sum(proportional_bytes(process.pid) for process in processes) > limit

    def _is_over_disk(self, now: float) -> bool:
        limit = self._bounds.disk_bytes
        if not limit or now < self._disk_due:
            return False
        began = time.monotonic()
        is_over = free_bytes(self._folder) < MIN_FREE_BYTES or is_larger(self._folder, limit)
        took = time.monotonic() - began
        self._disk_due = now + max(self._disk_every_s, took * WALK_SHARE)
        return is_over


def free_bytes(folder: str) -> int:
    """Returns what may still be written on the disk of a folder."""
    with suppress(OSError):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
    return MIN_FREE_BYTES


def is_larger(folder: str, limit: int) -> bool:
    """Tells whether a folder takes more bytes on disk. It stops counting when it knows."""
    return folder_bytes(folder, limit) > limit


def folder_bytes(folder: str, limit: int | None = None) -> int:
    """Returns what a folder takes on disk; not all of it where that is more than the limit.

    Links are not followed, and a file with two names counts twice.
    """
    total = 0
    waiting = [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                total += _entry_bytes(entry, waiting)
        if limit is not None and total > limit:
            return total
    return total


def _entry_bytes(entry: "os.DirEntry[str]", waiting: list[str]) -> int:
    try:
        if entry.is_dir(follow_symlinks=False):
            waiting.append(entry.path)
        return entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
    except OSError:  # Gone while we looked.
        return 0
