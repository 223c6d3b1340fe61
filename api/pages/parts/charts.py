"""A chart of series over time: what its script draws, and the table that says the same."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from api.pages.parts.ranges import TimeRange
from clickhouse.queries.periods import Periods
from schemas.zones import clock_of

Unit = Literal["count", "usd", "ms", "percent"]
Values = Mapping[int, float | None]
"""By the first moment of a bucket; what is missing has no data."""
COLOURS = 8
OTHER_COLOUR = COLOURS
SUMMED: tuple[Unit, ...] = ("count", "usd")
"""Where no event is 0; of no event there is no latency and no share."""


class Series(NamedTuple):
    """One line with its summary."""

    name: str
    values: Values
    colour: int = 0
    total: float | None = None
    """Of the whole range; money in cents as the values."""
    href: str | None = None
    """Where the events behind it are."""
    has_gaps: bool = False
    """Whether nothing is known where there is no event, whatever the unit is."""

    def at(self, moments: Sequence[int], unit: Unit) -> list[float | None]:
        """Returns its value in each bucket."""
        zero = 0.0 if unit in SUMMED and not self.has_gaps else None
        return [self.values.get(at, zero) for at in moments]


class Mark(NamedTuple):
    """A moment at which something changed, such as a release."""

    at_us: int
    name: str
    page: str | None = None
    """Where more is told of it, below the project's address."""


class MarkDrawn(Struct):
    """A mark as the script takes it."""

    at: float
    """In seconds."""
    name: str
    page: str | None = None


class Line(Struct, rename="camel"):
    """A series as the script takes it."""

    name: str
    values: list[float | None]
    colour: int
    is_before: bool = False


class Drawn(Struct, rename="camel"):
    """What the script draws."""

    title: str
    unit: Unit
    zone: str
    times: list[int]
    """First moments of the buckets, in seconds."""
    width_s: int
    lines: list[Line]
    unfinished: int | None
    """The bucket that is still running."""
    marks: list[MarkDrawn] = []
    is_stacked: bool = False
    """Whether each line stands upon those before it."""


class Row(NamedTuple):
    """One line of the table below a chart."""

    at_us: int
    values: list[float | None]
    marks: list[Mark] = []
    """What changed in this bucket."""


class Summary(NamedTuple):
    """A line of the legend; average and p95 are those of its buckets that are over."""

    name: str
    colour: int
    is_before: bool
    total: float | None
    average: float | None
    p95: float | None


class Chart(NamedTuple):
    """A chart with its table and its legend."""

    title: str
    unit: Unit
    drawn: Drawn
    series: Sequence[Series]
    rows: list[Row]
    legend: list[Summary]


def chart_of(
    title: str,
    unit: Unit,
    shown: TimeRange,
    series: Sequence[Series],
    *,
    before: Sequence[Series] = (),
    is_stacked: bool = False,
    moments: Sequence[int] = (),
) -> Chart:
    """Makes a chart; `before` are the values of the time before, by the moments of then.

    Stacked, each line stands upon those before it: of parts of a whole. `moments` are the first
    ones of buckets that are not the usual ones of the range.
    """
    moments = moments or moments_of(shown)
    lines = [Line(one.name, one.at(moments, unit), one.colour) for one in series]
    rows = [Row(at, [line.values[place] for line in lines]) for place, at in enumerate(moments)]
    lines += _lines_before(before, unit, shown, len(moments))
    drawn = Drawn(
        title=title,
        unit=unit,
        zone=shown.zone,
        times=[at // 1_000_000 for at in moments],
        width_s=_width_s(moments),
        lines=lines,
        unfinished=len(moments) - 1 if shown.preset and moments else None,
        is_stacked=is_stacked,
    )
    legend = [
        _summary(line, one.total, drawn.unfinished)
        for line, one in zip(lines, (*series, *before), strict=True)
    ]
    return Chart(title, unit, drawn, series, rows, legend)


def _lines_before(before: Sequence[Series], unit: Unit, shown: TimeRange, count: int) -> list[Line]:
    """Returns the lines of the time before, as many buckets as those of the range."""
    earlier = moments_of(shown.before)
    # A range that begins within a bucket meets one more than its neighbour, or one less.
    earlier = earlier[-count:] if len(earlier) >= count else earlier
    lead = [None] * (count - len(earlier))
    return [
        Line(
            f"{one.name}, before",
            [*lead, *one.at(earlier, unit)],
            one.colour,
            is_before=True,
        )
        for one in before
    ]


def with_marks(chart: Chart, marks: Sequence[Mark]) -> Chart:
    """Returns a chart with thin lines where something changed, of which its table tells too.

    They come to those that it has already.
    """
    marks = [*(mark for row in chart.rows for mark in row.marks), *marks]
    times = [row.at_us for row in chart.rows]
    named: dict[int, list[Mark]] = {}
    for mark in marks:
        named.setdefault(max(0, bisect_right(times, mark.at_us) - 1), []).append(mark)
    rows = [row._replace(marks=named.get(place, [])) for place, row in enumerate(chart.rows)]
    drawn = [MarkDrawn(mark.at_us / 1e6, mark.name, mark.page) for mark in marks]
    return chart._replace(drawn=replace(chart.drawn, marks=drawn), rows=rows)


def moments_of(shown: TimeRange) -> list[int]:
    """Returns the first moments of a range's buckets."""
    clock = clock_of(shown.zone, shown.first_us, shown.last_us)
    periods = Periods(clock, shown.bucket)
    return [periods.begin(key) for key in periods.keys(shown.first_us, shown.last_us)]


def spark(values: Sequence[float | None], *, width: int = 80, height: int = 18) -> str:
    """Returns the points of a sparkline, as an SVG's path has them; gaps are gaps."""
    known = [value for value in values if value is not None]
    if len(values) < 2 or not known:
        return ""
    most = max(known) or 1
    step = width / (len(values) - 1)
    path, draws = [], False
    for place, value in enumerate(values):
        if value is None:
            draws = False
            continue
        y = height - 1 - value / most * (height - 2)
        path.append(f"{'L' if draws else 'M'}{place * step:.1f} {y:.1f}")
        draws = True
    return "".join(path)


def colour_of(name: str) -> int:
    """Returns the colour of a value, which it keeps on every page."""
    return sum(name.encode(errors="replace")) * 7 % COLOURS


def colours_of(names: Sequence[str]) -> list[int]:
    """Returns a colour for each of some values: its own, or the next that is free."""
    taken: list[int] = []
    for name in names:
        wanted = colour_of(name)
        free = [
            one % COLOURS for one in range(wanted, wanted + COLOURS) if one % COLOURS not in taken
        ]
        taken.append(free[0] if free else wanted)
    return taken


def _summary(line: Line, total: float | None, unfinished: int | None) -> Summary:
    over = line.values[:unfinished] if not line.is_before else line.values
    known = sorted(value for value in over if value is not None)
    average = sum(known) / len(known) if known else None
    p95 = known[ceil(len(known) * 0.95) - 1] if known else None
    return Summary(line.name, line.colour, line.is_before, total, average, p95)


def _width_s(moments: Sequence[int]) -> int:
    return (moments[1] - moments[0]) // 1_000_000 if len(moments) > 1 else 60
