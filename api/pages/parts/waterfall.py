"""A waterfall: what happened when and within what, on an axis that cuts idle time short.

It knows nothing of what its rows are: agents' steps, and spans of a distributed trace. Rows come
in the order of their tree, each after what it is within.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from api.pages.parts.texts import duration

WIDTH = 1000.0
"""Of the axis, in units of the drawing."""
LEAST_WIDTH = 3.0
"""Of a bar: a moment is seen too."""
PAGE_ROWS = 500
TICKS = 5
MOST_INDENT = 12
"""Levels that are shown; what is deeper stands with the last."""
LEAST_GAP = 50
"""Of the work: what is so many times shorter is never cut."""
LEAST_CUT = 0.8
"""A gap that is cut to more of its length than this stays as it is."""

Spell = tuple[int, int]
"""A time from its begin to its end, in microseconds."""


class Note(NamedTuple):
    """What stands in a column of a row, and the exact words on hover."""

    text: str = ""
    exact: str = ""


class Row(Struct, frozen=True):
    """One thing that took time, or was a moment."""

    label: str
    start_us: int
    end_us: int | None
    """`None` for a moment, and where no end is known."""
    depth: int = 0
    kind: str = ""
    colour: int = 8
    hint: str = ""
    notes: Sequence[Note] = ()
    is_error: bool = False
    is_idle: bool = False
    """Whether nobody works meanwhile: such time may be cut."""
    is_frame: bool = False
    """Whether it only holds others together: between them may be idle time."""
    href: str = ""
    open_as: str = ""
    """What the address calls it while it is open in the drawer."""
    alone: str = ""
    """Where it is shown with what is in it, and nothing else."""
    leads_to: str = ""
    """A page of its own, where there is nothing to open in the drawer."""
    below: int = 0
    """How many rows are in it, which can be folded."""

    @property
    def until_us(self) -> int:
        """Its end, as far as it is known."""
        return self.start_us if self.end_us is None else self.end_us


class Gap(NamedTuple):
    """Time in which nothing happened, and which is drawn shorter than it was."""

    start_us: int
    end_us: int

    @property
    def length_ms(self) -> float:
        """How long it was."""
        return (self.end_us - self.start_us) / 1000


class Line(NamedTuple):
    """A row as it is drawn."""

    row: Row
    x: float
    width: float
    is_critical: bool
    gap: Gap | None
    """The cut before it."""

    @property
    def took_ms(self) -> float | None:
        """How long it took, where that is known."""
        row = self.row
        return None if row.end_us is None else (row.end_us - row.start_us) / 1000


class Waterfall(NamedTuple):
    """One page of rows on the axis of all of them."""

    heads: Sequence[str]
    """Of the columns of notes."""
    lines: list[Line]
    ticks: list[str]
    """Times since the begin, at equal distances, but for the last."""
    kinds: list[tuple[str, int]]
    cut_ms: float
    """Of the idle time that is not drawn."""
    page: int
    pages: int
    rows: int


class Stretch(NamedTuple):
    """A piece of the axis: so much time on so much width."""

    start_us: int
    end_us: int
    x: float
    width: float


class Paged(NamedTuple):
    """Of rows that are one page of a longer tree."""

    page: int
    pages: int
    rows: int
    within: Spell
    """The time of all of them."""


def waterfall_of(
    rows: Sequence[Row], *, heads: Sequence[str] = (), page: int = 1, cuts: bool = True
) -> Waterfall:
    """Lays rows out; without `cuts` idle time is drawn as long as it was."""
    gaps = gaps_of(rows) if cuts else []
    limit = longest_gap(rows, gaps)
    cut = [gap for gap in gaps if gap.end_us - gap.start_us > limit / LEAST_CUT]
    axis = axis_of(rows, cut, limit)
    before = {gap.end_us: gap for gap in cut}
    critical = critical_rows(rows)
    page, pages, places = page_of(len(rows), page)
    lines = []
    for place in places:
        row = rows[place]
        x, end = place_of(axis, row.start_us), place_of(axis, row.until_us)
        x = min(x, WIDTH - LEAST_WIDTH)
        gap = before.pop(row.start_us, None)
        lines.append(Line(row, x, max(end - x, LEAST_WIDTH), place in critical, gap))
    return Waterfall(
        heads=heads,
        lines=lines,
        ticks=_ticks(axis),
        kinds=sorted({(row.kind, row.colour) for row in rows if row.kind}),
        cut_ms=sum(gap.length_ms - limit / 1000 for gap in cut),
        page=page,
        pages=pages,
        rows=len(rows),
    )


def waterfall_of_page(rows: Sequence[Row], of: Paged, *, heads: Sequence[str] = ()) -> Waterfall:
    """Lays one page of a tree out, on the axis of the whole.

    The critical path is known where the page is the whole tree.
    """
    start_us, end_us = of.within
    axis = [Stretch(start_us, end_us, 0.0, WIDTH)]
    critical = critical_rows(rows) if of.pages == 1 else set()
    lines = []
    for place, row in enumerate(rows):
        x = min(max(place_of(axis, row.start_us), 0.0), WIDTH - LEAST_WIDTH)
        end = min(place_of(axis, row.until_us), WIDTH)
        lines.append(Line(row, x, max(end - x, LEAST_WIDTH), place in critical, None))
    return Waterfall(
        heads=heads,
        lines=lines,
        ticks=_ticks(axis),
        kinds=sorted({(row.kind, row.colour) for row in rows if row.kind}),
        cut_ms=0,
        page=of.page,
        pages=of.pages,
        rows=of.rows,
    )


def page_of(rows: int, page: int) -> tuple[int, int, range]:
    """Returns which page is shown, of how many, and the places of its rows."""
    pages = max(1, -(-rows // PAGE_ROWS))
    page = min(page, pages)
    return page, pages, range((page - 1) * PAGE_ROWS, min(page * PAGE_ROWS, rows))


def gaps_of(rows: Sequence[Row]) -> list[Gap]:
    """Returns the times in which nothing was at work, in order."""
    works = _merged([(r.start_us, r.until_us) for r in rows if not (r.is_frame or r.is_idle)])
    idle = _merged([(r.start_us, r.until_us) for r in rows if r.is_idle])
    # Frames and idle rows begin and end somewhere too: no cut goes over such an end.
    edges = [(at, at) for r in rows for at in (r.start_us, r.until_us)]
    busy = _joined([*_without(works, idle), *edges])
    return [Gap(end, start) for (_, end), (start, _) in pairwise(busy) if start > end]


def longest_gap(rows: Sequence[Row], gaps: Sequence[Gap]) -> float:
    """Returns how long a gap is drawn at most: so that all of them take a third of the axis.

    Gaps of a fiftieth of the work are no trouble, however many they are. Where nothing is known to
    have worked, the limit is three times the usual gap.
    """
    lengths = sorted(gap.end_us - gap.start_us for gap in gaps)
    if not lengths:
        return 0.0
    first, last = _ends(rows)
    work = last - first - sum(lengths)
    left = work / 2
    if left <= 0:
        return 3.0 * median(lengths)
    for number, length in enumerate(lengths):
        fair = left / (len(lengths) - number)
        if length > fair:
            return max(fair, work / LEAST_GAP)
        left -= length
    return float(lengths[-1])


def axis_of(rows: Sequence[Row], cut: Sequence[Gap], limit: float) -> list[Stretch]:
    """Returns the pieces of the axis, of which those of gaps are narrower than their time."""
    first, last = _ends(rows)
    edges = sorted({first, last, *(at for gap in cut for at in gap)})
    starts = {gap.start_us for gap in cut}
    drawn = [limit if a in starts else float(b - a) for a, b in pairwise(edges)]
    scale = WIDTH / (sum(drawn) or 1.0)
    axis, x = [], 0.0
    for (start, end), length in zip(pairwise(edges), drawn, strict=True):
        axis.append(Stretch(start, end, x, length * scale))
        x += length * scale
    return axis or [Stretch(first, first, 0.0, WIDTH)]


def place_of(axis: Sequence[Stretch], at_us: int) -> float:
    """Returns where a moment is on the axis."""
    place = bisect_right(axis, at_us, key=lambda one: one.start_us) - 1
    piece = axis[max(0, place)]
    length = piece.end_us - piece.start_us
    return piece.x + (piece.width * (at_us - piece.start_us) / length if length else 0.0)


def critical_rows(rows: Sequence[Row]) -> set[int]:
    """Returns the places of the rows without which the whole would have been over sooner.

    From the end: what ended last, then what ended last before that began, and so within each.
    """
    tops, below = _tree(rows)
    found: set[int] = set()
    todo = [(tops, _ends(rows)[1])]
    while todo:
        places, until = todo.pop()
        for place in sorted(places, key=lambda one: (-rows[one].until_us, rows[one].start_us)):
            row = rows[place]
            if row.until_us > until or row.end_us is None or row.end_us == row.start_us:
                continue
            found.add(place)
            todo.append((below[place], row.end_us))
            until = row.start_us
    return found


def _tree(rows: Sequence[Row]) -> tuple[list[int], list[list[int]]]:
    """Returns the places of rows that are in none, and for each row those of the rows in it."""
    tops: list[int] = []
    below: list[list[int]] = [[] for _ in rows]
    path: list[int] = []
    for place, row in enumerate(rows):
        del path[row.depth :]
        (below[path[-1]] if path else tops).append(place)
        path.append(place)
    return tops, below


def _ticks(axis: Sequence[Stretch]) -> list[str]:
    first = axis[0].start_us
    texts = []
    for number in range(TICKS):
        x = WIDTH * number / TICKS
        place = max(0, bisect_right(axis, x, key=lambda one: one.x) - 1)
        piece = axis[place]
        share = (x - piece.x) / piece.width if piece.width else 0.0
        at = piece.start_us + (piece.end_us - piece.start_us) * min(1.0, share)
        texts.append(duration((at - first) / 1000) if number else "0")
    return texts


def _ends(rows: Sequence[Row]) -> Spell:
    if not rows:
        return 0, 0
    return min(row.start_us for row in rows), max(row.until_us for row in rows)


def _merged(spells: Sequence[Spell]) -> list[Spell]:
    """Returns the times that are in any of these; a moment takes none."""
    return _joined([(start, end) for start, end in spells if end > start])


def _joined(spells: Sequence[Spell]) -> list[Spell]:
    found: list[Spell] = []
    for start, end in sorted(spells):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _without(spells: Sequence[Spell], others: Sequence[Spell]) -> list[Spell]:
    """Returns the times that are in the first and not in the others; both are in order."""
    found: list[Spell] = []
    others, place = list(others), 0
    for start, end in spells:
        while place < len(others) and others[place][1] <= start:
            place += 1
        at, following = start, place
        while following < len(others) and others[following][0] < end:
            if others[following][0] > at:
                found.append((at, others[following][0]))
            at = max(at, others[following][1])
            following += 1
        if at < end:
            found.append((at, end))
    return found
