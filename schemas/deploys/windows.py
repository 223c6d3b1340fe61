"""The times before and after a switch that are held against each other. Pure.

Times are microseconds since 1970 UTC.
"""

from typing import NamedTuple

from msgspec import Struct

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
WEEK_US = 7 * 24 * HOUR_US
MOST_REFERENCES = 168
"""So many times the length of the window are looked back for what is rare, a week at most."""
DEFAULT_MINUTES, LEAST_MINUTES, MOST_MINUTES = 60, 5, 24 * 60


class Window(NamedTuple):
    """From a moment until before another."""

    start_us: int
    end_us: int

    @property
    def length_us(self) -> int:
        """How long it is."""
        return max(0, self.end_us - self.start_us)

    @property
    def minutes(self) -> float:
        """The same in minutes."""
        return self.length_us / MINUTE_US

    def earlier(self, by_us: int) -> "Window":
        """Returns the same time of an earlier day."""
        return Window(self.start_us - by_us, self.end_us - by_us)

    def parts(self, count: int) -> "list[Window]":
        """Returns it in so many parts of one length."""
        edges = [self.start_us + self.length_us * place // count for place in range(count + 1)]
        return [Window(edges[place], edges[place + 1]) for place in range(count)]


class Switch(NamedTuple):
    """That a deployment took over."""

    deployment_id: str
    at_us: int


class Windows(Struct, frozen=True, kw_only=True):
    """What is compared of a switch."""

    before: Window
    after: Window
    wanted_us: int
    """How long they were to be."""
    before_cut_by: str | None
    """The deployment that took over within the time before, which begins with it therefore."""
    after_cut_by: str | None
    """The same of the time after, which ends with it."""

    @property
    def week_before(self) -> Window:
        """The time before, a week ago."""
        return self.before.earlier(WEEK_US)

    @property
    def week_after(self) -> Window:
        """The time after, a week ago."""
        return self.after.earlier(WEEK_US)

    @property
    def reference(self) -> Window:
        """A long time before, for what is rare."""
        length_us = min(WEEK_US, MOST_REFERENCES * self.after.length_us)
        return Window(self.after.start_us - length_us, self.after.start_us)

    @property
    def reference_parts(self) -> int:
        """How many times the time after it is long."""
        return max(1, self.reference.length_us // max(1, self.after.length_us))


def windows_of(
    switch: Switch,
    now_us: int,
    *,
    minutes: int,
    previous: Switch | None,
    following: Switch | None,
) -> Windows:
    """Finds the times of equal length before and after a switch.

    After it: what has passed since, at most the wanted length, and until another took over. Before
    it: as long, from the last switch on at most.
    """
    wanted_us = minutes * MINUTE_US
    end_us = max(switch.at_us, min(switch.at_us + wanted_us, now_us))
    cut_after = following if following is not None and following.at_us < end_us else None
    after = Window(switch.at_us, end_us if cut_after is None else cut_after.at_us)
    start_us = switch.at_us - after.length_us
    cut_before = previous if previous is not None and previous.at_us > start_us else None
    before = Window(start_us if cut_before is None else cut_before.at_us, switch.at_us)
    return Windows(
        before=before,
        after=after,
        wanted_us=wanted_us,
        before_cut_by=None if cut_before is None else cut_before.deployment_id,
        after_cut_by=None if cut_after is None else cut_after.deployment_id,
    )
