"""The driver `bubblewrap`: commands in a sandbox of bwrap(1), with processes of their own.

A command sees the machine's files, read-only, and without Sluice's own; it writes in its folder
and in `/tmp`, which is its own. It sees no process but its own. Apps have the machine's network, so
that they can be reached; builds have it if that is allowed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from deploys.drivers.driver import DriverUnavailable
from deploys.drivers.processes import Confined, Wrap
from deploys.steps import PACKAGES, program

PROGRAM = "bwrap"
TRY_TIMEOUT_S = 10
HIDDEN = ("/run", "/var/tmp", "/mnt", "/media")
"""`/run` has the sockets of services, that of Docker among them: a way out of any sandbox."""
RESOLVER = Path("/etc/resolv.conf")


def find_wrap(hidden: Iterable[Path]) -> Wrap:
    """Returns how command lines are written here. Raises `DriverUnavailable`. It blocks."""
    bwrap = shutil.which(PROGRAM)
    if bwrap is None:
        raise DriverUnavailable(
            "The driver bubblewrap needs the program bwrap. On Debian and Ubuntu: "
            "sudo apt install bubblewrap"
        )
    paths = tuple(hidden)

    def wrap(confined: Confined) -> list[str]:
        return sandboxed(bwrap, confined, paths)

    _try(bwrap)
    return wrap


def sandboxed(bwrap: str, confined: Confined, hidden: tuple[Path, ...]) -> list[str]:
    """Returns the command line that runs a command within a sandbox."""
    arguments = [bwrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for path in (*map(Path, HIDDEN), *hidden):
        # A name that leads elsewhere is hidden there: bwrap mounts on no link.
        if (real := path.resolve()).is_dir():
            arguments += ["--tmpfs", str(real)]
    resolver = RESOLVER.resolve()
    if _is_below(resolver, HIDDEN):
        arguments += ["--ro-bind-try", str(resolver), str(resolver)]
    for needed in {sys.prefix, sys.base_prefix, PACKAGES}:
        # What starts a command there, and serves static sites.
        if any(Path(needed).is_relative_to(one) for one in (*map(Path, HIDDEN), *hidden)):
            arguments += ["--ro-bind", needed, needed]
    arguments += ["--bind", str(confined.temporary), "/tmp"]
    for folder in (confined.folder, confined.temporary, *confined.writable):
        arguments += ["--bind", str(folder), str(folder)]
    arguments += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    arguments += [] if confined.network else ["--unshare-net"]
    arguments += ["--unshare-user-try", "--cap-drop", "ALL", "--die-with-parent"]
    return [
        *arguments,
        "--chdir",
        str(confined.folder),
        "--as-pid-1",
        "--",
        *program("first", confined.text),
    ]


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
