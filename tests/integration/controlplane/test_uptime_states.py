"""States, flips and incidents of monitors in the control plane, on both databases."""

import asyncio
import random
import threading
import time
from typing import Any

import pytest
from sqlalchemy import func, select, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, NotFound
from controlplane.projects import insert_project
from controlplane.uptime.acknowledged import trigger_again
from controlplane.uptime.courses import read_course
from controlplane.uptime.exclusions import add_exclusion, remove_exclusion
from controlplane.uptime.histories import read_past, read_standings
from controlplane.uptime.incidents import IncidentForm, get_incident, handle_incident
from controlplane.uptime.models import Incident, IncidentEvent, MonitorFlip, MonitorState
from controlplane.uptime.monitors import (
    Place,
    add_monitor,
    change_monitor,
    get_monitor,
    list_due,
    list_monitors,
    pause_monitor,
    remove_monitor,
    resume_monitor,
)
from controlplane.uptime.windows import stretches_of_window
from processors.uptime.following import note_checks
from schemas.projects import ProjectId
from schemas.uptime.monitors import Monitor, target_of
from schemas.uptime.states import OF_MONITOR, Seen
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

SECOND = 1_000_000
STEP = 30 * SECOND
SIGNS = {"o": "ok", "f": "fail", "d": "degraded", "i": "inconclusive"}
FIELDS: dict[str, Any] = {
    "name": "Shop",
    "type": "http",
    "url": "https://shop.example/health",
    "interval_seconds": 30,
    "notifications": ["slack://hooks/T0/B0/secret"],
}


@pytest.fixture
async def project_id(database: Database, vault: Vault) -> ProjectId:
    return await new_project(database, vault)


async def new_project(database: Database, vault: Vault) -> ProjectId:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        return ProjectId(str(project.id))


async def made(database: Database, vault: Vault, project_id: ProjectId, **more: Any) -> Monitor:
    return await add_monitor(database, vault, project_id, FIELDS | more)


def seen(first_us: int, outcomes: str, revision: int = 1) -> list[Seen]:
    """One check each 30 s from a moment on."""
    return [
        Seen(first_us + number * STEP, 0, SIGNS[sign], revision)  # type: ignore[arg-type]
        for number, sign in enumerate(outcomes)
        if sign != " "
    ]


async def take(
    database: Database, of: Monitor, checks: list[Seen], region: str = "default"
) -> None:
    await note_checks(database, of.project_id, {of.monitor_id: {region: checks}})


async def incidents(database: Database) -> list[Incident]:
    async with database.reading() as session:
        return list(await session.scalars(select(Incident).order_by(Incident.started_us)))


async def lines(database: Database) -> list[str]:
    async with database.reading() as session:
        query = select(IncidentEvent.kind).order_by(IncidentEvent.number)
        return list(await session.scalars(query))


async def monitor_flips(database: Database, of: Monitor) -> list[tuple[int, str]]:
    query = select(MonitorFlip.at_us, MonitorFlip.after).where(
        MonitorFlip.monitor_id == of.monitor_id, MonitorFlip.region == OF_MONITOR
    )
    async with database.reading() as session:
        rows = (await session.execute(query.order_by(MonitorFlip.at_us))).all()
    return [(row[0], row[1]) for row in rows]


async def test_an_outage_opens_one_incident_and_ends_it(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)
    begin = monitor.created_us

    await take(database, monitor, seen(begin, "ooff"))
    (one,) = await incidents(database)
    assert (one.state, one.started_us) == ("triggered", begin + 2 * STEP)
    assert (await get_monitor(database, vault, project_id, monitor.monitor_id)).state == "down"

    await take(database, monitor, seen(begin + 4 * STEP, "oo"))
    (one,) = await incidents(database)
    assert (one.state, one.resolution, one.resolved_us) == (
        "resolved", "recovered", begin + 4 * STEP,
    )  # fmt: skip
    assert await lines(database) == ["triggered", "resolved"]


async def test_the_same_checks_again_change_nothing(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)
    checks = seen(monitor.created_us, "ooffoo")

    for _ in range(3):
        await take(database, monitor, checks)

    assert len(await incidents(database)) == 1
    assert await lines(database) == ["triggered", "resolved"]


@pytest.mark.parametrize("number", range(4))
async def test_any_order_gives_the_same_flips_and_incidents(
    database: Database, vault: Vault, project_id: ProjectId, number: int
) -> None:
    chance = random.Random(number)
    begin = time.time_ns() // 1000 - 3600 * SECOND
    outcomes = "".join(chance.choice("oooofffd i") for _ in range(28))
    ordered = await made(database, vault, project_id)
    mixed = await made(database, vault, project_id)
    checks = seen(begin, outcomes)

    await take(database, ordered, checks)
    sent = checks + chance.sample(checks, 5)
    chance.shuffle(sent)
    for one in sent:
        await take(database, mixed, [one])

    assert await monitor_flips(database, mixed) == await monitor_flips(database, ordered)
    found: dict[str | None, list[Any]] = {ordered.monitor_id: [], mixed.monitor_id: []}
    for row in await incidents(database):
        if row.resolution != "withdrawn":
            found[row.monitor_id].append((row.started_us, row.resolved_us, row.reopened))
    assert found[mixed.monitor_id] == found[ordered.monitor_id]


async def test_two_processes_at_once_open_one_incident(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id, regions=["eu", "us", "ap"])
    begin = monitor.created_us

    await asyncio.gather(
        *(take(database, monitor, seen(begin, "ooff"), region) for region in ("eu", "us", "ap"))
    )

    (one,) = await incidents(database)
    assert one.started_us == begin + 2 * STEP
    assert await lines(database) == ["triggered"]


async def test_by_majority_one_region_of_three_opens_nothing(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id, regions=["eu", "us", "ap"])
    begin = monitor.created_us

    await take(database, monitor, seen(begin, "ffff"), "eu")
    await take(database, monitor, seen(begin, "oooo"), "us")
    await take(database, monitor, seen(begin, "oooo"), "ap")
    await take(database, monitor, seen(begin, "ffff"), "of-nobody")

    assert await incidents(database) == []
    assert (await get_monitor(database, vault, project_id, monitor.monitor_id)).state == "degraded"


async def test_checks_of_another_project_change_no_monitor(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)
    other = await new_project(database, vault)

    await note_checks(
        database, other, {monitor.monitor_id: {"default": seen(monitor.created_us, "ffff")}}
    )

    assert await incidents(database) == []
    with pytest.raises(NotFound):
        await get_monitor(database, vault, other, monitor.monitor_id)


async def test_a_pause_resolves_and_what_was_before_does_not_count_after_it(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)
    of = (project_id, monitor.monitor_id)
    await take(database, monitor, seen(monitor.created_us - 4 * STEP, "ooff"))

    await pause_monitor(database, vault, of)
    (one,) = await incidents(database)
    assert (one.state, one.resolution) == ("resolved", "paused")
    assert await list_due(database, vault) == []

    resumed = await resume_monitor(database, vault, of)
    await take(database, monitor, seen(resumed.updated_us + SECOND, "o", resumed.revision))
    assert len(await incidents(database)) == 1
    assert (await get_monitor(database, vault, *of)).state == "up"


async def test_under_maintenance_nothing_opens(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    window = {"cron": "0 0 * * *", "duration_seconds": 86_400}
    monitor = await made(database, vault, project_id, maintenance_windows=[window])

    await take(database, monitor, seen(monitor.created_us + SECOND, "offff"))

    assert (await get_monitor(database, vault, project_id, monitor.monitor_id)).state == "down"
    assert await incidents(database) == []


async def test_a_very_late_check_waits_to_be_read_with_the_stored_ones(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)
    begin = monitor.created_us
    await take(database, monitor, seen(begin, "o" * 60))

    await take(database, monitor, [Seen(begin + SECOND, 0, "fail")])

    async with database.reading() as session:
        late = await session.scalar(select(func.count()).where(MonitorState.is_late.is_(True)))
    assert late == 1
    standing = (await read_standings(database, [monitor.monitor_id]))[monitor.monitor_id]
    assert standing.history.late == {"default": begin + SECOND}


async def test_a_change_keeps_what_it_does_not_name_and_is_a_new_revision(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)
    of = (project_id, monitor.monitor_id)

    changed = await change_monitor(database, vault, of, {"timeout_ms": 2500})

    assert (changed.revision, changed.config.timeout_ms) == (2, 2500)
    assert changed.config.notifications == FIELDS["notifications"]
    target = target_of(changed)
    assert (target.url, target.timeout_ms, target.revision) == (FIELDS["url"], 2500, 2)
    with pytest.raises(BadRequest, match="type"):
        await change_monitor(database, vault, of, {"type": "tcp"})
    with pytest.raises(BadRequest, match="unknown field"):
        await change_monitor(database, vault, of, {"urll": "x"})


async def test_maintenance_that_is_changed_stays_known_for_the_past(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    window = {"cron": "0 0 * * *", "duration_seconds": 86_400}
    monitor = await made(database, vault, project_id, maintenance_windows=[window])
    of = (project_id, monitor.monitor_id)

    changed = await change_monitor(database, vault, of, {"maintenance_windows": []})

    standing = (await read_standings(database, [monitor.monitor_id]))[monitor.monitor_id]
    past = await read_past(database, standing, monitor.created_us, changed.updated_us)
    (one,) = past.overlays.maintenance
    assert (one.start_us, one.end_us) == (monitor.created_us, changed.updated_us)


async def test_monitors_are_listed_in_pages_and_removed_with_their_history(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    every = [await made(database, vault, project_id, name=f"n{n}") for n in range(3)]
    await take(database, every[0], seen(every[0].created_us, "off"))

    first = await list_monitors(database, vault, project_id, limit=2)
    place = Place(first[-1].created_us, first[-1].monitor_id)
    rest = await list_monitors(database, vault, project_id, limit=2, beyond=place)
    assert [one.config.name for one in [*first, *rest]] == ["n0", "n1", "n2"]

    await remove_monitor(database, project_id, every[0].monitor_id)
    assert len(await list_monitors(database, vault, project_id, limit=10)) == 2
    (one,) = await incidents(database)
    assert one.monitor_id is None


async def test_the_store_holds_no_secret_of_a_monitor_in_clear(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id, headers={"authorization": "hush-hush"})

    async with database.reading() as session:
        rows = await session.execute(select(func.count()).select_from(MonitorState))
        assert rows.scalar() == 1
        found = (await session.connection()).exec_driver_sql
        text = str((await found("SELECT * FROM monitor")).all())
    assert "hush-hush" not in text
    assert monitor.config.headers == {"authorization": "hush-hush"}


async def test_who_has_lost_works_it_out_anew(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    monitor = await made(database, vault, project_id)

    async def meddle() -> None:
        for _ in range(20):
            async with database.session() as session:
                await session.execute(update(MonitorState).values(version=MonitorState.version + 1))

    begin = monitor.created_us
    await asyncio.gather(
        meddle(), *(take(database, monitor, [one]) for one in seen(begin, "ooffooff"))
    )

    flips = [(at - begin) // STEP for at, _ in await monitor_flips(database, monitor)]
    assert flips == [0, 2, 4, 6]


async def test_a_monitor_that_flaps_has_one_incident_that_ends_when_it_is_calm(
    database: Database, vault: Vault, project_id: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await made(database, vault, project_id, failure_threshold=1, recovery_threshold=1)
    begin = time.time_ns() // 1000
    clock = [begin]
    monkeypatch.setattr("processors.uptime.following._now_us", lambda: clock[0])
    # Fourteen minutes up between outages: too long to reopen an incident, and too short for peace.
    outage = "ff" + "o" * 28
    signs = "oo" + outage * 5 + "o" * 62

    opened: set[str] = set()
    for number, sign in enumerate(signs):
        clock[0] = begin + number * STEP
        await take(database, of, seen(clock[0], sign))
        opened |= {one.id for one in await incidents(database)}
        if number == 2 + 30 * 5:
            assert [one.state for one in await incidents(database)] == [
                *("resolved", "resolved", "triggered")
            ]

    first, second, third = await incidents(database)
    assert opened == {first.id, second.id, third.id}
    assert (third.state, third.reopened) == ("resolved", 2)
    up_us = begin + (2 + 30 * 4 + 2) * STEP
    assert third.resolved_us == up_us + 30 * 60 * SECOND


async def test_what_was_acknowledged_too_long_ago_is_triggered_again_once(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    ids = {}
    for ttl_s in (0, 60, 3600):
        of = await made(database, vault, project_id, ack_ttl_seconds=ttl_s)
        await take(database, of, seen(time.time_ns() // 1000 - 5 * STEP, "ooff"))
        (ids[ttl_s],) = [
            one.id for one in await incidents(database) if one.monitor_id == of.monitor_id
        ]
        form = IncidentForm(state="acknowledged", incident_id=ids[ttl_s])
        await handle_incident(database, project_id, form, "Maya")
    async with database.session() as session:
        ago_us = time.time_ns() // 1000 - 61 * SECOND
        await session.execute(update(Incident).values(acknowledged_us=ago_us))

    # Several processes may look at once.
    counts = await asyncio.gather(*(trigger_again(database) for _ in range(2)))

    states = {one.id: one.state for one in await incidents(database)}
    assert sum(counts) == 1
    assert {ttl_s: states[one] for ttl_s, one in ids.items()} == {
        0: "acknowledged",
        60: "triggered",
        3600: "acknowledged",
    }
    _, events = await get_incident(database, project_id, ids[60])
    assert [one.kind for one in events] == ["triggered", "acknowledged", "triggered"]
    assert events[-1].notes == "It was acknowledged 60 s ago and is still open"


async def test_windows_are_counted_out_beside_the_event_loop(
    database: Database, vault: Vault, project_id: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = {"cron": "15 * * * *", "duration_seconds": 60}
    of = await made(database, vault, project_id, maintenance_windows=[window])
    threads = []

    def counted(*of: Any) -> Any:
        threads.append(threading.current_thread())
        return stretches_of_window(*of)

    monkeypatch.setattr("controlplane.uptime.overlays.stretches_of_window", counted)
    now_us = time.time_ns() // 1000
    await read_course(database, of, Stretch(now_us - 90 * DAY_US, now_us))

    assert threads
    assert threading.main_thread() not in threads


async def test_a_voided_time_is_that_of_its_monitor_alone(
    database: Database, vault: Vault, project_id: ProjectId
) -> None:
    of, other = [await made(database, vault, project_id) for _ in range(2)]
    now_us = time.time_ns() // 1000
    whole, when = Stretch(now_us - DAY_US, now_us), Stretch(now_us - 600 * SECOND, now_us - SECOND)

    voided = await add_exclusion(
        database, (project_id, of.monitor_id), when, reason="wrong", author="Maya"
    )

    assert (await read_course(database, of, whole)).overlays.excluded == (when,)
    assert (await read_course(database, other, whole)).overlays.excluded == ()
    theirs = await new_project(database, vault)
    with pytest.raises(NotFound):
        await remove_exclusion(database, (theirs, of.monitor_id), voided.exclusion_id)
    with pytest.raises(NotFound):
        await remove_exclusion(database, (project_id, other.monitor_id), voided.exclusion_id)
    await remove_exclusion(database, (project_id, of.monitor_id), voided.exclusion_id)
    assert (await read_course(database, of, whole)).overlays.excluded == ()
