"""Builds of kept days: which of them count, and when a day is built anew."""

from datetime import timedelta

from clickhouse.client import Warehouse
from clickhouse.kept_days import USERS
from clickhouse.llm import keep_days
from clickhouse.llm.groups import Grouping, sum_groups
from clickhouse.llm.key_days import builds_of
from controlplane.database import Database
from controlplane.erasures import request_erasure
from processors.llm import key_days
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, START_US
from tests.integration.store import test_key_days
from tests.integration.store.test_key_days import ALL, NOW, TEAM, ask, calls, day_of, kept, work

database = test_key_days.database
project = test_key_days.project
without_hurry = test_key_days.without_hurry
LONG_AGO = int((NOW - timedelta(days=1)).timestamp()) * 1_000_000
"""The number of a build of then."""


async def test_a_day_is_not_used_once_its_calls_changed_until_it_is_built_anew(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 5))
    await ask(warehouse, project, "team")
    await work(database, warehouse).work()
    before = await kept(warehouse, project, "team")
    late = calls(project, 6, 40)[1]
    store_traces(warehouse, [late])

    after = await kept(warehouse, project, "team")

    changed = {day_of(late.received_at_us)}
    assert set(before) - set(after) == changed
    assert await work(database, warehouse).work() == 0  # ten minutes are not over
    assert await work(database, warehouse, key_days.AGAIN_S + 1).work() == 1
    assert set(await kept(warehouse, project, "team")) == set(before)
    # What nobody can be reading any more is deleted.
    later = key_days.AGAIN_S + key_days.SPARED_S + 2
    assert await work(database, warehouse, later).work() == 0
    builds = "SELECT uniqExact(received_date, build) FROM key_days WHERE project_id = {p:String}"
    found = warehouse.query_now(builds, {"p": project.project_id}, {}).rows[0][0]
    assert found == len({day_of(r.received_at_us) for r in [*calls(project, 5), late]})


async def test_days_of_an_older_version_are_built_anew_as_a_person_cannot_leave_them(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 12, 40))
    await ask(warehouse, project, "team")
    built = await work(database, warehouse).work()
    before = await kept(warehouse, project, "team")
    age = "ALTER TABLE key_days UPDATE owner = 0 WHERE project_id = {p:String}"
    warehouse.command_now(age, {"p": project.project_id}, {"mutations_sync": 2})
    assert await kept(warehouse, project, "team") == before

    again = await work(database, warehouse, key_days.AGAIN_S + 1).work()

    assert again == built > 0
    assert await kept(warehouse, project, "team") == before


async def test_a_build_that_is_under_way_elsewhere_is_left_alone(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 13, 60))
    day = keep_days.Day(project.project_id, "team", day_of(START_US + DAY_US))
    number = int(NOW.timestamp()) * 1_000_000
    assert await keep_days.build(warehouse, day, number)
    await ask(warehouse, project, "team")

    await work(database, warehouse, 60.0).work()

    await keep_days.seal(warehouse, day, number)
    [found] = await builds_of(warehouse, project, "team", day.day, day.day)
    assert (found.number, found.counts) == (number, True)
    assert day.day in await kept(warehouse, project, "team")


async def test_a_build_that_was_broken_off_does_not_count_and_is_replaced(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 11))
    day = keep_days.Day(project.project_id, "team", day_of(START_US + DAY_US))
    assert await keep_days.build(warehouse, day, LONG_AGO)
    assert day.day not in await kept(warehouse, project, "team")
    # A seal that came without its rows, as a copy that is behind shows it.
    other = keep_days.Day(project.project_id, "team", day_of(START_US + 2 * DAY_US))
    number = LONG_AGO
    assert await keep_days.build(warehouse, other, number)
    await keep_days.seal(warehouse, other, number)
    assert other.day in await kept(warehouse, project, "team")
    warehouse.command_now(
        "ALTER TABLE key_days DELETE WHERE build = {b:UInt64} AND grain = 'few' AND tag != ''",
        {"b": number},
        {"mutations_sync": 1},
    )
    assert other.day not in await kept(warehouse, project, "team")
    await ask(warehouse, project, "team")

    await work(database, warehouse).work()

    assert {day.day, other.day} <= set(await kept(warehouse, project, "team"))
    grouping = Grouping((TEAM,))
    found = await sum_groups(warehouse, project, ALL, grouping)
    assert found == await sum_groups(warehouse, project, ALL, grouping, base_only=True)


async def test_nothing_is_kept_of_a_project_while_somebody_is_being_erased(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 13))
    await ask(warehouse, project, USERS)
    await request_erasure(database, project.project_id, "u1", by=None)

    assert await work(database, warehouse).work() == 0

    assert not await kept(warehouse, project, USERS)
