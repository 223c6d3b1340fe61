"""The store's copy of uptime by day, and what dashboards show of it."""

import uuid
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from clickhouse.client import Warehouse
from clickhouse.uptime_days import UptimeDay, list_uptime_days, write_uptime_days
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import insert_project
from controlplane.uptime.courses import read_course, read_day_bars
from controlplane.uptime.models import Monitor as MonitorRow
from controlplane.uptime.models import MonitorFlip
from controlplane.uptime.monitors import add_monitor
from grafana.boards import query_of
from grafana.plugin import View, expand
from processors.uptime.uptime_copies import UptimeCopies
from schemas.projects import ProjectId
from schemas.uptime.days import last_days
from schemas.uptime.monitors import Monitor
from schemas.uptime.service_levels import Promised, months_until, report_months
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

SECOND = 1_000_000
HOUR = 3600 * SECOND
NOW_US = 1_794_571_200_000_000
"""2026-11-13T12:00Z."""


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


@pytest.fixture
async def monitor(database: Database) -> Monitor:
    vault = Vault("a secret of the tests, longer than 32 characters")
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
    fields = {"name": "it's", "type": "tcp", "host": "shop.example", "port": 443}
    of = ProjectId(str(project.id))
    monitor = await add_monitor(database, vault, of, fields)
    async with database.session() as session:
        row = await session.get_one(MonitorRow, monitor.monitor_id)
        row.created_us = NOW_US - 60 * DAY_US
    await flip(database, monitor, "unknown", NOW_US - 60 * DAY_US, "up")
    for days in (1, 20, 33, 34):
        await flip(database, monitor, "up", NOW_US - days * DAY_US, "down")
        await flip(database, monitor, "down", NOW_US - days * DAY_US + HOUR // 2, "up")
    return monitor


async def flip(database: Database, of: Monitor, before: str, at_us: int, after: str) -> None:
    async with database.session() as session:
        row = MonitorFlip(monitor_id=of.monitor_id, region="", at_us=at_us)
        row.before, row.after = before, after
        session.add(row)


async def written(warehouse: Warehouse, of: Monitor) -> int:
    sql = "SELECT count() FROM uptime_days WHERE monitor_id = {monitor_id:String}"
    return int((await warehouse.query(sql, {"monitor_id": of.monitor_id})).rows[0][0])


async def test_the_copy_is_what_the_control_plane_knows_and_follows_it(
    warehouse: Warehouse, database: Database, monitor: Monitor
) -> None:
    copies = UptimeCopies(
        database, warehouse, clock=lambda: NOW_US / SECOND, monotonic=lambda: 3600.0 * next(hours)
    )
    hours = iter(range(1, 99))
    days = last_days("UTC", 90, NOW_US)

    await copies.work()
    found = await list_uptime_days(warehouse, [monitor.monitor_id], days[0].day)
    bars = (await read_day_bars(database, [await as_made(database, monitor)], days))[
        monitor.monitor_id
    ]
    told = {one.day: one for one in found}
    assert len(found) == 61
    for bar in bars[-61:]:
        assert (told[bar.day].up_us, told[bar.day].down_us) == (
            bar.measured.up_us, bar.measured.down_us,
        )  # fmt: skip
        assert told[bar.day].outages == bar.measured.outages
    assert {one.state for one in found} == {"", "unknown"}

    # Nothing has changed: nothing is written.
    rows = await written(warehouse, monitor)
    await copies.work()
    assert await written(warehouse, monitor) == rows

    # A check that came late tells of an outage of last week.
    await flip(database, monitor, "up", NOW_US - 7 * DAY_US, "down")
    await flip(database, monitor, "down", NOW_US - 7 * DAY_US + HOUR, "up")
    await copies.work()
    found = await list_uptime_days(warehouse, [monitor.monitor_id], date(2026, 11, 6))
    assert min(found, key=lambda one: one.day).down_us == HOUR


async def test_the_dashboard_of_service_levels_reports_as_the_api_does(
    warehouse: Warehouse, database: Database, monitor: Monitor
) -> None:
    made = await as_made(database, monitor)
    await UptimeCopies(database, warehouse, clock=lambda: NOW_US / SECOND).work()
    bounds = Stretch(NOW_US - 70 * DAY_US, NOW_US)
    course = await read_course(database, made, bounds)
    months = months_until("UTC", date(2026, 11, 1), 2)
    promised = Promised(made.created_us, 999_000, *course, ())
    october, _ = report_months(months, promised, NOW_US)

    chosen = {"project": [monitor.project_id]}
    view = View((NOW_US - 20 * DAY_US) // 1000, NOW_US // 1000, "utc", chosen)
    sql = expand(query_of("sla: By monitor and month").sql, view)
    rows = {row[0]: row for row in warehouse.query_now(sql, None, {}).rows}

    assert set(rows) == {"2026-10", "2026-11"}
    month, name, _, target, uptime, _, downtime, outages, budget, left, breached = rows["2026-10"]
    assert (month, name, target, outages, breached) == ("2026-10", "it's", 99.9, 3, "yes")
    assert 100 * uptime == pytest.approx(october.measured.uptime_pct, abs=1e-9)
    assert downtime * SECOND == october.measured.down_us
    assert budget * SECOND == pytest.approx(october.budget_us, abs=1)
    assert left * SECOND == pytest.approx(october.left_us, abs=1)


async def test_figures_of_a_range_leave_out_what_is_not_known(warehouse: Warehouse) -> None:
    project = str(uuid.uuid4())

    def day(number: int, *parts: int) -> UptimeDay:
        whole: list[Any] = [project, f"mon_{number:08}", date(2026, 3, number), "One", "", 999_000]
        return UptimeDay(*whole, *(part * HOUR for part in parts), 1)

    await write_uptime_days(
        warehouse, [day(1, 20, 1, 1, 2, 0, 0, 0, 0), day(2, 0, 0, 0, 12, 4, 6, 2, 0)]
    )
    chosen = {"project": [project]}
    # Any moment of a day is all of it.
    view = View(1_772_370_000_000, 1_772_450_000_000, "utc", chosen)

    def shown(panel: str) -> Any:
        sql = expand(query_of(f"uptime: {panel}").sql, view)
        return warehouse.query_now(sql, None, {}).rows[0][0]

    assert shown("Uptime") == pytest.approx(0.95454, abs=1e-9)
    assert shown("Coverage") == pytest.approx(0.45833, abs=1e-9)
    assert shown("Downtime") == 3600
    assert shown("Outages") == 2


async def as_made(database: Database, monitor: Monitor) -> Monitor:
    """Returns the monitor with the age that it was given."""
    fields = {name: getattr(monitor, name) for name in monitor.__struct_fields__}
    return Monitor(**(fields | {"created_us": NOW_US - 60 * DAY_US}))
