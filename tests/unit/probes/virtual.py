"""A loop whose time passes only while nobody has anything to do: hours in a second, and exactly."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
BEGIN_US = 1_900_000_000_000_000
"""What the clock of the wall says when a simulation begins."""


class _Selector(selectors.DefaultSelector):
    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits for ever"
        self.loop.elapsed_s += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code without threads and sockets."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.set_by_us = 0
        """How far somebody has set the clock of the wall."""
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        # Beyond the grain of floats, a timer would not be due when its time has come.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.elapsed_s

    def now_us(self) -> int:
        """Returns the clock of the wall."""
        return BEGIN_US + round(self.elapsed_s * 1_000_000) + self.set_by_us


def simulate(work: Coroutine[Any, Any, T]) -> T:
    """Runs work in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def now_us() -> int:
    """Returns the clock of the wall of the simulation that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop.now_us()


def set_clock(by_s: float) -> None:
    """Sets the clock of the wall, as an operator does, or a machine that slept."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.set_by_us += int(by_s * 1_000_000)
