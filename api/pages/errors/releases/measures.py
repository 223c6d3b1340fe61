"""What pages show of sessions: tiles beside the time before, and charts over time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from api.pages.parts import charts
from api.pages.parts.charts import Chart, Mark, Series, Unit, chart_of, spark, with_marks
from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import change
from clickhouse.errors.session_health import Health
from schemas.errors.issues import ReleaseRow
from schemas.errors.releases import Deployment

Course = Mapping[int, Health]
"""How sessions fared by the first moment of a bucket; one without sessions is not there."""
KNOWN_FROM = 50
"""A release that is there in the first fiftieth of a range was there before it."""
MOST_MARKS = 20


class Measure(NamedTuple):
    """One figure of sessions."""

    name: str
    title: str
    unit: Unit
    meaning: str
    of: Callable[[Health], float | None]
    worse: int = 0
    """1 where more of it is worse, -1 where less of it is."""


MEASURES = (
    Measure(
        *("crash_free_sessions", "Crash-free sessions", "percent"),
        "Share of the sessions that did not crash; a dash where there was none",
        of=lambda health: health.crash_free_sessions,
        worse=-1,
    ),
    Measure(
        *("crash_free_users", "Crash-free users", "percent"),
        "Share of the people who met no crash; a dash where no sender names them",
        of=lambda health: health.crash_free_users,
        worse=-1,
    ),
    Measure(
        *("sessions", "Sessions", "count"),
        "Runs of the application, or requests, that started in this time",
        of=lambda health: health.sessions,
    ),
    Measure(
        *("people", "Users", "count"),
        "People with a session, by the id that the sender gives them",
        of=lambda health: health.people,
    ),
    Measure(
        *("crashed", "Crashed", "count"),
        "Sessions that ended with an error which nothing caught",
        of=lambda health: health.crashed,
        worse=1,
    ),
)
ENDS = (
    ("Healthy", "healthy", 2),
    ("Errored", "errored", 4),
    ("Unhandled", "unhandled", 1),
    ("Abnormal", "abnormal", 5),
    ("Crashed", "crashed", 3),
)
"""How sessions end, and a colour each."""


class Tile(NamedTuple):
    """One figure beside what it was."""

    measure: Measure
    now: float | None
    before: float | None
    change: str
    is_worse: bool
    spark: str
    note: str = ""


def tiles_of(shown: TimeRange, now: Health, before: Health, course: Course) -> list[Tile]:
    """Returns all figures of a range beside the time before."""
    moments = charts.moments_of(shown)
    cells = [course.get(at) for at in moments]
    return [_tile(one, now, before, cells) for one in MEASURES]


def charts_of(shown: TimeRange, now: Health, course: Course, marks: Sequence[Mark]) -> list[Chart]:
    """Returns the crash-free shares, and how sessions ended, over time."""
    shares = [
        Series(
            one.title,
            {at: one.of(health) for at, health in course.items()},
            colour,
            one.of(now),
            has_gaps=True,
        )
        for colour, one in enumerate(MEASURES[:2])
    ]
    ends = [
        Series(
            title,
            {at: getattr(health, name) for at, health in course.items()},
            colour,
            getattr(now, name),
        )
        for title, name, colour in ENDS
        if name == "healthy" or getattr(now, name)
    ]
    return [
        with_marks(chart_of("Crash-free", "percent", shown, shares), marks),
        with_marks(chart_of("Sessions by how they ended", "count", shown, ends), marks),
    ]


def marks_of(
    shown: TimeRange, rows: Iterable[ReleaseRow], deployments: Iterable[Deployment]
) -> list[Mark]:
    """Returns where releases came first, and where they were deployed."""
    known_us = shown.first_us + shown.length_us // KNOWN_FROM
    marks = [
        Mark(row.first_seen_us, f"Release {row.version}")
        for row in rows
        if known_us < row.first_seen_us <= shown.last_us
    ]
    marks += [
        Mark(one.finished_us, f"{one.version} to {one.environment}")
        for one in deployments
        if shown.first_us <= one.finished_us <= shown.last_us
    ]
    return sorted(marks, key=lambda mark: mark.at_us)[-MOST_MARKS:]


def _tile(measure: Measure, now: Health, before: Health, cells: Sequence[Health | None]) -> Tile:
    value, was = measure.of(now), measure.of(before) if before.sessions else None
    empty = 0.0 if measure.unit == "count" else None
    if measure.unit == "percent":
        is_known = value is not None and was is not None
        moved = f"{(value or 0) - (was or 0):+.2f} pp".replace("-", "−") if is_known else ""
    else:
        moved = change(value, was)
    return Tile(
        measure=measure,
        now=value,
        before=was,
        change=moved,
        is_worse=measure.worse * ((value or 0) - (was or 0)) > 0 and was is not None,
        spark=spark([empty if one is None else measure.of(one) for one in cells]),
    )
