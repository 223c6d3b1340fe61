"""Processes as Linux shows them: which one it is, what descends from it, and how all of it ends.

A number of a process is used again; with the moment of its start it is one process. So a signal
goes out only after both have been compared, through a handle that no other process can take over.
"""

import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import cache
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
END_ROUND_S = 0.01
END_TIMEOUT_S = 10.0
"""A killed process that waits for a disk may be there a while longer; nobody can end it sooner."""


class Process(NamedTuple):
    """A process at one moment."""

    pid: int
    parent: int
    state: str
    """One character of proc(5): `Z` has ended, and its parent has not asked yet."""
    started: str
    """With the pid, it names one process until the machine starts anew, and after that too."""


@cache
def boot_id() -> str:
    """Returns what is another one each time the machine starts."""
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
        return file.read(8)
    return "-"


def pid_namespace() -> str:
    """Returns in which namespace the pids of this process are those of others."""
    return os.readlink("/proc/self/ns/pid")


def look_at(pid: int) -> Process | None:
    """Returns a process, `None` where there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    # proc(5): the name stands in brackets and may have brackets and blanks itself.
    fields = text[text.rfind(b")") + 2 :].split()
    started = f"{boot_id()}-{fields[19].decode()}"
    return Process(pid, int(fields[1]), fields[0].decode(), started)


def is_alive(pid: int, started: str) -> bool:
    """Tells whether that very process runs."""
    found = look_at(pid)
    return found is not None and found.started == started and found.state != "Z"


def all_processes() -> Iterator[Process]:
    """Yields what runs on this machine, as far as it may be seen."""
    for name in os.listdir("/proc"):
        if name.isdecimal() and (found := look_at(int(name))) is not None:
            yield found


def descendants(pid: int) -> list[Process]:
    """Returns what descends from a process: all of it, where that process takes orphans in."""
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.append(child)
            waiting.append(child.pid)
    return found


def sockets_of(pid: int) -> set[int] | None:
    """Returns the numbers of the sockets that a process holds; `None` where nobody may look."""
    found = set()
    try:
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                kind, _, number = os.readlink(descriptor).partition(":")
                if kind == "socket":
                    found.add(int(number.strip("[]")))
    except PermissionError:
        return None
    except OSError:  # It is gone.
        return set()
    return found


def count_tasks(user: int) -> int:
    """Returns how many threads a user has, as `setrlimit` counts them."""
    total = 0
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == user:
                total += len(os.listdir(f"/proc/{name}/task"))
    return total


def private_bytes(pid: int) -> int:
    """Returns the memory of a process that is in no file. What a fork shares counts in both."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/statm", "rb") as file:
        fields = file.read().split()
        return (int(fields[1]) - int(fields[2])) * PAGE_BYTES
    return 0


def proportional_bytes(pid: int) -> int:
    """Returns the same with a share of what is shared; it costs the kernel more to say."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Pss_Anon:"):
                return int(line.split()[1]) * 1024
    return private_bytes(pid)


def send(process: Process, number: int) -> bool:
    """Signals that very process. Returns `False` where it is gone, or is not ours to signal."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not is_alive(process.pid, process.started):
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def take_orphans_in() -> None:
    """Makes this process the parent of each descendant whose own parent ends, prctl(2)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent ends."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")


def ask_to_end(pid: int, *, spared: Collection[int] = ()) -> None:
    """Sends SIGTERM to all that descends from a process, but for those that are spared."""
    for process in descendants(pid):
        if process.pid not in spared:
            send(process, signal.SIGTERM)


def end_descendants(pid: int) -> bool:
    """Kills all that descends from this process, and takes note of their ends.

    They are stopped before they are killed, so that none forks while others end. Returns `False`
    when one could not be ended in time.
    """
    deadline = time.monotonic() + END_TIMEOUT_S
    while alive := _living(pid):
        if time.monotonic() > deadline:
            return False
        stopped = [process for process in alive if send(process, signal.SIGSTOP)]
        if len(_living(pid)) <= len(alive):
            for process in stopped:
                send(process, signal.SIGKILL)
        reap()
        time.sleep(END_ROUND_S)
    reap()
    return True


def has_descendants(pid: int) -> bool:
    """Tells whether anything that descends from a process still runs."""
    return bool(_living(pid))


def _living(pid: int) -> list[Process]:
    return [process for process in descendants(pid) if process.state != "Z"]


def kill_cgroup(folder: str) -> None:
    """Kills what is in a cgroup, wherever it descends from, cgroups(7). Empty text: no cgroup."""
    if folder:
        with suppress(OSError), open(f"{folder}/cgroup.kill", "w") as file:
            file.write("1")


def reap() -> dict[int, int]:
    """Returns the children that have ended, with what `waitpid` says of each."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = status
    return ended


def exit_code(status: int) -> int:
    """Returns an exit code as shells show it: 128 and more is a signal."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
