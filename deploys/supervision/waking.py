"""Lets a loop sleep until a signal comes, or a file has something to read."""

import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType


class Waking:
    """Signals and files of this process, waited for together. One of them in a process."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _ignore)
        self._poll = select.poll()
        self.watch(self._read)

    def watch(self, descriptor: int) -> None:
        """Wakes when there is something to read, or the other end is closed."""
        self._poll.register(descriptor, select.POLLIN)

    def forget(self, descriptor: int) -> None:
        """Wakes no more for it, and closes it."""
        self._poll.unregister(descriptor)
        os.close(descriptor)

    def wait(self, seconds: float) -> tuple[set[int], bytes]:
        """Returns the descriptors that have something, and the numbers of signals that came."""
        ready = {found for found, _ in self._poll.poll(max(0, int(seconds * 1000 + 1)))}
        came = b""
        if self._read in ready:
            ready.discard(self._read)
            with suppress(BlockingIOError):
                came = os.read(self._read, 512)
        return ready, came


def _ignore(number: int, frame: FrameType | None) -> None:
    """Does nothing: that a signal has come is told by the pipe."""
