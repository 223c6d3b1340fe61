"""Cgroups of version 2, where we may make them: for limits, and to end all of a command.

A process cannot leave its cgroup by forking or by a session of its own. So a cgroup ends what no
walk through descendants finds, and it holds memory, processes and processor time exactly. What is
permitted differs from machine to machine: it is tried out, not configured.
"""

import subprocess
from contextlib import suppress
from pathlib import Path

from deploys.drivers.driver import Limits

CONTROLLERS = ("memory", "pids", "cpu")
CPU_PERIOD_US = 100_000
PROBE = 'echo 0 > "$0"/cgroup.procs'
PROBE_TIMEOUT_S = 5


class Cgroups:
    """The cgroups of one deployer, each within a common one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, limits: Limits) -> str:
        """Makes a cgroup and returns its folder; empty text where that failed."""
        folder = self._folder / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError:
            return ""
        if limits.memory_bytes:
            _write(folder / "memory.max", str(limits.memory_bytes))
            _write(folder / "memory.swap.max", "0")
        _write(folder / "pids.max", str(limits.processes))
        if limits.cpu:
            _write(folder / "cpu.max", f"{int(limits.cpu * CPU_PERIOD_US)} {CPU_PERIOD_US}")
        return str(folder)

    def end(self, name: str) -> None:
        """Kills what is in a cgroup, if there is one."""
        _write(self._folder / name / "cgroup.kill", "1")

    def remove(self, name: str) -> None:
        """Removes a cgroup whose processes have ended; apps may have made others within it."""
        folder = self._folder / name
        for inner in sorted(folder.rglob("*/"), reverse=True):
            with suppress(OSError):
                inner.rmdir()
        with suppress(OSError):
            folder.rmdir()

    def names(self) -> list[str]:
        """Returns the cgroups that there are."""
        with suppress(FileNotFoundError):
            return [found.name for found in self._folder.iterdir() if found.is_dir()]
        return []

    def close(self) -> None:
        """Removes the common one. What still runs in one of its own keeps it there."""
        for folder in (*(self._folder / name for name in self.names()), self._folder):
            with suppress(OSError):
                folder.rmdir()

    def held(self) -> set[str]:
        """Returns what the kernel holds here exactly, of `memory`, `pids` and `cpu`."""
        found = set(_read(self._folder / "cgroup.subtree_control").split())
        return found & set(CONTROLLERS)


def find_cgroups(identity: str, base: Path | None = None) -> Cgroups | None:
    """Returns cgroups that work here, `None` where they are not permitted or too old. It blocks."""
    base = base or own_cgroup()
    if base is None:
        return None
    folder = base / f"sluice-{identity}"
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    for parent in (base, folder):
        for controller in CONTROLLERS:
            _write(parent / "cgroup.subtree_control", f"+{controller}")
    probe = folder / "probe"
    works = _can_be_joined(probe)
    with suppress(OSError):
        probe.rmdir()
    if works:
        return Cgroups(folder)
    with suppress(OSError):
        folder.rmdir()
    return None


def own_cgroup() -> Path | None:
    """Returns the folder of the cgroup that this process is in."""
    inside = [line for line in _read(Path("/proc/self/cgroup")).splitlines() if line[:3] == "0::"]
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        # proc(5): optional fields end with a dash; the type of the file system follows.
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and inside:
            root, mounted = before.split()[3:5]
            path = inside[0][3:].removeprefix(root.rstrip("/")).lstrip("/")
            return Path(mounted) / path
    return None


def _can_be_joined(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / "cgroup.kill").exists():  # Linux 5.14
            return False
        command = ["/bin/sh", "-c", PROBE, str(folder)]
        done = subprocess.run(command, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _write(path: Path, text: str) -> None:
    # A controller that is not there, or not ours: what it would have held is counted elsewhere.
    with suppress(OSError), path.open("w") as file:
        file.write(text)


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""
