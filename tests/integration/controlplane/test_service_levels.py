"""Breaches and burning budgets, noted once each, on both databases."""

import asyncio
import time

import msgspec
from sqlalchemy import select

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import insert_project
from controlplane.uptime.models import Monitor as MonitorRow
from controlplane.uptime.models import MonitorFlip, UptimeEvent
from controlplane.uptime.monitors import add_monitor, change_monitor, remove_monitor
from processors.uptime.service_levels import ServiceLevels
from schemas.projects import ProjectId
from schemas.uptime.monitors import Monitor
from schemas.zones import DAY_US

SECOND = 1_000_000
MINUTE = 60 * SECOND
NOON_US = 1_794_571_200_000_000
"""2026-11-13T12:00Z."""


async def made(database: Database, vault: Vault, target_pct: float) -> Monitor:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
    fields = {"name": "Shop", "type": "tcp", "host": "shop.example", "port": 443}
    of = ProjectId(str(project.id))
    monitor = await add_monitor(database, vault, of, fields | {"sla_target_pct": target_pct})
    async with database.session() as session:
        row = await session.get_one(MonitorRow, monitor.monitor_id)
        row.created_us = NOON_US - 40 * DAY_US
    return monitor


async def flip(database: Database, monitor: Monitor, *moments: tuple[int, str]) -> None:
    async with database.session() as session:
        before = "unknown"
        for at_us, after in moments:
            row = MonitorFlip(monitor_id=monitor.monitor_id, region="", at_us=at_us)
            row.before, row.after, before = before, after, after
            session.add(row)


async def look(database: Database, now_us: int, times: int = 1) -> None:
    """Has so many processes look at the same moment."""
    each = [ServiceLevels(database, clock=lambda: now_us / SECOND) for _ in range(times)]
    await asyncio.gather(*(one.work() for one in each))


async def events(database: Database, kind: str) -> list[UptimeEvent]:
    query = select(UptimeEvent).where(UptimeEvent.type == kind).order_by(UptimeEvent.at_us)
    async with database.reading() as session:
        return list(await session.scalars(query))


async def test_a_breach_is_noted_once_by_any_number_of_processes(
    database: Database, vault: Vault
) -> None:
    monitor = await made(database, vault, 99.9)
    down_us = NOON_US - 3 * DAY_US
    await flip(
        database,
        monitor,
        (NOON_US - 40 * DAY_US, "up"),
        (down_us, "down"),
        (down_us + MINUTE, "up"),
    )
    await look(database, NOON_US)
    assert await events(database, "sla.breached") == []

    # 43.2 minutes are allowed in November.
    await flip(database, monitor, (NOON_US - 90 * MINUTE, "down"), (NOON_US - 40 * MINUTE, "up"))
    for _ in range(3):
        await look(database, NOON_US, times=4)

    (event,) = await events(database, "sla.breached")
    assert (event.monitor_id, str(event.project_id)) == (monitor.monitor_id, monitor.project_id)
    assert event.at_us == NOON_US - 90 * MINUTE + int(42.2 * MINUTE)
    details = msgspec.json.decode(event.details)
    assert (details["month"], details["target_pct"]) == ("2026-11", 99.9)
    assert details["downtime_s"] == 51 * 60
    assert details["error_budget_s"] == 2592
    assert details["message"] == "It was down for 0:51:00 in 2026-11; 99.9 % allow 0:43:12."


async def test_the_month_before_may_be_breached_by_what_comes_late(
    database: Database, vault: Vault
) -> None:
    monitor = await made(database, vault, 99.99)
    down_us = NOON_US - 20 * DAY_US
    await flip(database, monitor, (down_us - DAY_US, "up"), (down_us, "down"))
    await flip(database, monitor, (down_us + 10 * MINUTE, "up"))

    await look(database, NOON_US, times=2)

    (event,) = await events(database, "sla.breached")
    assert msgspec.json.decode(event.details)["month"] == "2026-10"


async def test_a_budget_that_burns_is_told_once_until_it_does_not(
    database: Database, vault: Vault
) -> None:
    monitor = await made(database, vault, 99.0)
    await flip(database, monitor, (NOON_US - 9 * DAY_US, "up"), (NOON_US - 8 * MINUTE, "down"))
    # 8 of 60 minutes are 13 times what is allowed.
    await look(database, NOON_US)
    assert await events(database, "slo.burning") == []

    for minute in range(1, 6):
        await look(database, NOON_US + minute * MINUTE, times=3)
    (first,) = await events(database, "slo.burning")
    assert first.at_us == NOON_US + MINUTE
    details = msgspec.json.decode(first.details)
    assert (details["windows"], details["threshold"]) == ("1h/5m", 14.4)
    assert details["burn_rate"] == 15
    assert "in the last 1 h" in details["message"]
    assert "used up 15.0 times too fast" in details["message"]

    # It comes and goes within the hour: that is the same one.
    await flip(database, monitor, (NOON_US + 6 * MINUTE, "up"), (NOON_US + 20 * MINUTE, "down"))
    for minute in (12, 19, 27):
        await look(database, NOON_US + minute * MINUTE)
    assert len(await events(database, "slo.burning")) == 1

    await flip(database, monitor, (NOON_US + 28 * MINUTE, "up"))
    await look(database, NOON_US + 300 * MINUTE)
    await flip(database, monitor, (NOON_US + 301 * MINUTE, "down"))
    await look(database, NOON_US + 311 * MINUTE)
    told = await events(database, "slo.burning")
    assert [msgspec.json.decode(one.details)["windows"] for one in told].count("1h/5m") == 2


async def test_a_monitor_that_is_new_burns_nothing_before_half_an_hour_counts(
    database: Database, vault: Vault
) -> None:
    monitor = await made(database, vault, 99.0)
    await flip(database, monitor, (NOON_US - 2 * MINUTE, "up"), (NOON_US - MINUTE, "down"))

    await look(database, NOON_US)
    assert await events(database, "slo.burning") == []

    await look(database, NOON_US + 28 * MINUTE)
    assert len(await events(database, "slo.burning")) == 1


async def test_what_happens_in_maintenance_or_to_a_monitor_that_is_gone_is_no_breach(
    database: Database, vault: Vault
) -> None:
    monitor = await made(database, vault, 99.9)
    now_us = time.time_ns() // 1000
    window = {"cron": "0 0 * * *", "duration_seconds": 86_400, "timezone": "UTC"}
    of = (monitor.project_id, monitor.monitor_id)
    await change_monitor(database, vault, of, {"maintenance_windows": [window]})
    await flip(database, monitor, (now_us + MINUTE, "down"))

    await look(database, now_us + DAY_US)
    assert await events(database, "sla.breached") == []
    await remove_monitor(database, *of)
    await look(database, now_us + DAY_US)

    assert await events(database, "slo.burning") == []
