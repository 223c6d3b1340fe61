"""What happens to monitors and incidents is an event, once, in the transaction that keeps it."""

import time

from sqlalchemy import select

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.uptime.incidents import IncidentForm, handle_incident
from controlplane.uptime.models import UNHOOKED, UNPAGED, UptimeEvent
from controlplane.uptime.monitors import pause_monitor
from schemas.projects import ProjectId
from tests.integration.controlplane.test_uptime_states import (
    STEP,
    incidents,
    made,
    new_project,
    seen,
    take,
)

HOUR_US = 3_600_000_000


async def events(database: Database) -> list[UptimeEvent]:
    query = select(UptimeEvent).order_by(UptimeEvent.noted_us, UptimeEvent.at_us, UptimeEvent.type)
    async with database.reading() as session:
        return list(await session.scalars(query))


async def types(database: Database) -> list[str]:
    return sorted(one.type for one in await events(database))


async def test_flips_and_incidents_are_events_once(database: Database, vault: Vault) -> None:
    monitor = await made(database, vault, await new_project(database, vault))
    begin = monitor.created_us

    for _ in range(2):
        await take(database, monitor, seen(begin, "ooff"))
    for _ in range(2):
        await take(database, monitor, seen(begin + 4 * STEP, "oo"))

    assert await types(database) == [
        "incident.resolved", "incident.triggered", "monitor.down", "monitor.up", "monitor.up",
    ]  # fmt: skip
    (incident,) = await incidents(database)
    of_it = [one for one in await events(database) if one.incident_id == incident.id]
    assert [one.at_us - begin for one in of_it] == [2 * STEP, 4 * STEP]
    assert {one.monitor_id for one in of_it} == {monitor.monitor_id}


async def test_a_past_that_is_rewritten_tells_nobody_twice(
    database: Database, vault: Vault
) -> None:
    monitor = await made(database, vault, await new_project(database, vault))
    begin = monitor.created_us
    await take(database, monitor, seen(begin, "oo  ff"))
    before = await types(database)

    await take(database, monitor, seen(begin, "  ff"))

    (incident,) = await incidents(database)
    assert incident.started_us == begin + 2 * STEP
    assert await types(database) == before


async def test_each_reader_finds_what_it_has_not_taken(database: Database, vault: Vault) -> None:
    monitor = await made(database, vault, await new_project(database, vault))
    await take(database, monitor, seen(monitor.created_us, "ff"))

    async with database.reading() as session:
        unpaged = await session.scalars(select(UptimeEvent.type).where(UNPAGED))
        unhooked = await session.scalars(select(UptimeEvent.type).where(UNHOOKED))

        assert list(unpaged) == ["incident.triggered"]
        assert sorted(unhooked) == ["incident.triggered", "monitor.down"]


async def test_what_people_do_is_an_event(database: Database, vault: Vault) -> None:
    project_id: ProjectId = await new_project(database, vault)
    form = IncidentForm(state="triggered", title="Shop is slow")
    incident = (await handle_incident(database, project_id, form, "Ann")).incident

    for state, notes in (("triggered", "Looking"), ("acknowledged", ""), ("resolved", "")):
        move = IncidentForm(incident_id=incident.incident_id, state=state, notes=notes)  # type: ignore[arg-type]  # one of its states
        await handle_incident(database, project_id, move, "Ann")

    assert await types(database) == [
        "incident.acknowledged", "incident.noted", "incident.resolved", "incident.triggered",
    ]  # fmt: skip


async def test_a_pause_resolves_as_an_event(database: Database, vault: Vault) -> None:
    project_id = await new_project(database, vault)
    monitor = await made(database, vault, project_id)
    await take(database, monitor, seen(monitor.created_us, "ff"))

    await pause_monitor(database, vault, (project_id, monitor.monitor_id))

    assert "incident.resolved" in await types(database)


async def test_a_flip_in_maintenance_is_quiet(database: Database, vault: Vault) -> None:
    now_us = time.time_ns() // 1000
    window = {
        "starts_at": _iso(now_us - HOUR_US),
        "ends_at": _iso(now_us + HOUR_US),
    }
    project_id = await new_project(database, vault)
    monitor = await made(database, vault, project_id, maintenance_windows=[window])

    await take(database, monitor, seen(monitor.created_us, "ff"))

    assert [(one.type, one.is_quiet) for one in await events(database)] == [("monitor.down", True)]


def _iso(us: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(us // 1_000_000))
