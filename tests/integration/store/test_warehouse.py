"""The warehouse tells whose fault a failure is, and no user's query touches anybody else's."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseError, WarehouseUnavailable
from schemas.kinds import KINDS
from tests.components import forks

NOBODY_LISTENS = "http://127.0.0.1:1"
READERS = 3
SLOW = "SELECT sleepEachRow(0.4) FROM numbers(5) SETTINGS max_block_size = 1"
BLOCKS = {"max_block_size": 100}
FAILS_ON_THE_WAY = {
    "thrown": "SELECT toString(number) AS name, throwIf(number = 5000) AS bad FROM numbers(9999)",
    "too many rows": "SELECT toString(number) AS name, 0::UInt8 AS bad FROM numbers(2000000)",
}


@pytest.fixture
def absent() -> Iterator[Warehouse]:
    """A warehouse without an engine behind it."""
    warehouse = Warehouse(NOBODY_LISTENS)
    yield warehouse
    warehouse.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda warehouse: warehouse.query_now("SELECT 1", None, {}),
        lambda warehouse: warehouse.command_now("SELECT 1", None, {}),
        lambda warehouse: warehouse.insert_now("traces", b"", "token"),
    ],
)
def test_an_engine_that_is_away_is_said_in_our_words(
    absent: Warehouse, call: Callable[[Warehouse], None]
) -> None:
    with pytest.raises(WarehouseUnavailable) as raised:
        call(absent)

    assert str(raised.value) == "cannot connect to 127.0.0.1, port 1: Connection refused"


async def test_an_engine_that_is_away_is_said_so_to_those_who_wait_too(absent: Warehouse) -> None:
    with pytest.raises(WarehouseUnavailable):
        await absent.query("SELECT 1")


def test_a_command_says_in_one_line_that_the_engine_is_away(tmp_path: Path) -> None:
    settings = {"SLUICE_WAREHOUSE_URL": NOBODY_LISTENS, "SLUICE_DATA_DIR": str(tmp_path / "data")}

    ran = forks.run(["migrate"], env=os.environ | settings)

    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    where = "the store (SLUICE_WAREHOUSE_URL)"
    assert line == f"sluice: {where}: cannot connect to 127.0.0.1, port 1: Connection refused"


@pytest.mark.slow
async def test_an_urgent_read_answers_while_every_reader_is_held(warehouse: Warehouse) -> None:
    held = [asyncio.create_task(warehouse.query(SLOW)) for _ in range(2 * READERS)]
    await asyncio.sleep(0)  # now all of them stand in the queue

    answer = await warehouse.urgent.query("SELECT 1")

    assert answer.rows[0][0] == 1
    assert not any(task.done() for task in held)
    await asyncio.gather(*held)


@pytest.mark.parametrize("sql", FAILS_ON_THE_WAY.values(), ids=FAILS_ON_THE_WAY)
def test_rows_of_a_query_that_failed_are_in_nobody_elses_answer(
    warehouse: Warehouse, sql: str
) -> None:
    """chDB keeps them and puts them before the next answer of that handle."""
    for _ in range(3):
        with pytest.raises(WarehouseError):
            warehouse.query_now(sql, None, BLOCKS)

        answer = warehouse.query_now("SELECT 'mine' AS name, 0::UInt8 AS bad", None, {})

        assert [tuple(row) for row in answer.rows] == [("mine", 0)]


def test_a_command_after_a_query_that_failed_is_served(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError):
        warehouse.query_now(FAILS_ON_THE_WAY["thrown"], None, BLOCKS)

    warehouse.command_now("SELECT 1", None, {})


def test_rows_of_every_kind_are_merged_as_seldom_as_those_of_traces(warehouse: Warehouse) -> None:
    found = warehouse.query_now(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND engine_full LIKE '%merge_selector_base = 8%'",
        None,
        {},
    )

    tables = {table.name for kind in KINDS for table in kind.tables}
    assert tables - {name for (name,) in found.rows} == set()
