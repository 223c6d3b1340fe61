"""The driver `bubblewrap`: commands in a sandbox of bwrap(1), with processes of their own.

A command sees the machine's files, read-only, and without Sluice's own; it writes in its folder
and in `/tmp`, which is its own. It sees no process but its own. Apps have the machine's network, so
that they can be reached; builds have it if that is allowed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from deploys.drivers.driver import DriverUnavailable
from deploys.drivers.processes import Confined, Wrapped
from deploys.steps import PACKAGES, program
from deploys.supervision.spawning import PRIVATE

PROGRAM = "bwrap"
TRY_TIMEOUT_S = 10
HIDDEN = ("/run", "/var/tmp", "/mnt", "/media")
"""`/run` has the sockets of services, that of Docker among them: a way out of any sandbox."""
RESOLVER = Path("/etc/resolv.conf")


class Bubblewrap:
    """The program bwrap of this machine."""

    name = "bubblewrap"

    def __init__(self, hidden: Iterable[Path]) -> None:
        """Raises `DriverUnavailable` where it does not work. It blocks."""
        bwrap = shutil.which(PROGRAM)
        if bwrap is None:
            raise DriverUnavailable(
                "The driver bubblewrap needs the program bwrap. On Debian and Ubuntu: "
                "sudo apt install bubblewrap"
            )
        _try(bwrap)
        self._bwrap = bwrap
        self._hidden = tuple(hidden)

    async def check(self) -> None:
        """Has nothing to do: it was tried at the beginning."""

    def wrap(self, confined: Confined) -> Wrapped:
        """Returns what runs a command within a sandbox."""
        return sandboxed(self._bwrap, confined, self._hidden)

    async def clear(self, name: str) -> None:
        """Has nothing to do: a sandbox ends with its first process."""

    async def sweep(self, keep: Collection[str]) -> list[str]:
        """Has nothing to do."""
        return []


def sandboxed(bwrap: str, confined: Confined, hidden: tuple[Path, ...]) -> Wrapped:
    """Returns what runs a command within a sandbox.

    bwrap reads most of it from a descriptor: values of the environment are in no command line.
    """
    options = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for path in (*map(Path, HIDDEN), *hidden):
        # A name that leads elsewhere is hidden there: bwrap mounts on no link.
        if (real := path.resolve()).is_dir():
            options += ["--tmpfs", str(real)]
    resolver = RESOLVER.resolve()
    if _is_below(resolver, HIDDEN):
        options += ["--ro-bind-try", str(resolver), str(resolver)]
    options += ["--bind", str(confined.temporary), "/tmp"]
    covered = (*map(Path, HIDDEN), Path("/tmp"), *hidden)
    for needed in {sys.prefix, sys.base_prefix, PACKAGES}:
        # What starts a command there, and serves static sites.
        if any(Path(needed).is_relative_to(one) for one in covered):
            options += ["--ro-bind", needed, needed]
    for folder in (confined.folder, confined.temporary, *confined.writable):
        options += ["--bind", str(folder), str(folder)]
    for name, value in confined.environment.items():
        options += ["--setenv", name, value]
    options += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += [] if confined.network else ["--unshare-net"]
    options += ["--unshare-user-try", "--cap-drop", "ALL", "--die-with-parent", "--as-pid-1"]
    options += ["--chdir", str(confined.folder)]
    arguments = [bwrap, "--args", str(PRIVATE), "--", *program("first", confined.text)]
    return Wrapped(
        arguments,
        "".join(f"{option}\0" for option in options),
        is_sandbox=True,
        holds_limits=False,
    )


def _try(bwrap: str) -> None:
    command = [bwrap, "--ro-bind", "/", "/", "--proc", "/proc", "--unshare-pid"]
    command += ["--unshare-user-try", "--cap-drop", "ALL", "--", "/bin/true"]
    try:
        tried = subprocess.run(command, capture_output=True, timeout=TRY_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriverUnavailable(f"bwrap does not work here: {error}") from error
    if tried.returncode:
        said = tried.stderr.decode(errors="replace").strip()
        raise DriverUnavailable(f"bwrap does not work here: {said[:500]}")


def _is_below(path: Path, folders: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(os.path.realpath(folder)) for folder in folders)
