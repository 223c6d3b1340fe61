"""How much memory this process may use, by its control group and by its machine."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

SYSTEM = Path("/")


def available_bytes(root: Path = SYSTEM) -> int:
    """Returns the least of the machine's memory and the limits of our control groups."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """Yields the limits on the way from our group up, of cgroup version 2 and 1 (cgroups(7))."""
    mounts = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, name = mounts, "memory.max"
        elif "memory" in controllers.split(","):
            mount, name = mounts / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = mount / path.lstrip("/")
        # In a container the path may be the host's, and the mount begins at our own group.
        for directory in (group, *group.parents):
            if not directory.is_relative_to(mount):
                break
            if found := re.fullmatch(r"(\d+)\s*", _read(directory / name)):
                yield int(found[1])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
