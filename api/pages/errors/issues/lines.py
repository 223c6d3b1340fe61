"""One issue in a list: its row of the control plane with what the store counts of it."""

from typing import NamedTuple

from schemas.errors.issues import IssueCounts, IssueRow
from schemas.zones import DAY_US

NEW_US = DAY_US
"""How long an issue is called new."""


class Line(NamedTuple):
    """What a list shows of an issue."""

    row: IssueRow
    counts: IssueCounts
    spark: str
    """Of its events over the time of the page, as an SVG's path has it."""
    is_new: bool


def is_new(row: IssueRow, now_us: int) -> bool:
    """Tells whether an issue was seen first within a day."""
    return row.first_seen_us > now_us - NEW_US
