"""Kept days give the numbers of the calls, whatever happens to these, or are not used."""

import random
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from clickhouse.client import Warehouse
from clickhouse.kept_days import API_KEYS, USERS, Leaving, asked_paths, forget_people
from clickhouse.llm import keep_days, reprice
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups, sum_groups
from clickhouse.llm.key_days import LATE_DAYS, MOST_NOTED, find_kept, scope_of
from clickhouse.llm.traces import count_traces
from clickhouse.persons import mutation_settings
from clickhouse.retention import Expiry, Keeping
from clickhouse.tags import path_of
from controlplane.database import Database
from controlplane.erasures import request_erasure
from controlplane.thinning import advance_rows_from
from processors.llm import key_days
from processors.llm.key_days import KeyDays
from schemas.projects import ProjectContext
from tests.integration.issues.seen import make_project
from tests.integration.queries.conftest import analyse, store_traces
from tests.integration.queries.rows import DAY_US, START_US, random_traces

DAYS = 6
ALL = TraceFilter(from_us=START_US - DAY_US, to_us=START_US + 10 * DAY_US)
TEAM = "metadata.team"
PATHS = (USERS, API_KEYS, "team")
NAMES = {USERS: "user", API_KEYS: "api_key"}
NOW = datetime(2025, 7, 20, 12, tzinfo=UTC)


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = Database(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
async def project(database: Database) -> ProjectContext:
    return ProjectContext(await make_project(database))


@pytest.fixture(autouse=True)
def without_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a busy machine build all that is asked for, of projects of other tests too."""
    monkeypatch.setattr(key_days, "RUN_LIMIT_S", 600.0)


def calls(project: ProjectContext, seed: int, count: int = 900) -> list[Any]:
    """Returns calls of some days, a few of which came in days later; some groups are large."""
    chance = random.Random(seed)
    rows: list[Any] = [*random_traces(project.project_id, seed, count, days=DAYS)]
    late = (0, 0, 0, 0, DAY_US, (LATE_DAYS + 3) * DAY_US)
    rows = [
        structs.replace(row, received_at_us=row.timestamp_us + chance.choice(late)) for row in rows
    ]
    alike = {"user_id": "u1", "environment": "", "tags": {"team": "core"}, "provider": "openai"}
    alike |= {"model_requested": "gpt-4o", "status": "success"}
    rows[::2] = [structs.replace(row, **alike) for row in rows[::2]]
    return rows


async def ask(warehouse: Warehouse, project: ProjectContext, *paths: str) -> None:
    for path in paths:
        name = NAMES.get(path, f"metadata.{path}")
        await scope_of(warehouse, project, ALL, names=(name,))


async def kept(warehouse: Warehouse, project: ProjectContext, path: str) -> list[date]:
    found = await find_kept(warehouse, project, path, (ALL.from_us or 0, ALL.to_us or 0))
    return [] if found is None else list(found.days)


def work(database: Database, warehouse: Warehouse, after_s: float = 0.0) -> KeyDays:
    """Returns the work as it is done so long after NOW."""
    now = NOW + timedelta(seconds=after_s)
    return KeyDays(database, warehouse, least_calls=1, clock=lambda: now)


def grains(warehouse: Warehouse, project: ProjectContext) -> dict[str, int]:
    sql = """
        SELECT grain, count() FROM key_days
        WHERE path = 'team' AND project_id = {p:String} GROUP BY grain"""
    rows = warehouse.query_now(sql, {"p": project.project_id}, {}).rows
    return {row[0]: row[1] for row in rows}


def _noting(seen: list[str]) -> Callable[[str, float], Awaitable[bool]]:
    async def is_calm(project_id: str, _: float) -> bool:
        seen.append(project_id)
        return True

    return is_calm


def day_of(us: int) -> date:
    return datetime.fromtimestamp(us / 1e6, UTC).date()


@pytest.mark.parametrize("seed", range(5))
async def test_kept_days_and_calls_give_the_same_answer_for_any_question(
    warehouse: Warehouse, database: Database, project: ProjectContext, seed: int
) -> None:
    chance = random.Random(seed)
    rows = calls(project, seed)
    store_traces(warehouse, rows)
    await ask(warehouse, project, *PATHS)
    assert await work(database, warehouse).work() > 2 * DAYS
    # One day is not kept: calls of it came when it had been built.
    store_traces(warehouse, calls(project, 100 + seed, 30)[1:2])
    first = START_US + chance.randrange(DAY_US)
    filters: dict[str, Any] = chance.choice(
        ({}, {"provider": "openai"}, {"status": "success"}, {"without": (("status", "error"),)})
    )
    wanted = TraceFilter(from_us=first, to_us=first + chance.randrange(3, 9) * DAY_US, **filters)
    for name, narrowed in (
        ("user", structs.replace(wanted, user=chance.choice((None, "u1")))),
        ("api_key", structs.replace(wanted, api_key=chance.choice((None, "key-1")))),
        ("api_key", structs.replace(wanted, without=(("api_key", "key-2"),))),
        (TEAM, structs.replace(wanted, metadata=chance.choice(((), (("team", "core"),))))),
    ):
        names = (name, *chance.sample(("model", "environment", "day"), chance.randrange(3)))
        assert (await scope_of(warehouse, project, narrowed, names=names)).table == "days"
        grouping = Grouping(
            names,
            order=chance.choice(("cost", "requests", "latency", "key")),
            limit=chance.choice((4, 1000)),
            interval=chance.choice((None, "hour", "day", "week")),
        )

        found = await analyse(warehouse, project, narrowed, period="day", grouping=grouping)
        plain = await analyse(
            warehouse, project, narrowed, period="day", grouping=grouping, base_only=True
        )

        assert found == plain
        assert found.total_requests > 0


async def test_what_is_counted_and_summed_alone_is_the_same(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = calls(project, 21)
    store_traces(warehouse, rows)
    of_team = structs.replace(ALL, metadata=(("team", "core"),))
    await ask(warehouse, project, "team")
    await work(database, warehouse).work()

    count = await count_traces(warehouse, project, of_team)
    groups = await sum_groups(warehouse, project, ALL, Grouping((TEAM, "day")))

    within = range(ALL.from_us or 0, ALL.to_us or 0)
    assert count == sum(r.tags.get("team") == "core" and r.timestamp_us in within for r in rows)
    assert groups == await sum_groups(
        warehouse, project, ALL, Grouping((TEAM, "day")), base_only=True
    )


async def test_an_answer_that_takes_long_looks_again_which_days_are_kept(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 3, 200))
    await ask(warehouse, project, "team")
    await work(database, warehouse).work()
    grouping = Grouping((TEAM,))
    plain = await rank_groups(warehouse, project, ALL, grouping, base_only=True)
    ranked = await rank_groups(warehouse, project, ALL, grouping)
    assert ranked.scoped.kept is not None
    leaving = Leaving(project.project_id, "u1", date(1970, 1, 1))
    settings = await mutation_settings(warehouse)
    await forget_people(warehouse, leaving, build=1, settings=settings)

    late = ranked._replace(scoped_s=ranked.scoped_s - 60, sums={})

    found = await read_groups(warehouse, project, late, slice(None))
    assert found == await read_groups(warehouse, project, plain, slice(None))


async def test_percentiles_of_few_calls_are_exact_though_most_came_on_one_day(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = calls(project, 7, 140)
    for place in range(0, 140, 2):  # those that are alike: one kept row, which has their sketch
        at_us = START_US + DAY_US + place
        rows[place] = structs.replace(rows[place], timestamp_us=at_us, received_at_us=at_us)
    store_traces(warehouse, rows)
    await ask(warehouse, project, *PATHS)
    await work(database, warehouse).work()

    for names in (("user",), (TEAM, "model"), ("user", "day")):
        found = await sum_groups(warehouse, project, ALL, Grouping(names))

        plain = await sum_groups(warehouse, project, ALL, Grouping(names), base_only=True)
        assert found == plain
    of_user = structs.replace(ALL, user="u1")
    answer = await analyse(warehouse, project, of_user, period="day")
    assert answer == await analyse(warehouse, project, of_user, period="day", base_only=True)
    assert grains(warehouse, project)["many"] == 1


async def test_what_nobody_asks_for_any_more_is_deleted(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 8, 60))
    await ask(warehouse, project, *PATHS)
    await work(database, warehouse).work()
    assert await kept(warehouse, project, "team")
    forget = "ALTER TABLE asked_keys DELETE WHERE project_id = {p:String} AND path = 'team'"
    warehouse.command_now(forget, {"p": project.project_id}, {"mutations_sync": 2})

    await work(database, warehouse).work()

    assert await kept(warehouse, project, "team") == []
    assert await kept(warehouse, project, USERS)


async def test_keys_that_somebody_makes_up_are_noted_within_a_bound(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    await ask(warehouse, project, *(f"made-up-{n}" for n in range(MOST_NOTED + 3)))

    noted = "SELECT count() FROM asked_keys WHERE project_id = {p:String}"
    assert warehouse.query_now(noted, {"p": project.project_id}, {}).rows == [(MOST_NOTED,)]


async def test_a_project_with_endless_work_lets_others_have_their_turn(
    warehouse: Warehouse,
    database: Database,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = ProjectContext(await make_project(database, "Other"))
    for one in (project, other):
        store_traces(warehouse, calls(one, 9, 60))
        await ask(warehouse, one, "team")
    keeper = work(database, warehouse)
    monkeypatch.setattr(key_days, "RUN_LIMIT_S", 0.0)
    seen: list[str] = []
    monkeypatch.setattr(keeper, "_is_calm", _noting(seen))

    for _ in await asked_paths(warehouse, NOW.date()):
        await keeper.work()

    assert {project.project_id, other.project_id} <= set(seen)


async def test_new_costs_are_read_from_the_calls_before_and_after_these_have_them(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = calls(project, 7)
    store_traces(warehouse, rows)
    await ask(warehouse, project, "team")
    await work(database, warehouse).work()
    row = next(one for one in rows[::2] if one.computed_cost_pico is not None)
    chunk = reprice.Chunk(
        reprice.RowRange(project.project_id, "trace", 0, 2**60), uuid.uuid4().hex, 0
    )
    change = change_of(row, (row.computed_cost_pico or 0) + 777)
    day = day_of(row.received_at_us)
    assert day in await kept(warehouse, project, "team")

    await reprice.store_changes(warehouse, chunk, [change])
    between = await kept(warehouse, project, "team")
    await reprice.set_costs(warehouse, chunk, [change])

    assert day not in between
    grouping = Grouping((TEAM,))
    now = await sum_groups(warehouse, project, ALL, grouping)
    assert now == await sum_groups(warehouse, project, ALL, grouping, base_only=True)
    await work(database, warehouse, key_days.AGAIN_S + 1).work()
    assert day in await kept(warehouse, project, "team")
    assert now == await sum_groups(warehouse, project, ALL, grouping)


async def test_only_what_is_asked_for_is_kept_and_of_many_values_nothing(
    warehouse: Warehouse,
    database: Database,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = calls(project, 9)
    store_traces(warehouse, rows)
    keeper = work(database, warehouse)
    assert await keeper.work() == 0
    hostile = "te`am', '') FROM errors --"
    await ask(warehouse, project, hostile)
    assert await keeper.work() > 0
    assert await kept(warehouse, project, path_of(hostile))
    assert not await kept(warehouse, project, "team")
    monkeypatch.setitem(keep_days.BUILD_SETTINGS, "max_rows_to_group_by", 3)
    await ask(warehouse, project, "team")

    assert await keeper.work() == 0

    assert not await kept(warehouse, project, "team")
    found = grains(warehouse, project)
    assert found["refused"] > DAYS
    assert await keeper.work() == 0
    assert grains(warehouse, project) == found
    mixed = await analyse(warehouse, project, ALL, period="day", grouping=Grouping((TEAM,)))
    assert mixed.groups


async def test_an_erasure_that_began_while_a_day_was_built_takes_the_build_away(
    warehouse: Warehouse,
    database: Database,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noon = START_US + DAY_US // 2
    rows = [structs.replace(row, received_at_us=noon) for row in calls(project, 13)]
    store_traces(warehouse, rows)
    await ask(warehouse, project, USERS)

    async def build_meanwhile(*arguments: Any) -> bool:
        built = await keep_days.build(*arguments)
        await request_erasure(database, project.project_id, uuid.uuid4().hex, by=None)
        return built

    monkeypatch.setattr(key_days, "build", build_meanwhile)

    assert await work(database, warehouse).work() == 0

    count = "SELECT count() FROM key_days WHERE project_id = {p:String}"
    assert warehouse.query_now(count, {"p": project.project_id}, {}).rows[0][0] == 0


async def test_retention_cuts_kept_days_as_it_cuts_calls(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 15))
    await ask(warehouse, project, "team")
    await work(database, warehouse).work()
    today = day_of(START_US + 3 * DAY_US)

    keeping = Keeping(today=today, default_days=100_000, own_days={project.project_id: 1})
    assert await Expiry(warehouse).run(keeping, limit_s=60)

    assert min(await kept(warehouse, project, "team")) == today - timedelta(days=1)
    grouping = Grouping((TEAM,))
    found = await sum_groups(warehouse, project, ALL, grouping)
    assert found == await sum_groups(warehouse, project, ALL, grouping, base_only=True)


async def test_kept_days_answer_for_calls_that_are_gone_and_are_not_built_from_what_is_left(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, calls(project, 16))
    await ask(warehouse, project, USERS)
    await work(database, warehouse).work()
    grouping = Grouping(("user",))
    before = await sum_groups(warehouse, project, ALL, grouping)
    gone = "DELETE FROM traces WHERE project_id = {p:String} AND received_date < {d:Date}"
    rows_from = day_of(START_US + 3 * DAY_US)
    warehouse.command_now(gone, {"p": project.project_id, "d": rows_from}, {})
    await advance_rows_from(database, {project.project_id: rows_from})
    thinned = structs.replace(project, rows_from_us=START_US + 3 * DAY_US)

    assert await work(database, warehouse, 10 * key_days.AGAIN_S).work() == 0

    assert await sum_groups(warehouse, thinned, ALL, grouping) == before


def change_of(row: Any, new_pico: int) -> reprice.Change:
    return reprice.Change(
        item_id=row.trace_id,
        at_us=row.timestamp_us,
        received_day=row.received_at_us // DAY_US,
        session_id=row.session_id,
        user_id=row.user_id,
        provider=row.provider,
        model=row.model_requested,
        status=row.status,
        environment=row.environment,
        source="",
        span_kind="",
        tool="",
        reported_pico=row.reported_cost_pico,
        old_pico=row.computed_cost_pico,
        new_pico=new_pico,
        old_price_id=row.price_id,
        new_price_id="new",
    )
