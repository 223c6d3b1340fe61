"""Runs one command to its end, and ends all that it has left behind.

Started by `deploys.steps`. On stdin it is told what to run; then `t` there asks the command to
end, and the end of stdin, which comes too when the deployer is killed, ends it at once. So no
command outlives the deployer. What it prints goes straight into the deployer's pipes.
"""

import json
import os
import signal
import sys
import time

from deploys.supervision.kin import (
    ask_to_end,
    descendants,
    end_descendants,
    exit_code,
    has_descendants,
    kill_cgroup,
    reap,
    take_orphans_in,
)
from deploys.supervision.orders import StepOrders, load_step
from deploys.supervision.spawning import spawn
from deploys.supervision.waking import Waking
from deploys.supervision.watching import Watch

LOOK_EVERY_S = 0.5
ASK = b"t"


def main() -> None:
    """Runs what stdin says. The result goes to the descriptor that argument 1 names."""
    result = int(sys.argv[1])
    line, more = _read_line()
    if ASK in more:
        # Wanted no more before it began.
        os.write(result, json.dumps([128 + signal.SIGTERM, "cancelled"]).encode())
        return
    orders = load_step(line)
    take_orphans_in()
    waking = Waking([signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    waking.watch(0)
    pid = spawn(orders.start, 1, 2)
    code, reason = _Step(orders, pid, waking).wait()
    end_descendants(os.getpid())
    kill_cgroup(orders.start.cgroup)
    os.write(result, json.dumps([code, reason]).encode())


def _read_line() -> tuple[bytes, bytes]:
    """Returns a line, and what has come with it: it may be asked to end at once."""
    parts: list[bytes] = []
    while not parts or b"\n" not in parts[-1]:
        part = os.read(0, 1 << 16)
        if not part:
            raise SystemExit("nothing to run")
        parts.append(part)
    line, _, more = b"".join(parts).partition(b"\n")
    return line, more


class _Step:
    """The command while it runs."""

    def __init__(self, orders: StepOrders, pid: int, waking: Waking) -> None:
        self._orders = orders
        self._pid = pid
        self._waking = waking
        self._watch = Watch(
            orders.start.bounds, orders.start.folder, disk_every_s=orders.disk_every_s
        )
        self._ends_at = time.monotonic() + orders.seconds
        self._looks_at = 0.0
        self._reason = ""
        self._code = -1

    def wait(self) -> tuple[int, str]:
        """Returns the exit code, and the limit that ended it or empty text."""
        while True:
            now = time.monotonic()
            if self._is_over(now):
                return self._killed()
            ready, came = self._waking.wait(min(LOOK_EVERY_S, self._ends_at - now))
            ended = reap()
            if self._pid in ended:
                self._code = exit_code(ended[self._pid])
            # Who was asked to end is given the time to; who ends by itself leaves nothing behind.
            if self._code >= 0 and not (self._reason and has_descendants(os.getpid())):
                return self._code, self._reason
            if any(number != signal.SIGCHLD for number in came):
                return self._killed()
            if 0 in ready and not self._hear():
                return self._killed()

    def _is_over(self, now: float) -> bool:
        if now >= self._ends_at:
            if self._reason:
                return True
            self._ask(now, "time")
        if now >= self._looks_at and not self._reason:
            self._looks_at = now + LOOK_EVERY_S
            broken = self._watch.broken(descendants(os.getpid()), now)
            if broken:
                self._reason = broken
                return True
        return False

    def _hear(self) -> bool:
        """Asks the command to end, if that was said. Returns `False` when it must end at once."""
        said = os.read(0, 64)
        if ASK in said and not self._reason:
            self._ask(time.monotonic(), "cancelled")
        return bool(said)

    def _ask(self, now: float, reason: str) -> None:
        self._reason = reason
        self._ends_at = now + self._orders.grace_s
        ask_to_end(os.getpid(), spared={self._pid} if self._orders.start.is_wrapped else ())

    def _killed(self) -> tuple[int, str]:
        end_descendants(os.getpid())
        return max(self._code, 0) or 128 + signal.SIGKILL, self._reason or "cancelled"
