"""Unusual latency against the last weeks, on a store and a control plane."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import select, update

from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import insert_project
from controlplane.uptime.models import MonitorMaintenance, UptimeEvent
from controlplane.uptime.monitors import add_monitor, change_monitor
from processors.uptime.latency_alerts import LatencyAlerts
from schemas.projects import ProjectId
from schemas.uptime.monitors import Monitor
from schemas.zones import DAY_US
from tests.integration.uptime.stored import store_checks

SECOND = 1_000_000
MINUTE = 60 * SECOND
MONDAY_US = 1_793_606_400_000_000
"""2026-11-02T08:00Z."""


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests, longer than 32 characters")


async def made(database: Database, vault: Vault, *, alerts: bool = True) -> Monitor:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
    fields = {"name": "Shop", "type": "tcp", "host": "shop.example", "port": 443}
    of = ProjectId(str(project.id))
    return await add_monitor(database, vault, of, fields | {"latency_alerts": alerts})


async def store(
    warehouse: Warehouse, monitor: Monitor, at_us: int, time_ms: float, minutes: int
) -> None:
    """Stores a check each minute until a moment."""
    await store_checks(
        warehouse,
        monitor.project_id,
        monitor.monitor_id,
        first_us=at_us - minutes * MINUTE,
        step_us=MINUTE,
        count=minutes,
        times_ms=[time_ms, time_ms * 1.1, time_ms * 0.9, time_ms * 1.02],
    )


async def look(database: Database, warehouse: Warehouse, at_us: int) -> list[UptimeEvent]:
    await LatencyAlerts(database, warehouse, clock=lambda: at_us / SECOND).work()
    async with database.reading() as session:
        query = select(UptimeEvent).where(UptimeEvent.type == "latency.unusual")
        return list(await session.scalars(query.order_by(UptimeEvent.at_us)))


async def test_a_busy_monday_is_no_event_and_a_slow_tuesday_is_one_until_it_is_over(
    database: Database, warehouse: Warehouse, vault: Vault
) -> None:
    monitor = await made(database, vault)
    silent = await made(database, vault, alerts=False)
    tuesday_us = MONDAY_US + DAY_US
    for one in (monitor, silent):
        for week in range(1, 5):
            for day_us, time_ms in ((MONDAY_US, 900.0), (tuesday_us, 100.0)):
                then_us = day_us - week * 7 * DAY_US + 30 * MINUTE
                await store(warehouse, one, then_us, time_ms, 100)
        await store(warehouse, one, MONDAY_US, 950.0, 15)
        await store(warehouse, one, tuesday_us, 950.0, 15)

    assert await look(database, warehouse, MONDAY_US) == []
    for _ in range(3):
        told = await look(database, warehouse, tuesday_us)
    (event,) = told
    assert event.monitor_id == monitor.monitor_id
    details = msgspec.json.decode(event.details)
    assert details["p50_ms"] > 900
    assert 90 < details["usual_ms"] < 110
    assert f"Usual at this time are {details['usual_ms']:.0f} ms" in details["message"]

    await store(warehouse, monitor, tuesday_us + 15 * MINUTE, 101.0, 15)
    assert len(await look(database, warehouse, tuesday_us + 15 * MINUTE)) == 1
    await store(warehouse, monitor, tuesday_us + 30 * MINUTE, 700.0, 15)
    assert len(await look(database, warehouse, tuesday_us + 30 * MINUTE)) == 2


async def test_who_wants_none_any_more_has_the_next_one_told_anew(
    database: Database, warehouse: Warehouse, vault: Vault
) -> None:
    monitor = await made(database, vault)
    for week in range(1, 5):
        await store(warehouse, monitor, MONDAY_US - week * 7 * DAY_US + 30 * MINUTE, 50.0, 100)
    await store(warehouse, monitor, MONDAY_US, 400.0, 15)
    assert len(await look(database, warehouse, MONDAY_US)) == 1

    of = (monitor.project_id, monitor.monitor_id)
    await change_monitor(database, vault, of, {"latency_alerts": False})
    await look(database, warehouse, MONDAY_US)
    await change_monitor(database, vault, of, {"latency_alerts": True})

    assert len(await look(database, warehouse, MONDAY_US)) == 2


async def test_nothing_is_told_within_maintenance(
    database: Database, warehouse: Warehouse, vault: Vault
) -> None:
    monitor = await made(database, vault)
    for week in range(1, 5):
        await store(warehouse, monitor, MONDAY_US - week * 7 * DAY_US + 30 * MINUTE, 50.0, 100)
    await store(warehouse, monitor, MONDAY_US, 400.0, 15)
    of = (monitor.project_id, monitor.monitor_id)
    window = {"starts_at": "2026-11-02T07:30:00Z", "ends_at": "2026-11-02T08:05:00Z"}
    await change_monitor(database, vault, of, {"maintenance_windows": [window]})
    async with database.session() as session:
        # As if it had been said before it began.
        await session.execute(update(MonitorMaintenance).values(from_us=0))

    assert await look(database, warehouse, MONDAY_US) == []
    await store(warehouse, monitor, MONDAY_US + 10 * MINUTE, 400.0, 10)
    assert len(await look(database, warehouse, MONDAY_US + 10 * MINUTE)) == 1
