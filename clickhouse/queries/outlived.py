"""What an answer over sums reads of a time whose rows may be gone: the sums alone, by whole hours.

Else the ragged ends of a range, which are read from rows, would lack what the sums have. So an end
of a range that lies in such a time is moved to the hour, outwards; the answer says so.
"""

from typing import NamedTuple

from clickhouse.queries.hours import MOST_SPLIT
from schemas.projects import ProjectContext
from schemas.sums import SumsOnly
from schemas.times import iso_ms
from schemas.zones import HOUR_US


class Outlived(NamedTuple):
    """Where the sums of a range begin and end, where its rows say nothing of that."""

    rows_from_us: int
    first_us: int
    last_us: int | None
    """`None` where the range ends after rows are whole again."""


class Hours(NamedTuple):
    """Which hours sums answer for: all from the first to before the last, without `split`."""

    first_us: int
    last_us: int
    split_us: tuple[int, ...] | None


def outlived_hours(project: ProjectContext, from_us: int, to_us: int) -> Outlived | None:
    """Returns what of an inclusive range only sums tell, `None` where its rows are whole."""
    rows_from = project.rows_from_us
    if rows_from is None or from_us >= rows_from:
        return None
    last = -(-(to_us + 1) // HOUR_US) * HOUR_US if to_us < rows_from else None
    return Outlived(rows_from, from_us // HOUR_US * HOUR_US, last)


def widened(
    project: ProjectContext, from_us: int, to_us: int, hours: Hours, *, by_minute: bool
) -> Hours:
    """Returns hours with those for which rows do not answer any more.

    `by_minute`: whether no sum of an hour is of any use.
    """
    outlived = outlived_hours(project, from_us, to_us)
    if outlived is None:
        return hours
    last = outlived.last_us or hours.last_us
    split = hours.split_us
    if split is None and not by_minute:
        # Every hour is split: of those whose rows are whole, each comes from rows.
        split = tuple(range(max(outlived.first_us, outlived.rows_from_us), last, HOUR_US))
        split = split if len(split) <= MOST_SPLIT else None
    if split is not None:
        split = tuple(hour for hour in split if hour >= outlived.rows_from_us)
    return Hours(outlived.first_us, last, split)


def rows_from_of(project: ProjectContext, from_us: int) -> str | None:
    """Returns since when rows are whole, where an answer over rows begins before; else `None`."""
    rows_from = project.rows_from_us
    return None if rows_from is None or from_us >= rows_from else iso_ms(rows_from)


def note_of(
    project: ProjectContext, from_us: int, to_us: int, *, partial: tuple[str, ...] = ()
) -> SumsOnly | None:
    """Returns what an answer says of a range of which rows may be gone; `None` of any other."""
    outlived = outlived_hours(project, from_us, to_us)
    if outlived is None:
        return None
    last_us = to_us if outlived.last_us is None else outlived.last_us - 1
    return SumsOnly(
        rows_from=iso_ms(outlived.rows_from_us),
        counted_from=iso_ms(outlived.first_us),
        counted_to=iso_ms(last_us),
        partial=sorted(partial),
    )
