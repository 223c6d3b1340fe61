"""Starts a command as a session of its own: its limits, its output, and nothing of ours beside."""

import os
import resource
import signal
from contextlib import suppress
from typing import NamedTuple

from deploys.supervision.kin import count_tasks, die_with_parent

OUT_OF_MEMORY_SCORE = "500"
"""Where memory ends, the kernel takes a build or an app before it takes Sluice."""
NOT_STARTED = 127
PRIVATE = 3
MAX_DESCRIPTORS = 1 << 30
"""More than Linux gives to a process; where there are none to close this costs nothing."""
STACKS_BYTES = 256 << 20
TASKS_PER_PROCESS = 8
"""Node has some eleven threads in a process, and most processes have one."""
CHANGED_SIGNALS = (
    *(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores them.
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1),
)
"""What commands expect to find as the system has it."""


class Bounds(NamedTuple):
    """What a command may use. Zero is no limit."""

    memory_bytes: int
    disk_bytes: int
    processes: int
    nice: int


class Start(NamedTuple):
    """What a command is started with."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    bounds: Bounds
    cgroup: str
    """Folder of a cgroup of its own; empty where there is none."""
    is_wrapped: bool
    """Whether the first process is a sandbox: it passes no signal on, and ends with its content."""
    private: str
    """What the command reads from descriptor 3, and nobody else does; empty for no descriptor."""


def spawn(start: Start, stdout: int, stderr: int) -> int:
    """Starts a command and returns its pid. It dies when this process does."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _become(start, stdout, stderr)
    except BaseException as error:
        with suppress(OSError):
            os.write(2, f"sluice: the command could not be started: {error}\n".encode())
    finally:
        os._exit(NOT_STARTED)


def _become(start: Start, stdout: int, stderr: int) -> None:
    os.setsid()
    die_with_parent()
    _join(start.cgroup)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(OUT_OF_MEMORY_SCORE)
    _connect(stdout, stderr, start.private)
    for number in CHANGED_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _limit(start.bounds)
    os.chdir(start.folder)
    os.execve(start.arguments[0], start.arguments, start.environment)


def _join(cgroup: str) -> None:
    if cgroup:
        with open(os.path.join(cgroup, "cgroup.procs"), "w") as file:
            file.write("0")


def _connect(stdout: int, stderr: int, private: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    if private:
        content = os.memfd_create("private")
        with open(content, "w", closefd=False) as file:
            file.write(private)
        os.lseek(content, 0, os.SEEK_SET)
        os.dup2(content, PRIVATE)
    os.closerange(PRIVATE + 1 if private else PRIVATE, MAX_DESCRIPTORS)


def _limit(bounds: Bounds) -> None:
    if bounds.nice:
        os.nice(bounds.nice)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if bounds.disk_bytes:
        _lower(resource.RLIMIT_FSIZE, bounds.disk_bytes)
    if bounds.memory_bytes:
        # Not RLIMIT_AS: V8, Go and Java reserve far more addresses than they use. And more than is
        # allowed, for the stacks of threads count whole; the watch counts what is really used.
        _lower(resource.RLIMIT_DATA, bounds.memory_bytes * 2 + STACKS_BYTES)
    if bounds.processes and os.geteuid():
        # Of all that the user runs: it stops what forks faster than anybody can look. It does not
        # hold for root.
        allowed = count_tasks(os.geteuid()) + bounds.processes * TASKS_PER_PROCESS
        _lower(resource.RLIMIT_NPROC, allowed)


def _lower(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (lowest, lowest))
