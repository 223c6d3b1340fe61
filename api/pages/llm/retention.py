"""Which users came back: a table of cohorts, whose cells are shaded by their share."""

from typing import Any, NamedTuple

from litestar import Response, get
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.wanted import KEYS, Wanted, wanted_of
from api.pages.parts.filters import chips_of
from api.pages.viewer import Viewed
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.llm.retention import Cohort, RetentionPeriod, read_retention

PERIODS: dict[RetentionPeriod, int] = {"day": 14, "week": 12, "month": 12}
"""And how many of them are shown."""
SHADES = 8


class Cell(NamedTuple):
    """How many of a cohort had a call in a period."""

    users: int
    percent: float | None
    """`None` of nobody."""
    shade: int
    """From 0, for none, to `SHADES`, for all."""


class Line(NamedTuple):
    """A cohort, or all of them, as a row of the table."""

    title: str
    users: int
    cells: list[Cell]


@get("/llm/retention", include_in_schema=False)
async def retention_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show which users of each week, day or month came back."""
    wanted, period = wanted_of(request, viewer), _period(values_of(request))
    return await page_with(
        request,
        "llm/retention.html",
        _found(request, wanted, period),
        wanted=wanted,
        chips=chips_of(wanted.terms, KEYS),
        period=period,
        periods=list(PERIODS),
    )


async def _found(request: AnyRequest, wanted: Wanted, period: RetentionPeriod) -> dict[str, Any]:
    # The range of the page says which moment is the last one; whom it begins with is known of all.
    until = replace(wanted.filter, from_us=None)
    async with reader_of(request, wanted.project).turn() as store:
        found = await read_retention(store, wanted.project, until, period, count=PERIODS[period])
    return {
        "lines": [_line(cohort) for cohort in found.cohorts],
        "whole": whole_of(found.cohorts),
        "kept_from": found.kept_from_us,
    }


def whole_of(cohorts: list[Cohort]) -> Line:
    """Returns all cohorts as one: of each number of periods, those that are so old."""
    longest = max((len(cohort.seen) for cohort in cohorts), default=0)
    cells = []
    for number in range(longest):
        old = [cohort for cohort in cohorts if len(cohort.seen) > number]
        users = sum(cohort.seen[0] for cohort in old)
        cells.append(_cell(sum(cohort.seen[number] for cohort in old), users))
    return Line("All", sum(cohort.seen[0] for cohort in cohorts), cells)


def _line(cohort: Cohort) -> Line:
    users = cohort.seen[0]
    return Line(cohort.period, users, [_cell(seen, users) for seen in cohort.seen])


def _cell(seen: int, users: int) -> Cell:
    if not users:
        return Cell(0, None, 0)
    # The least share has a shade, so that somebody is told from nobody.
    return Cell(seen, seen / users * 100, -(-seen * SHADES // users))


def _period(values: Values) -> RetentionPeriod:
    text = values.get("period", "week")
    for period in PERIODS:
        if text == period:
            return period
    raise invalid("period", f"Expected one of {', '.join(PERIODS)}")
