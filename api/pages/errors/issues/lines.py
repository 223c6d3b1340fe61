"""One issue in a list: its row of the control plane with what the store counts of it."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.errors.issues import IssueCounts, IssueRow
from schemas.zones import DAY_US

NEW_US = DAY_US
"""How long an issue is called new."""
WIDTH, HEIGHT = 96, 18


class Line(NamedTuple):
    """What a list shows of an issue."""

    row: IssueRow
    counts: IssueCounts
    sticks: str
    """Its events over the time of the page, as an SVG's path has them."""
    is_new: bool


def sticks_of(counts: Sequence[int]) -> str:
    """Draws counts as sticks, side by side: the last one may not be over yet, so no line dips."""
    most = max(counts, default=0)
    step = WIDTH / max(1, len(counts))
    drawn = [
        f"M{(at + 0.5) * step:.1f} {HEIGHT}V{HEIGHT - max(1.0, count / most * HEIGHT):.1f}"
        for at, count in enumerate(counts)
        if count
    ]
    return "".join(drawn)


def is_new(row: IssueRow, now_us: int) -> bool:
    """Tells whether an issue was seen first within a day."""
    return row.first_seen_us > now_us - NEW_US
