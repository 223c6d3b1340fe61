"""Stretches of time, and sets of them. Pure. Times are microseconds since 1970 UTC."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FOREVER_US = 1 << 62
"""Stands for an end that has not come."""


class Stretch(NamedTuple):
    """From a moment until before another."""

    start_us: int
    end_us: int


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Returns the same moments as stretches in order that do not meet."""
    found: list[Stretch] = []
    for start_us, end_us in sorted(stretches):
        if start_us >= end_us:
            continue
        if found and start_us <= found[-1].end_us:
            found[-1] = Stretch(found[-1].start_us, max(end_us, found[-1].end_us))
        else:
            found.append(Stretch(start_us, end_us))
    return found


def without(stretches: Sequence[Stretch], removed: Sequence[Stretch]) -> list[Stretch]:
    """Returns what is in the first and not in the second; both as `merged` returns them."""
    found = []
    for start_us, end_us in stretches:
        for gone in removed:
            if gone.end_us <= start_us or gone.start_us >= end_us:
                continue
            if gone.start_us > start_us:
                found.append(Stretch(start_us, gone.start_us))
            start_us = gone.end_us
        if start_us < end_us:
            found.append(Stretch(start_us, end_us))
    return found


def within(stretches: Sequence[Stretch], bounds: Stretch) -> list[Stretch]:
    """Returns the part of stretches that lies within bounds."""
    return merged(
        Stretch(max(one.start_us, bounds.start_us), min(one.end_us, bounds.end_us))
        for one in stretches
    )


def length_us(stretches: Iterable[Stretch]) -> int:
    """Adds stretches up that do not meet."""
    return sum(one.end_us - one.start_us for one in stretches)


def is_in(stretches: Iterable[Stretch], moment_us: int) -> bool:
    """Tells whether a moment lies in one of them."""
    return any(one.start_us <= moment_us < one.end_us for one in stretches)
