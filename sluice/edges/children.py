"""Processes that become edges, made by the owner before they are needed, or when one has died.

The first ones are forked from the owner at its very beginning, while it has one thread and has
opened nothing: what both import is there once. Later it can fork no more, because of its threads.
Then a new one starts from nothing, in a second or two, and takes some 40 MB more.
"""

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import msgspec

from schemas.settings import PREFIX, SettingsError
from sluice import logs
from sluice.edges.channel import LENGTH_BYTES
from sluice.edges.dying import BEGIN_S, die_with, live_for
from sluice.edges.main import run
from sluice.edges.starting import Ends, Start
from sluice.edges.tally import SharedTally

OWNERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that are for the owner, who tells its edges."""
PROGRAM = (
    "from sluice.edges.dying import die_with; die_with(%d);"  # before what takes a second
    "from sluice.edges.children import begin; begin(%d)"
)
REAP_S, REAP_PAUSE_S = 1.0, 0.002


class Child:
    """A process that waits to be told which edge it is."""

    def __init__(
        self, pid: int, channel: socket.socket, made: "subprocess.Popen[bytes] | None" = None
    ) -> None:
        self.pid = pid
        self.channel = channel
        """The owner's end, over which it is told so."""
        self._made = made
        self._status: int | None = None

    def kill(self) -> None:
        """Ends it, if it has not ended by itself."""
        if self.status() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def status(self) -> int | None:
        """Returns its exit code once it has ended; below 0 is a signal."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
            if self._made is not None:
                self._made.returncode = self._status
        return self._status

    def reap(self) -> int | None:
        """Returns the exit code of one that is about to end. Blocking, at most for a second."""
        latest = time.monotonic() + REAP_S
        while (status := self.status()) is None and time.monotonic() < latest:
            time.sleep(REAP_PAUSE_S)
        return status


class Children:
    """Those of one owner."""

    def __init__(self, waiting: list[Child], tally: SharedTally) -> None:
        self._waiting = waiting
        self.tally = tally
        """Of the connections of all processes, the owner's and its edges'."""
        self.count = len(waiting)
        """How many there are to be at a time."""

    def take(self) -> Child:
        """Returns one that waits, or else a new one. Raises `OSError`."""
        return self._waiting.pop(0) if self._waiting else _start_child()

    def close(self) -> None:
        """Ends those that wait. May be called twice."""
        for one in self._waiting:
            one.channel.close()
            one.reap()
        self._waiting.clear()


def fork_children(count: int) -> Children:
    """Forks as many. To be called while the process has one thread and no file of its own.

    Raises `SettingsError` on a system that has not what they need.
    """
    if sys.platform != "linux":
        raise SettingsError(f"{PREFIX}EDGE_PROCESSES: edge processes need Linux; leave it out")
    tally = SharedTally.of(1 + count)
    waiting: list[Child] = []
    owner = os.getpid()
    gc.freeze()
    for _ in range(count):
        ours, its = socket.socketpair()
        pid = os.fork()
        if not pid:
            die_with(owner)
            # Whoever has an end of the owner's keeps another from hearing of the owner's death.
            for end in (ours, *(one.channel for one in waiting)):
                end.close()
            _leave_after(partial(_become_edge, its))
        its.close()
        waiting.append(Child(pid, ours))
    return Children(waiting, tally)


def begin(channel: int) -> None:
    """Is what a process does that was started from nothing."""
    _leave_after(partial(_become_edge, socket.socket(fileno=channel), logs.set_up))


def _start_child() -> Child:
    ours, its = socket.socketpair()
    with its:
        made = subprocess.Popen(
            [sys.executable, "-c", PROGRAM % (os.getpid(), its.fileno())],
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for the owner
        )
    return Child(made.pid, ours, made)


def _become_edge(channel: socket.socket, prepare: Callable[[Any], object] | None = None) -> None:
    for number in OWNERS:
        signal.signal(number, signal.SIG_IGN)
    _, files, _, _ = socket.recv_fds(channel, 1, len(Ends._fields))
    if not files:  # the owner has ended without need of it
        return
    length = int.from_bytes(channel.recv(LENGTH_BYTES, socket.MSG_WAITALL))
    start = msgspec.msgpack.decode(channel.recv(length, socket.MSG_WAITALL), type=Start)
    live_for(BEGIN_S)
    if prepare is not None:
        prepare(start.settings)
    listener, handing, tally, lock = files
    ends = Ends(socket.socket(fileno=listener), socket.socket(fileno=handing), tally, lock)
    run(start, channel, ends)


def _leave_after(work: Callable[[], None]) -> NoReturn:
    """Does it, and ends the process without anything that the owner would do at its end."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
