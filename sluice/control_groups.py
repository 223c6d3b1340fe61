"""The control groups that this process is in, where their limits stand (cgroups(7))."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SYSTEM = Path("/")


class Group(NamedTuple):
    """One of them."""

    directory: Path
    version: int
    """Of control groups: 1 or 2. It says how files are named."""

    def read(self, name: str) -> str:
        """Returns what a file of it says, nothing where there is no such file."""
        return _read(self.directory / name)


def groups(controller: str, root: Path = SYSTEM) -> Iterator[Group]:
    """Yields the groups that a controller may bound us in, from our own up."""
    mounts = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, version = mounts, 2
        elif controller in controllers.split(","):
            mount, version = mounts / controller, 1
        else:
            continue
        own = mount / path.lstrip("/")
        # In a container the path may be the host's, and the mount begins at our own group.
        for directory in (own, *own.parents):
            if not directory.is_relative_to(mount):
                break
            yield Group(directory, version)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
