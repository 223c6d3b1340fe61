"""A certificate or registration that ends soon is an event, once for its end."""

import json
from uuid import UUID

from sqlalchemy import select

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.uptime.expiries import KEPT_US, MOST_ENDS, Ending, note_endings
from controlplane.uptime.expiry_models import MonitorExpiry
from controlplane.uptime.models import UptimeEvent
from controlplane.uptime.monitors import remove_monitor
from tests.integration.controlplane.test_uptime_states import made, new_project

NOW_US = 1_764_000_000_000_000
DAY_US = 86_400_000_000


async def told(database: Database) -> list[tuple[str, int]]:
    query = select(UptimeEvent).order_by(UptimeEvent.noted_us, UptimeEvent.type)
    async with database.reading() as session:
        rows = await session.scalars(query)
        return [(row.type, json.loads(row.details)["ends_us"]) for row in rows]


async def test_each_end_is_told_once(database: Database, vault: Vault) -> None:
    project_id = await new_project(database, vault)
    monitor = await made(database, vault, project_id)
    project, end = UUID(project_id), NOW_US + 5 * DAY_US
    first = Ending(monitor.monitor_id, end, False, NOW_US, "ends on 2026-11-29")

    for slot in range(3):
        again = first._replace(slot_us=NOW_US + slot)
        await note_endings(database, project, [again, again], NOW_US + slot)
    assert await told(database) == [("certificate.expiring", end)]

    renewed = first._replace(ends_us=end + 90 * DAY_US)
    domain = first._replace(ends_us=end + 1, is_domain=True)
    await note_endings(database, project, [renewed], NOW_US + 10)
    await note_endings(database, project, [domain, first], NOW_US + 11)
    assert [one[0] for one in await told(database)] == [
        *("certificate.expiring", "certificate.expiring", "domain.expiring"),
    ]


async def test_monitors_of_others_and_removed_ones_tell_nothing(
    database: Database, vault: Vault
) -> None:
    project_id = await new_project(database, vault)
    other = UUID(await new_project(database, vault))
    monitor = await made(database, vault, project_id)
    ending = Ending(monitor.monitor_id, NOW_US + DAY_US, False, NOW_US, "")

    await note_endings(database, other, [ending], NOW_US)
    await remove_monitor(database, project_id, monitor.monitor_id)
    await note_endings(database, UUID(project_id), [ending], NOW_US)

    assert await told(database) == []


async def test_the_memory_of_ends_is_bounded(database: Database, vault: Vault) -> None:
    project_id = await new_project(database, vault)
    monitor = await made(database, vault, project_id)
    ends = [
        Ending(monitor.monitor_id, NOW_US + number * DAY_US, False, NOW_US, "")
        for number in range(MOST_ENDS + 5)
    ]

    await note_endings(database, UUID(project_id), ends, NOW_US)
    assert len(await told(database)) == MOST_ENDS

    later = Ending(monitor.monitor_id, NOW_US + 500 * DAY_US, False, NOW_US, "")
    await note_endings(database, UUID(project_id), [later], NOW_US + KEPT_US + 50 * DAY_US)
    async with database.reading() as session:
        left = list(await session.scalars(select(MonitorExpiry.ends_us)))
    assert min(left) >= NOW_US + 50 * DAY_US
    assert later.ends_us in left
