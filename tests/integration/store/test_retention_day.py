"""Days of retention are those of UTC, in whatever zone the machine is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from clickhouse.retention import LASTING, WORK_DAYS, Expiry, Keeping, tables_with_data
from schemas.retention import KIND_OF
from tests.integration.store.store_process import KEEP_DAYS, run


# At any moment of the day it is yesterday in one of them or tomorrow in the other.
@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_the_last_day_that_is_kept_stays_and_the_day_before_it_goes(
    tmp_path: Path, zone: str
) -> None:
    today = datetime.now(UTC).date()
    last = today - timedelta(days=KEEP_DAYS)
    before = last - timedelta(days=1)

    received = [f"received:{day}" for day in (today, last, before)]
    counts = run(tmp_path / "store", *received, f"expire:{today}", "days", zone=zone)

    assert counts == [{str(last): 1, str(today): 1}]


def test_a_command_counts_in_utc_as_queries_do(tmp_path: Path, warehouse: Warehouse) -> None:
    warehouse.command_now(
        "CREATE TABLE zones ENGINE = MergeTree ORDER BY () AS SELECT timezone() AS zone", None, {}
    )
    try:
        found = warehouse.query_now("SELECT zone, timezone() FROM zones", None, {}).rows
    finally:
        warehouse.command_now("DROP TABLE zones", None, {})

    assert [tuple(row) for row in found] == [("UTC", "UTC")]


async def test_keeping_for_longer_than_there_are_days_deletes_nothing(
    warehouse: Warehouse,
) -> None:
    today = datetime.now(UTC).date()

    keeping = Keeping(today, default_days=10**12, own_days={})
    assert await Expiry(warehouse).run(keeping, limit_s=60)

    assert await tables_with_data(warehouse)


async def test_every_table_that_holds_rows_of_projects_is_cut(warehouse: Warehouse) -> None:
    sql = """
        SELECT DISTINCT table
        FROM system.columns
        WHERE database = currentDatabase() AND name = 'project_id'
            AND table != 'projects' -- their names alone, which go with the project
            AND table NOT IN (SELECT name FROM system.tables
                WHERE database = currentDatabase() AND engine = 'MaterializedView')
    """
    holding = {row[0] for row in (await warehouse.query(sql)).rows}

    assert set(await tables_with_data(warehouse)) == holding


async def test_every_table_has_a_kind_or_days_of_its_own(warehouse: Warehouse) -> None:
    """Else its rows go by the days of the project, however long their kind is kept."""
    known = {*KIND_OF, *LASTING, *WORK_DAYS}

    assert set(await tables_with_data(warehouse)) - known == {"outcomes"}
