"""Processes of Sluice that begin where all its modules are imported: a start in half the time.

One process for all tests of a worker imports them, and forks. A fork is a process like any other:
arguments, environment, files and signals are its own, and it runs what `sluice` runs. What it does
not prove is the import itself: tests of starts, and of what a shell does around, run the script.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

SCRIPT = str(Path(sys.executable).with_name("sluice"))
MAX_REQUEST = 1 << 18
MODULE = "FORK_MODULE"
"""Names in the environment of a fork a module that runs in place of `sluice`. What it replaces must
be looked up when it is used: everything is imported by then."""
FORKER = """
import gc
gc.disable()
import json, os, runpy, signal, socket, sys
import aiosqlite, faust.app, faust.models, faust.tables, faust.worker, uvloop
import sluice.serve, sluice.cli
import sluice.node, sluice.edge_node, sluice.api_node, sluice.worker_node, sluice.warehouse_node
import sluice.prober_node, sluice.remote_prober_node, sluice.deployer_node

def serve(channel):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, files, _, _ = socket.recv_fds(channel, {MAX_REQUEST}, 3)
        if not message:
            os._exit(0)
        asked = json.loads(message)
        if "ended" in asked:
            _, status = os.waitpid(asked["ended"], 0)
            channel.send(b"%d" % os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if not pid:
            become(asked, files)
            return
        for file in files:
            os.close(file)
        channel.send(b"%d" % pid)

def become(asked, files):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environ"])
    os.chdir(asked["folder"])
    sys.argv = asked["command"]

gc.freeze()
channel = socket.socket(fileno={channel})
serve(channel)
channel.close()
gc.enable()
if module := os.environ.get("{MODULE}"):
    runpy.run_module(module, run_name="__main__")
sys.exit(sluice.cli.main())
"""


_turn = threading.Lock()


class Fork:
    """A process of Sluice, with what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Returns the exit code, `None` while it runs; below 0 the signal that ended it."""
        if self.returncode is None and self._has_ended(0.0):
            self._reap()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit code once it has ended. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not self._has_ended(timeout):
                raise subprocess.TimeoutExpired("sluice", timeout or 0.0)
            self._reap()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._end, number)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _reap(self) -> None:
        self.returncode = _ask({"ended": self.pid})
        os.close(self._end)

    def _has_ended(self, timeout_s: float | None) -> bool:
        looked = select.poll()
        looked.register(self._end, select.POLLIN)
        return bool(looked.poll(None if timeout_s is None else timeout_s * 1000))


def start(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    stdout: IO[Any] | int,
    stderr: IO[Any] | int,
    stdin: IO[Any] | int = subprocess.DEVNULL,
) -> "Fork | subprocess.Popen[bytes]":
    """Starts `sluice` with these arguments; files as `subprocess.Popen` takes them, no pipes."""
    if not hasattr(os, "pidfd_open"):  # only Linux has it
        return subprocess.Popen(
            [SCRIPT, *arguments], env=env, stdin=stdin, stdout=stdout, stderr=stderr
        )
    with open(os.devnull, "r+b") as nothing:
        given = (stdin, stdout, stdout if stderr == subprocess.STDOUT else stderr)
        files = [_number(nothing if file == subprocess.DEVNULL else file) for file in given]
        asked = {"command": [SCRIPT, *arguments], "environ": dict(env), "folder": os.getcwd()}
        return Fork(_ask(asked, files))


def run(
    arguments: Sequence[str], *, env: Mapping[str, str], given: str = "", timeout_s: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    """Runs `sluice` to its end, with what it has printed."""
    with (
        tempfile.TemporaryFile("w+") as stdin,
        tempfile.TemporaryFile("w+") as stdout,
        tempfile.TemporaryFile("w+") as stderr,
    ):
        stdin.write(given)
        stdin.seek(0)
        process = start(arguments, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout_s)
        except BaseException:
            process.kill()
            process.wait()
            raise
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess([*arguments], code, stdout.read(), stderr.read())


def _number(file: IO[Any] | int) -> int:
    return file if isinstance(file, int) else file.fileno()


def _ask(asked: Mapping[str, Any], files: Sequence[int] = ()) -> int:
    channel = _forker()
    with _turn:
        socket.send_fds(channel, [json.dumps(asked).encode()], files)
        answer = channel.recv(64)
    assert answer, "the process that forks has ended"
    return int(answer)


@cache
def _forker() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_REQUEST)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    program = FORKER.replace("{channel}", str(theirs.fileno())).replace("{MODULE}", MODULE)
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", program.replace("{MAX_REQUEST}", str(MAX_REQUEST))],
        # Of the threads of libraries none is there at a fork.
        env={**inherited, "OPENBLAS_NUM_THREADS": "1"},
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    atexit.register(_end, ours, process)
    return ours


def _end(channel: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    channel.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
