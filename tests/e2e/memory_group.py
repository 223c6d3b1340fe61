"""A server under a bound of memory: in a cgroup where one can be made, else measured alone."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.server import CONSOLE_SCRIPT, wait_for

CGROUPS = Path("/sys/fs/cgroup")


class MemoryGroup:
    """What one process and its children may use; `directory` is `None` where nothing enforces it.

    A cgroup counts the page cache too, and gives it back when it is short; what kills is memory
    that cannot be given back, so that `failed` tells of kills alone.
    """

    def __init__(self, directory: Path | None, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._directory = directory

    @property
    def is_enforced(self) -> bool:
        """Whether the kernel holds the process to the bound."""
        return self._directory is not None

    @property
    def command(self) -> tuple[str, ...]:
        """What starts `sluice` within the group."""
        if self._directory is None:
            return (CONSOLE_SCRIPT,)
        enter = f'echo $$ > {self._directory / "cgroup.procs"} && exec "$0" "$@"'
        return ("/bin/sh", "-c", enter, CONSOLE_SCRIPT)

    def kills(self) -> int:
        """Returns how often the kernel has killed a process of the group."""
        if self._directory is None:
            return 0
        for name in ("memory.events", "memory.oom_control"):
            file = self._directory / name
            if file.exists() and (found := re.search(r"^oom_kill (\d+)$", file.read_text(), re.M)):
                return int(found[1])
        return 0


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[MemoryGroup]:
    """Makes a group, of cgroup version 2 or 1, and removes it; without the right to, an empty one.

    Whoever uses it ends its processes first.
    """
    directory = _make(limit_bytes)
    try:
        yield MemoryGroup(directory, limit_bytes)
    finally:
        if directory is not None:
            wait_for(lambda: _removed(directory), "the memory group to be empty")


def peak_bytes(pid: int) -> int:
    """Returns the most that a process has had in memory so far (VmHWM)."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.M)
    return int(found[1]) << 10 if found else 0


def _make(limit_bytes: int) -> Path | None:
    for parent, limit in ((CGROUPS / "memory", "memory.limit_in_bytes"), (CGROUPS, "memory.max")):
        directory = parent / f"sluice-test-{os.getpid()}"
        if not (parent / "cgroup.procs").exists():
            continue
        with suppress(OSError):
            directory.mkdir()
            try:
                # The kernel made the file, where memory is counted: it is never for us to make.
                with (directory / limit).open("r+") as file:
                    file.write(str(limit_bytes))
                return directory
            except OSError:
                directory.rmdir()
    return None


def _removed(directory: Path) -> bool:
    try:
        directory.rmdir()
    except OSError:
        return False
    return True
