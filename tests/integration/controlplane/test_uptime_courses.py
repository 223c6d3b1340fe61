"""How many monitors were, read from the control plane at once."""

from typing import Any
from uuid import uuid4

from sqlalchemy import event

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import insert_project
from controlplane.uptime.courses import read_course, read_courses, read_day_bars
from controlplane.uptime.models import MonitorFlip, MonitorPause
from controlplane.uptime.monitors import add_monitor
from schemas.projects import ProjectId
from schemas.uptime.days import last_days
from schemas.uptime.measures import measure
from schemas.uptime.monitors import Monitor
from schemas.uptime.states import Flip
from schemas.uptime.stretches import Stretch

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WINDOW = {"cron": "0 3 * * *", "duration_seconds": 3600}


async def made(database: Database, vault: Vault, count: int) -> list[Monitor]:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
    fields = {"name": "Shop", "type": "tcp", "host": "shop.example", "port": 443}
    of = ProjectId(str(project.id))
    more: dict[str, Any] = {"maintenance_windows": [WINDOW]}
    return [await add_monitor(database, vault, of, fields | more) for _ in range(count)]


async def flip(database: Database, monitor: Monitor, *moments: tuple[int, str]) -> None:
    before = "unknown"
    async with database.session() as session:
        for at_us, after in moments:
            row = MonitorFlip(
                monitor_id=monitor.monitor_id, region="", at_us=at_us, before=before, after=after
            )
            session.add(row)
            before = after


async def test_days_of_many_monitors_take_two_statements(database: Database, vault: Vault) -> None:
    monitors = await made(database, vault, 12)
    now_us = monitors[0].created_us + 20 * DAY
    for number, monitor in enumerate(monitors):
        down_us = now_us - (number + 1) * DAY
        moments = [(monitor.created_us, "up"), (down_us, "down"), (down_us + HOUR, "up")]
        await flip(database, monitor, *moments)
    days = last_days("UTC", 90, now_us)
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        bars = await read_day_bars(database, monitors, days)
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert len([one for one in statements if one.lstrip().startswith("SELECT")]) == 2
    for monitor in monitors:
        own = bars[monitor.monitor_id]
        assert len(own) == 90
        down_us = sum(bar.measured.down_us for bar in own)
        maintained_us = sum(bar.measured.maintenance_us for bar in own)
        assert 0 < down_us <= HOUR
        assert maintained_us >= 19 * HOUR
        (alone,) = (await read_day_bars(database, [monitor], days)).values()
        assert alone == own


async def test_a_range_of_the_past_is_what_was_known_of_it(
    database: Database, vault: Vault
) -> None:
    monitor, other = await made(database, vault, 2)
    begin = monitor.created_us
    await flip(database, monitor, (begin, "up"), (begin + DAY, "down"), (begin + 3 * DAY, "up"))
    await flip(database, other, (begin + 5 * DAY, "down"))
    async with database.session() as session:
        session.add(
            MonitorPause(
                id=uuid4(), monitor_id=other.monitor_id, from_us=begin, until_us=begin + DAY
            )
        )
    bounds = Stretch(begin + 2 * DAY, begin + 4 * DAY)

    found = await read_courses(database, [monitor, other], bounds, begin + 9 * DAY)

    course = found[monitor.monitor_id]
    assert [(one.at_us, one.after) for one in course.flips] == [
        (begin + DAY, "down"), (begin + 3 * DAY, "up"),
    ]  # fmt: skip
    measured = measure(bounds, begin, course.flips, course.overlays)
    assert (measured.down_us, measured.up_us) == (23 * HOUR, 23 * HOUR)
    assert found[other.monitor_id].flips == []
    assert found[other.monitor_id].overlays.paused == ()


async def test_silence_ends_what_is_known(database: Database, vault: Vault) -> None:
    (monitor,) = await made(database, vault, 1)
    begin = monitor.created_us
    await flip(database, monitor, (begin, "up"))
    silent = Monitor(
        **{name: getattr(monitor, name) for name in monitor.__struct_fields__ if name != "last_us"},
        last_us=begin + HOUR,
    )

    course = await read_course(database, silent, Stretch(begin, begin + DAY))

    since_us = begin + HOUR + 60 * SECOND
    assert course.flips[-1] == Flip(since_us, "up", "unknown")
