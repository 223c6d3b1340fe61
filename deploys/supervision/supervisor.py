"""Keeps one app running, and what it prints, whatever becomes of the deployer that started it.

Started by `deploys.drivers.processes`, it leaves that process's session: it outlives it.
It takes in what the app's processes leave behind, so that when the app ends nothing of it stays.
SIGTERM asks the app to end, SIGUSR1 ends it at once.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from deploys.supervision.kin import (
    ask_to_end,
    descendants,
    end_descendants,
    exit_code,
    has_descendants,
    kill_cgroup,
    look_at,
    reap,
    take_orphans_in,
)
from deploys.supervision.orders import AppOrders, AppState, load_app, write_state
from deploys.supervision.spawning import NOT_STARTED, spawn
from deploys.supervision.spools import PARTIAL_AFTER_S, SpoolWriter, Stream
from deploys.supervision.waking import Waking
from deploys.supervision.watching import Watch

LOOK_EVERY_S = 2.0
"""A look goes over all processes of the machine: some milliseconds for a few hundred."""
READ_BYTES = 1 << 16
RESTARTING = {"always", "unless-stopped"}
LEFT_BEHIND = "its first process ended and left others, which were ended: it must stay in front"
KILLED = 128 + signal.SIGKILL


def main() -> None:
    """Runs what stdin says, in a process that nobody waits for. Its pid goes to stdout."""
    orders = load_app(sys.stdin.buffer.read())
    # uvloop leaves copies of these three open in what it starts.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    take_orphans_in()
    supervisor = Supervisor(orders)
    supervisor.start()
    os.write(1, json.dumps([supervisor.state.pid, supervisor.state.started]).encode() + b"\n")
    _let_go()
    supervisor.run()


def _let_go() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    # The last of them is what tells the deployer that all is done.
    for descriptor in (2, 1):
        os.dup2(0, descriptor)


class Supervisor:
    """One app, from its first start to its end."""

    def __init__(self, orders: AppOrders) -> None:
        itself = look_at(os.getpid())
        assert itself is not None
        self._orders = orders
        self._spool = SpoolWriter(
            orders.spool_folder,
            max_file_bytes=orders.spool_file_bytes,
            max_files=orders.spool_files,
        )
        self._waking = Waking(
            [signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP]
        )
        self._pipes: dict[int, Stream] = {}
        self._watch = Watch(
            orders.start.bounds, orders.start.folder, disk_every_s=orders.disk_every_s
        )
        self._quick_ends = 0
        self._ending = ""
        """Why this run has to end, where that is known before it ends."""
        self._began = 0.0
        self._due = 0.0
        """When the app starts again, or, while it stops, when it is killed."""
        self.state = AppState(
            *(orders.name, "running", itself.pid, itself.started, 0, "", 0, -1, "", 0),
            cgroup=orders.start.cgroup,
        )

    def start(self) -> None:
        """Starts the app."""
        stdout, stderr = os.pipe(), os.pipe()
        pid = spawn(self._orders.start, stdout[1], stderr[1])
        streams: tuple[tuple[tuple[int, int], Stream], ...] = (
            (stdout, "stdout"),
            (stderr, "stderr"),
        )
        for (read, write), stream in streams:
            os.close(write)
            os.set_blocking(read, False)
            self._pipes[read] = stream
            self._waking.watch(read)
        self._began = time.monotonic()
        app = look_at(pid)
        self._say("running", app_pid=pid, app_started=app.started if app else "")

    def run(self) -> None:
        """Returns when the app is stopped, or is not to be started again."""
        looks_at = 0.0
        while self.state.status in {"running", "waiting", "stopping"}:
            ready, came = self._waking.wait(self._pause())
            now = time.monotonic()
            # Errors last: they are looked for at the end of what an app has printed.
            for descriptor in sorted(ready, key=self._is_stderr):
                self._take(descriptor, now)
            self._spool.flush(at_us=_now_us(), now_s=now)
            self._hear(came, now)
            ended = reap()
            if self.state.app_pid in ended:
                self._ended(exit_code(ended[self.state.app_pid]), now)
            elif now >= looks_at:
                looks_at = now + LOOK_EVERY_S
                self._look(now)
            self._go_on(now)
        self._spool.close()

    def _pause(self) -> float:
        pause = PARTIAL_AFTER_S if self._spool.waits() else LOOK_EVERY_S
        if self.state.status != "running":
            pause = min(pause, self._due - time.monotonic())
        return pause

    def _is_stderr(self, descriptor: int) -> bool:
        return self._pipes[descriptor] == "stderr"

    def _take(self, descriptor: int, now: float) -> None:
        try:
            content = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return
        if content:
            stream = self._pipes[descriptor]
            self._spool.write(stream, content, at_us=_now_us(), now_s=now)
        else:
            del self._pipes[descriptor]
            self._waking.forget(descriptor)

    def _hear(self, came: bytes, now: float) -> None:
        """Begins to stop, or ends the app, as signals have said."""
        stops = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP} & set(came)
        if stops and self.state.status != "stopping":
            self._due = now + self._orders.grace_s
            self._say("stopping")
            spared = {self.state.app_pid} if self._orders.start.is_wrapped else ()
            ask_to_end(os.getpid(), spared=spared)
        if signal.SIGUSR1 in came:
            self._due = now
            self._say("stopping")

    def _look(self, now: float) -> None:
        if self.state.status != "running":
            return
        broken = self._watch.broken(descendants(os.getpid()), now)
        if broken:
            self._ending = f"it was ended: more {broken} than its limit"
            end_descendants(os.getpid())
            self._ended(KILLED, now)

    def _ended(self, code: int, now: float) -> None:
        """The app's first process is gone: ends what is left of it, and says what comes next."""
        if self.state.status == "stopping":
            # The rest has until then: in a sandbox it may still be about to end.
            self._say("stopping", app_pid=0, code=code)
            return
        reason, self._ending = self._ending, ""
        if code == 0 and has_descendants(os.getpid()):
            reason = LEFT_BEHIND
        self._end_all()
        is_stable = now - self._began >= self._orders.stable_after_s
        self._quick_ends = 1 if is_stable else self._quick_ends + 1
        status = self._after(code)
        doubled = self._orders.backoff_first_s * 2.0 ** min(self._quick_ends - 1, 30)
        pause = min(doubled, self._orders.backoff_max_s)
        self._due = now + pause
        self._print(_ending(code, reason, status, pause))
        self._say(status, app_pid=0, app_started="", code=code, reason=reason)

    def _after(self, code: int) -> str:
        again = self._orders.restart in RESTARTING or (
            self._orders.restart == "on-failure" and code != 0
        )
        if not again:
            return "exited"
        return "crash_loop" if self._quick_ends > self._orders.max_restarts else "waiting"

    def _go_on(self, now: float) -> None:
        """Starts the app again when it is due, and ends what has had its time to stop."""
        if self.state.status == "waiting" and now >= self._due:
            self._start_again(now)
        if self.state.status == "stopping" and self._has_stopped(now):
            self._end_all()
            code = KILLED if self.state.app_pid else self.state.code
            self._print(f"The app was stopped; its exit code was {code}.")
            self._say("stopped", app_pid=0, app_started="", code=code)

    def _start_again(self, now: float) -> None:
        self._say("running", restarts=self.state.restarts + 1)
        try:
            self.start()
        except OSError as error:
            self._ending = f"it could not be started: {error}"
            self._ended(NOT_STARTED, now)

    def _has_stopped(self, now: float) -> bool:
        return now >= self._due or not (self.state.app_pid or has_descendants(os.getpid()))

    def _end_all(self) -> None:
        """Ends every process of the app, and takes what they have printed."""
        end_descendants(os.getpid())
        kill_cgroup(self.state.cgroup)
        now = time.monotonic()
        for descriptor, stream in self._pipes.items():
            with suppress(BlockingIOError):
                while content := os.read(descriptor, READ_BYTES):
                    self._spool.write(stream, content, at_us=_now_us(), now_s=now)
            self._waking.forget(descriptor)
        self._pipes.clear()
        self._spool.flush(at_us=_now_us(), now_s=None)

    def _print(self, text: str) -> None:
        """Adds a line of our own to what the app prints."""
        line = text.encode() + b"\n"
        self._spool.write("system", line, at_us=_now_us(), now_s=time.monotonic())

    def _say(self, status: str, **changes: Any) -> None:
        """Writes down what has changed."""
        self.state = self.state._replace(status=status, at_us=_now_us(), **changes)
        write_state(self._orders.state_folder, self.state)


def _ending(code: int, reason: str, status: str, pause_s: float) -> str:
    said = f"The app ended with exit code {code}"
    said += f": {reason}." if reason else "."
    if status == "waiting":
        return f"{said} It starts again in {pause_s:g} s."
    return (
        f"{said} It was started again too often, and is given up." if status != "exited" else said
    )


def _now_us() -> int:
    return time.time_ns() // 1000
