"""What is too old goes with few statements, however many projects there are, and in turn."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from clickhouse.client import Warehouse
from clickhouse.llm.tables import encode_traces
from clickhouse.retention import LAST_DAY, Expiry, Keeping, purge_projects, tables_with_data
from schemas.projects import ProjectId
from tests.integration.queries.rows import DAY_US, make_trace

TODAY = date(1995, 6, 30)
"""Of a time of which no other test has rows."""
NOON_US = int(datetime(1995, 6, 30, 12, tzinfo=UTC).timestamp()) * 1_000_000
DEFAULT_DAYS = 20
"""Few, for every month is a part of its own."""
MANY = 200
LONG_S = 3600.0
SUMS = "SELECT project_id, sum(requests) FROM trace_sums WHERE grain = 'hour'"


class Counted:
    """The store, and how many statements it was sent."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.statements = 0

    async def query(self, *arguments: Any, **settings: Any) -> Any:
        self.statements += 1
        return await self._warehouse.query(*arguments, **settings)

    async def command(self, *arguments: Any, **settings: Any) -> None:
        self.statements += 1
        await self._warehouse.command(*arguments, **settings)


@pytest.fixture
def counted(warehouse: Warehouse) -> Counted:
    return Counted(warehouse)


@pytest.fixture
def prefix(warehouse: Warehouse) -> Iterator[str]:
    """What the names of a test's projects begin with; they are gone when the test is."""
    name = uuid.uuid4().hex
    yield name
    drop_months(warehouse)


def drop_months(warehouse: Warehouse) -> None:
    """Takes away the partitions of that year: a deletion of rows would rewrite each part."""
    sql = """
        SELECT DISTINCT table, partition
        FROM system.parts
        WHERE active AND database = currentDatabase() AND partition < '199601'
            AND partition != 'tuple()'
    """
    for table, month in warehouse.query_now(sql, None, {}).rows:
        warehouse.command_now(f"ALTER TABLE {table} DROP PARTITION {month}", None, {})


def projects_of(prefix: str, count: int) -> list[ProjectId]:
    return [ProjectId(f"{prefix}-{number:05}") for number in range(count)]


def store(warehouse: Warehouse, ages: dict[ProjectId, list[int]]) -> None:
    """Stores one trace of each age, in days."""
    rows = [
        make_trace(project, f"t{n}", timestamp_us=at_us, received_at_us=at_us)
        for project, days in ages.items()
        for n, at_us in enumerate(NOON_US - age * DAY_US for age in days)
    ]
    warehouse.insert_now("traces", encode_traces(rows), uuid.uuid4().hex)


def left(warehouse: Warehouse, prefix: str) -> dict[str, int]:
    """Returns how many traces of each project are left; the sums have to say the same."""
    bound = "startsWith(project_id, {prefix:String}) GROUP BY project_id"
    rows, sums = (
        {name: int(count) for name, count in warehouse.query_now(sql, {"prefix": prefix}, {}).rows}
        for sql in (
            f"SELECT project_id, count() FROM traces WHERE {bound}",
            f"{SUMS} AND {bound}",
        )
    )
    assert sums == rows
    return rows


async def statements(counted: Counted, keeping: Keeping) -> int:
    before = counted.statements
    assert await Expiry(counted).run(keeping, limit_s=LONG_S)  # type: ignore[arg-type]
    return counted.statements - before


async def test_hundreds_of_projects_take_as_few_statements_as_one(
    warehouse: Warehouse, counted: Counted, prefix: str
) -> None:
    keeping = Keeping(TODAY, DEFAULT_DAYS, {})
    one, many = projects_of(f"{prefix}-one", 1), projects_of(f"{prefix}-many", MANY)
    store(warehouse, {one[0]: [1, 25]})
    for_one = await statements(counted, keeping)
    store(warehouse, {project: [1, 25] for project in many})

    for_many = await statements(counted, keeping)

    assert for_many == for_one
    assert left(warehouse, prefix) == dict.fromkeys([*one, *many], 1)


async def test_days_of_their_own_take_no_statement_of_their_own(
    warehouse: Warehouse, counted: Counted, prefix: str
) -> None:
    projects = projects_of(prefix, MANY)
    own = {project: 1 + number % 60 for number, project in enumerate(projects)}
    store(warehouse, {project: [0, 25, 50] for project in projects})
    tables = len(await tables_with_data(warehouse))

    sent = await statements(counted, Keeping(TODAY, DEFAULT_DAYS, own))

    assert sent <= 1 + 2 * tables
    expected = {project: 1 + sum(days >= age for age in (25, 50)) for project, days in own.items()}
    assert left(warehouse, prefix) == expected


async def test_a_run_that_is_out_of_time_is_continued_by_the_next(
    warehouse: Warehouse, prefix: str
) -> None:
    """So the projects at the end of the list have their turn, however many stand before them."""
    projects = projects_of(prefix, 20)
    store(warehouse, {project: [25] for project in projects})
    seconds = iter(range(10**6))
    expiry = Expiry(warehouse, page_projects=9, clock=lambda: float(next(seconds)))
    keeping, found = Keeping(TODAY, DEFAULT_DAYS, {}), [len(projects)]

    runs = 1
    while not await expiry.run(keeping, limit_s=3.0):
        found.append(rows_left(warehouse, prefix))
        runs += 1
        assert runs < 200

    assert runs > 5
    assert found == sorted(found, reverse=True)
    assert left(warehouse, prefix) == {}


def rows_left(warehouse: Warehouse, prefix: str) -> int:
    sql = "SELECT count() FROM traces WHERE startsWith(project_id, {prefix:String})"
    return int(warehouse.query_now(sql, {"prefix": prefix}, {}).rows[0][0])


@pytest.mark.parametrize("seed", range(2))
async def test_any_projects_in_pages_of_any_size_keep_what_is_theirs(
    warehouse: Warehouse, prefix: str, seed: int
) -> None:
    rnd = random.Random(seed)
    projects = projects_of(prefix, rnd.randint(5, 60))
    ages = {one: [rnd.randint(0, 55) for _ in range(rnd.randint(1, 4))] for one in projects}
    own = {one: rnd.randint(1, 60) for one in projects if rnd.random() < 0.3}
    purged = frozenset(one for one in projects if rnd.random() < 0.2)
    store(warehouse, ages)
    expiry = Expiry(warehouse, page_projects=rnd.randint(2, 70))

    assert await expiry.run(Keeping(TODAY, DEFAULT_DAYS, own, purged), limit_s=LONG_S)

    kept = {
        one: sum(age <= own.get(one, DEFAULT_DAYS) for age in days)
        for one, days in ages.items()
        if one not in purged
    }
    assert left(warehouse, prefix) == {one: count for one, count in kept.items() if count}


async def test_where_the_day_is_not_known_no_row_is_too_old(
    warehouse: Warehouse, prefix: str
) -> None:
    kept, purged = projects_of(prefix, 2)
    store(warehouse, {kept: [0, 50], purged: [0, 50]})
    keeping = Keeping(None, DEFAULT_DAYS, {kept: 1}, frozenset({purged}))

    assert await Expiry(warehouse).run(keeping, limit_s=LONG_S)

    assert left(warehouse, prefix) == {kept: 2}


async def test_a_purged_project_keeps_nothing_whatever_day_its_rows_are_of() -> None:
    purged = ProjectId("p")
    keeping = Keeping(TODAY, DEFAULT_DAYS, {purged: 3650}, frozenset({purged}))

    assert keeping.first_kept(purged) == LAST_DAY


async def test_hundreds_of_projects_are_purged_with_as_few_statements_as_one(
    warehouse: Warehouse, counted: Counted, prefix: str
) -> None:
    projects, spared = projects_of(prefix, MANY), projects_of(f"{prefix}-spared", 1)
    store(warehouse, {project: [1] for project in [*projects, *spared]})
    tables = len(await tables_with_data(warehouse))

    await purge_projects(counted, projects)  # type: ignore[arg-type]

    assert counted.statements <= 1 + 2 * tables
    assert left(warehouse, prefix) == {spared[0]: 1}
