"""Calls along a time as bars, those that failed in their colour, and the cost as it grows."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 600, 40
GAP = 1


class Slot(NamedTuple):
    """One of the equal parts of a time."""

    number: int
    calls: int
    errors: int
    cost: float


class Bar(NamedTuple):
    """What is drawn of a slot."""

    x: float
    y: float
    height: float
    bad_y: float
    bad_height: float
    """Of the calls that failed, from the ground."""


class Strip(NamedTuple):
    """A drawing, with what it says in words."""

    bars: list[Bar]
    width: float
    """Of a bar."""
    path: str
    """Of the cost."""
    title: str


def strip_of(slots: Sequence[Slot], count: int) -> Strip:
    """Draws those slots of `count` that have calls."""
    step = WIDTH / count
    most = max((slot.calls for slot in slots), default=0) or 1
    cost = sum(slot.cost for slot in slots)
    bars, spent, path = [], 0.0, [f"M0 {HEIGHT - 1}"]
    for slot in slots:
        height = max(2.0, slot.calls / most * HEIGHT)
        bad = height * slot.errors / slot.calls
        x = slot.number * step
        bars.append(Bar(x, HEIGHT - height, height, HEIGHT - bad, bad))
        path.append(f"H{x + step / 2:.1f}")
        spent += slot.cost
        path.append(f"V{HEIGHT - 1 - (spent / cost if cost else 0) * (HEIGHT - 2):.1f}")
    path.append(f"H{WIDTH}")
    calls, errors = sum(slot.calls for slot in slots), sum(slot.errors for slot in slots)
    title = f"{calls:,} calls over time, {errors:,} failed; the line is the cost as it grows"
    return Strip(bars, max(1.0, step - GAP), "".join(path) if cost else "", title)
