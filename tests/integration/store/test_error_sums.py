"""Counts of issues say the same when retention has deleted the events behind them."""

import time
import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import rank_issues, read_counts, read_courses
from clickhouse.errors.issue_details import count_since, read_hours, read_sightings, read_stored
from clickhouse.errors.overview import add_up_projects
from clickhouse.errors.release_errors import errors_by_release
from clickhouse.person_rollups import take_out_of_errors
from clickhouse.persons import Whose
from clickhouse.retention import Expiry, Keeping, purge_projects
from schemas.errors.issues import ErrorFilter
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import HOUR_US, NOON_US, hash_of, store_errors
from tests.integration.queries.test_issues import random_rows

EVER = ErrorFilter()
TODAY = date(2026, 6, 28)
"""`NOON_US` is on the 28th of May."""
DAYS = 30
"""The first of the two days of the rows is over."""
GROUPS = {name: [hash_of(name)] for name in "abcdef"}
HASHES = [one for of in GROUPS.values() for one in of]
ALL = ErrorFilter(from_us=NOON_US, to_us=NOON_US + 48 * HOUR_US)


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(str(uuid.uuid4())))


def keeping(project: ProjectContext, **named: Any) -> Keeping:
    """Keeps the rows of this project alone for less than everything."""
    usual = {"sums_days": 400, "window_days": 7}
    own = {project.project_id: named.pop("own_days", DAYS)}
    return Keeping(TODAY, 100_000, own, **{**usual, **named})


async def answers(warehouse: Warehouse, project: ProjectContext) -> list[Any]:
    """Returns all that is said of issues without looking at an event."""
    shop = ErrorFilter(environment="production", release="1.0")
    sightings = await read_sightings(warehouse, project, HASHES)
    return [
        await read_counts(warehouse, project, GROUPS, EVER),
        await read_counts(warehouse, project, GROUPS, shop),
        await read_counts(warehouse, project, {"merged": HASHES}, EVER),
        await rank_issues(warehouse, project, GROUPS, EVER, by="events", limit=9),
        await rank_issues(warehouse, project, GROUPS, EVER, by="people", limit=9),
        await read_courses(warehouse, project, GROUPS, ALL, buckets=24),
        await read_hours(warehouse, project, HASHES, EVER),
        await errors_by_release(warehouse, project, EVER, ["1.0", "1.1"]),
        await add_up_projects(warehouse, [project.project_id], NOON_US),
        sorted(
            (one.group_hash, one.first_us, one.last_us, one.first_release, one.last_release)
            for one in sightings
        ),
    ]


def count(warehouse: Warehouse, project: ProjectContext, table: str) -> int:
    sql = f"SELECT count() FROM {table} WHERE project_id = {{p:String}}"
    return int(warehouse.query_now(sql, {"p": project.project_id}, {}).rows[0][0])


async def test_counts_are_the_same_to_the_last_event_when_events_are_gone(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_errors(warehouse, project, random_rows(500, seed=11))
    before = await answers(warehouse, project)

    assert await Expiry(warehouse).run(keeping(project), limit_s=60)
    left = count(warehouse, project, "errors")
    half = await answers(warehouse, project)
    # A run that was killed is begun again; then the last event goes.
    assert await Expiry(warehouse).run(keeping(project), limit_s=60)
    assert await Expiry(warehouse).run(keeping(project, own_days=8), limit_s=60)

    assert 0 < left < 500
    assert half == before
    assert count(warehouse, project, "errors") == 0
    assert await answers(warehouse, project) == before


async def test_what_is_left_of_an_issue_is_told_beside_its_counts(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    moments = [NOON_US, NOON_US + 30 * HOUR_US, NOON_US + 31 * HOUR_US]
    store_errors(warehouse, project, [{"at_us": at, "title": f"at {at}"} for at in moments])
    hashes = [hash_of("one")]

    assert await Expiry(warehouse).run(keeping(project), limit_s=60)

    assert await read_stored(warehouse, project, hashes, EVER) == (2, moments[1])
    (seen,) = await read_sightings(warehouse, project, hashes)
    assert (seen.first_us, seen.last_us) == (moments[0], moments[2])
    assert seen.title == f"at {moments[2]}"
    narrow = ErrorFilter(to_us=NOON_US)
    assert await read_stored(warehouse, project, hashes, narrow) == (0, None)


async def test_what_ends_an_ignoring_is_counted_when_events_are_gone(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [
        {"user_key": "before", "at_us": NOON_US, "received_us": NOON_US + 1},
        {"user_key": "ann", "at_us": NOON_US + HOUR_US},
        {"user_key": "ann", "at_us": NOON_US + 30 * HOUR_US},
        {"user_key": "late", "at_us": NOON_US - HOUR_US, "received_us": NOON_US + 30 * HOUR_US},
        {"user_key": "", "at_us": NOON_US + 31 * HOUR_US},
    ]
    store_errors(warehouse, project, rows)
    since = [hash_of("one")], NOON_US + 1

    before = await count_since(warehouse, project, *since)
    assert await Expiry(warehouse).run(keeping(project), limit_s=60)
    left = count(warehouse, project, "errors")
    half = await count_since(warehouse, project, *since)
    assert await Expiry(warehouse).run(keeping(project, own_days=8), limit_s=60)

    assert (before, half) == ((4, 2), (4, 2))
    assert 0 < left < 5
    assert count(warehouse, project, "errors") == 0
    assert await count_since(warehouse, project, *since) == (4, 2)


@pytest.mark.parametrize(
    ("seconds", "found"), [(-1, 2), (0, 1), (59, 1), (3599, 1), (3600, 0), (86400, 0)]
)
async def test_an_event_a_minute_ahead_of_its_arrival_is_counted_once(
    warehouse: Warehouse, project: ProjectContext, seconds: int, found: int
) -> None:
    """Arrived at noon less half a minute, and an hour later; both lie in the hour after."""
    came = [NOON_US - 30_000_000, NOON_US + HOUR_US - 30_000_000]
    rows = [{"at_us": at + 30_000_000, "received_us": at} for at in came]
    store_errors(warehouse, project, rows)

    since_us = came[0] + seconds * 1_000_000
    assert (await count_since(warehouse, project, [hash_of("one")], since_us)).events == found


@pytest.mark.parametrize(
    ("named", "days"), [({"sums_days": 10}, 30), ({"window_days": 40}, 30), ({"sums_days": 31}, 31)]
)
def test_sums_stay_for_their_own_days_and_never_shorter_than_events(
    project: ProjectContext, named: dict[str, int], days: int
) -> None:
    kept = keeping(project, **named)

    assert kept.first_kept(project.project_id, "error_hours") == TODAY - timedelta(days=days)
    assert kept.first_kept(project.project_id, "errors") == TODAY - timedelta(days=DAYS)


def test_events_that_go_move_nobody_to_sums_of_calls(project: ProjectContext) -> None:
    assert keeping(project).outlived("errors", {project.project_id: TODAY}) == {}
    assert keeping(project).outlived("traces", {project.project_id: TODAY})


async def test_sums_go_with_their_days_and_with_their_project(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_errors(warehouse, project, random_rows(50, seed=12))
    short = keeping(project, sums_days=0)

    assert await Expiry(warehouse).run(short, limit_s=60)

    counts = await read_counts(warehouse, project, {"all": HASHES}, EVER)
    assert 0 < counts["all"].events == count(warehouse, project, "errors") < 50
    await purge_projects(warehouse, [project.project_id])
    assert count(warehouse, project, "error_hours") == 0


async def test_an_erased_person_leaves_sums_whose_events_are_gone(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    late = NOON_US + 30 * HOUR_US
    rows = [{"user_key": who, "at_us": at} for who in ("ann", "bob") for at in (NOON_US, late)]
    store_errors(warehouse, project, rows)
    assert await Expiry(warehouse).run(keeping(project), limit_s=60)
    until_us = time.time_ns() // 1000

    for _ in range(2):
        await take_out_of_errors(warehouse, Whose(project.project_id, "ann", until_us))

    hours = await read_hours(warehouse, project, [hash_of("one")], EVER)
    assert [(hour.events, hour.people) for hour in hours] == [(2, 1), (2, 1)]
    counts = await read_counts(warehouse, project, {"one": [hash_of("one")]}, EVER)
    assert (counts["one"].events, counts["one"].people) == (4, 1)
