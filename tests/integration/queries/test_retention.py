"""Which users came back, against what a plain reading of all calls says."""

import random
from collections import defaultdict
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.retention import MOST_PERIODS, RetentionPeriod, read_retention
from schemas.projects import ProjectContext
from schemas.times import from_us
from schemas.zones import clock_of
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, HOUR_US, START_US, make_trace

SEED = 20261130
USERS = [f"user {number}" for number in range(12)] + [""]
END_US = START_US + 100 * DAY_US
ALL = TraceFilter(to_us=END_US)
GONE = """
DELETE FROM traces
WHERE project_id = {p:String} AND timestamp < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
"""
ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu")


@pytest.fixture
def calls(warehouse: Warehouse, project: ProjectContext) -> list[tuple[str, int, str]]:
    """Stores calls over 100 days, across a change of clocks: user, moment, environment."""
    chance = random.Random(SEED)
    made = [
        (chance.choice(USERS), START_US + chance.randrange(100 * DAY_US), chance.choice("ab"))
        for _ in range(150)
    ]
    rows = [
        make_trace(project.project_id, f"t{number}", user_id=user, timestamp_us=at, environment=of)
        for number, (user, at, of) in enumerate(made)
    ]
    store_traces(warehouse, rows)
    store_traces(warehouse, [make_trace("another", "t0", user_id="x", timestamp_us=START_US)])
    return made


def first_day(day: date, period: RetentionPeriod) -> date:
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("period", "count"), [("day", 52), ("week", 20), ("month", 3)])
async def test_cohorts_are_what_a_reading_of_all_calls_says(
    warehouse: Warehouse,
    project: ProjectContext,
    calls: list[tuple[str, int, str]],
    zone: str,
    period: RetentionPeriod,
    count: int,
) -> None:
    project = replace(project, time_zone=zone)
    clock = clock_of(zone, START_US, END_US)
    seen = defaultdict(set)
    for user, at, _ in calls:
        if user:
            seen[user].add(first_day(from_us(at + clock.offset_at(at)).date(), period))

    found = await read_retention(warehouse, project, ALL, period, count=count)

    shown = [date.fromisoformat(cohort.period) for cohort in found.cohorts]
    assert len(shown) == count
    assert shown[-1] == first_day(from_us(END_US + clock.offset_at(END_US)).date(), period)
    for number, cohort in enumerate(found.cohorts):
        members = [days for days in seen.values() if min(days) == shown[number]]
        assert cohort.seen == [sum(day in days for days in members) for day in shown[number:]]


async def test_only_calls_that_fit_count_and_metadata_needs_no_rollup(
    warehouse: Warehouse, project: ProjectContext, calls: list[tuple[str, int, str]]
) -> None:
    wanted = TraceFilter(to_us=END_US, environment="a")
    users = {user for user, _, of in calls if of == "a" and user}

    found = await read_retention(warehouse, project, wanted, "month", count=12)

    assert sum(cohort.seen[0] for cohort in found.cohorts) == len(users)
    none = replace(ALL, metadata=(("team", "nobody"),))
    empty = await read_retention(warehouse, project, none, "week", count=MOST_PERIODS)
    assert sum(sum(cohort.seen) for cohort in empty.cohorts) == 0


async def test_who_called_before_what_is_kept_is_new_with_the_oldest_call_that_is(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    kept = [
        make_trace(project.project_id, f"t{number}", user_id="ann", timestamp_us=at)
        for number, at in enumerate((START_US + 9 * DAY_US, START_US + 17 * DAY_US))
    ]
    store_traces(warehouse, kept)
    until = TraceFilter(to_us=START_US + 18 * DAY_US)

    found = await read_retention(warehouse, project, until, "day", count=12)

    assert found.kept_from_us == START_US + 9 * DAY_US
    assert [cohort.seen[0] for cohort in found.cohorts].index(1) == 12 - 10
    assert sum(sum(cohort.seen) for cohort in found.cohorts) == 2


async def test_a_project_without_calls_has_no_cohorts(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    found = await read_retention(warehouse, project, ALL, "week", count=2)

    assert (found.kept_from_us, found.cohorts) == (None, [])


async def test_calls_whose_rows_are_gone_count_by_their_sums(
    warehouse: Warehouse, project: ProjectContext, calls: list[tuple[str, int, str]]
) -> None:
    """But for a filter that only rows can answer: then what is left of them is all there is."""
    before = await read_retention(warehouse, project, ALL, "week", count=20)
    until_us = START_US + 60 * DAY_US
    gone = {"p": project.project_id, "until": until_us}
    warehouse.command_now(GONE, gone, {})
    thinned = replace(project, rows_from_us=until_us)

    found = await read_retention(warehouse, thinned, ALL, "week", count=20)
    by_rows = replace(ALL, metadata=(("team", "nobody"),))
    left = await read_retention(warehouse, thinned, by_rows, "week", count=20)

    assert found.cohorts == before.cohorts
    assert found.kept_from_us is not None
    assert found.kept_from_us == min(at for _, at, _ in calls) // HOUR_US * HOUR_US
    assert left.kept_from_us == min(at for _, at, _ in calls if at >= until_us)
