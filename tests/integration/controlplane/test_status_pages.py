"""Public status pages on both databases: read seldom, told once, followers sealed and erased."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.uptime.public.boards import Responses
from api.uptime.public.kept import FRESH_S, PublicPages
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Unavailable
from controlplane.outbox_models import AlertOutbox
from controlplane.projects import insert_project
from controlplane.uptime import page_news
from controlplane.uptime.backdating import backdate_monitor
from controlplane.uptime.incidents import IncidentForm, handle_incident
from controlplane.uptime.models import IncidentEvent
from controlplane.uptime.monitors import add_monitor, change_monitor
from controlplane.uptime.page_messages import PageAt
from controlplane.uptime.page_models import StatusSubscriber
from controlplane.uptime.page_news import tell_news
from controlplane.uptime.page_sources import PageSource
from controlplane.uptime.status_pages import add_page, change_page
from controlplane.uptime.subscribers import (
    ask_by_email,
    confirm,
    forget_follower,
    forget_unconfirmed,
)
from processors.uptime.following import note_checks
from schemas.projects import ProjectId
from schemas.times import from_us
from schemas.uptime.states import Seen

BASE = "https://status.example.com"
STEP = 60_000_000


class Made:
    """A project with a monitor, and a published page of it."""

    def __init__(self, project_id: ProjectId, monitor_id: str, page_id: str) -> None:
        self.project_id = project_id
        self.monitor_id = monitor_id
        self.page_id = page_id


@pytest.fixture
async def made(database: Database, vault: Vault) -> Made:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        project_id = ProjectId(str(project.id))
    fields = {"name": "inside", "type": "http", "url": "https://x.example"}
    monitor = await add_monitor(database, vault, project_id, fields)
    shown = {"monitor_id": monitor.monitor_id, "name": "Shop"}
    page = {"title": "Acme", "slug": "acme", "groups": [{"monitors": [shown]}], "published": True}
    made = await add_page(database, project_id, page)
    return Made(project_id, monitor.monitor_id, made.page_id)


async def no_responses(source: PageSource, now_us: int) -> Responses:
    return {}


class Counting:
    """A database that counts who reads it, and may be away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0
        self.is_away = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        self.reads += 1
        if self.is_away:
            raise Unavailable("away", retry_after_s=1)
        async with self._database.reading() as session:
            yield session


def pages_of(database: Database) -> tuple[PublicPages, Counting]:
    counting = Counting(database)
    stand_in: Any = counting
    return PublicPages(stand_in), counting


async def test_however_many_ask_a_page_is_read_once_and_unknown_addresses_cost_nothing(
    database: Database, made: Made
) -> None:
    pages, counting = pages_of(database)

    found = await asyncio.gather(*(pages.find("acme", no_responses) for _ in range(200)))
    unknown = await asyncio.gather(*(pages.find(f"no-{n}", no_responses) for n in range(200)))

    assert len({id(one) for one in found}) == 1
    assert set(unknown) == {None}
    assert counting.reads == 2, "which pages there are, and the page"


async def test_while_the_control_plane_is_away_the_last_page_is_shown_with_its_time(
    database: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, counting = pages_of(database)
    before = await pages.find("acme", no_responses)
    assert before is not None
    counting.is_away = True
    before.made_s -= 10 * FRESH_S
    monkeypatch.setattr("api.uptime.public.kept.DIRECTORY_S", 0)

    after = [await pages.find("acme", no_responses) for _ in range(20)]

    assert {id(one) for one in after} == {id(before)}
    fresh, _ = pages_of(database)
    monkeypatch.setattr(fresh, "_database", counting)
    with pytest.raises(Unavailable):
        await fresh.find("acme", no_responses)


async def test_a_page_has_the_flips_and_incidents_of_its_monitors_in_order(
    database: Database, made: Made
) -> None:
    pages, _ = pages_of(database)
    now_us = time.time_ns() // 1000
    begin = now_us - 10 * STEP
    await backdate_monitor(database, made.monitor_id, begin - STEP)
    outcomes = ("ok", "ok", "fail", "fail", "ok", "ok")
    seen = [Seen(begin + n * STEP, 0, one) for n, one in enumerate(outcomes)]  # type: ignore[arg-type]
    await note_checks(database, made.project_id, {made.monitor_id: {"default": seen}})

    kept = await pages.find("acme", no_responses)

    assert kept is not None
    (component,) = kept.board.components
    assert sum(day.down_s for day in component.days) == 120
    (incident,) = kept.board.incidents
    assert (incident.title, incident.state) == ("Shop is down", "Resolved")
    assert "inside" not in repr(kept.board)


async def follow(database: Database, vault: Vault, made: Made, email: str, now_us: int) -> None:
    at = PageAt("Acme", f"{BASE}/status/acme")
    await ask_by_email(database, vault, (made.page_id, at), email, now_us)
    async with database.session() as session:
        query = select(StatusSubscriber.id).where(StatusSubscriber.is_confirmed.is_(False))
        (waiting,) = await session.scalars(query)
    await confirm(database, made.page_id, waiting, now_us)


async def messages(database: Database) -> list[AlertOutbox]:
    async with database.reading() as session:
        query = select(AlertOutbox).where(AlertOutbox.dedupe_key.not_like("%/confirm/%"))
        return list(await session.scalars(query.order_by(AlertOutbox.next_attempt_us)))


async def test_each_follower_is_told_once_whoever_looks_and_however_often(
    database: Database, vault: Vault, made: Made
) -> None:
    now_us = time.time_ns() // 1000
    for name in ("ann", "bob"):
        await follow(database, vault, made, f"{name}@example.com", now_us - 1000)
    form = IncidentForm(state="triggered", monitor_id=made.monitor_id, notes="hush", title="inside")
    await handle_incident(database, made.project_id, form, "who")
    later_us = time.time_ns() // 1000 + 1

    await asyncio.gather(*(tell_news(database, vault, BASE, later_us) for _ in range(3)))
    await tell_news(database, vault, BASE, later_us + 30_000_000)

    sent = await messages(database)
    assert len(sent) == 2
    assert len({one.dedupe_key for one in sent}) == 2
    assert sent[1].next_attempt_us - sent[0].next_attempt_us == 500_000
    for one in sent:
        assert "Incident: Shop" in one.payload
        assert not any(word in one.payload for word in ("hush", "inside", "who", 'example.com"]'))


async def test_an_address_for_which_many_ask_at_once_is_asked_once(
    database: Database, vault: Vault, made: Made
) -> None:
    page = (made.page_id, PageAt("Acme", BASE))
    asked = (ask_by_email(database, vault, page, "ann@example.com", 1_000_000) for _ in range(4))

    await asyncio.gather(*asked)

    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(AlertOutbox)) == 1


async def test_of_very_much_news_none_is_left_out(
    database: Database, vault: Vault, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_news, "MOST_LINES", 2)
    await follow(database, vault, made, "ann@example.com", time.time_ns() // 1000 - 1000)
    form = IncidentForm(state="triggered", monitor_id=made.monitor_id, public_note="note 0")
    made_of = await handle_incident(database, made.project_id, form, "who")
    for number in range(1, 5):
        form = IncidentForm(
            state="acknowledged",
            incident_id=made_of.incident.incident_id,
            public_note=f"note {number}",
        )
        await handle_incident(database, made.project_id, form, "who")
    later_us = time.time_ns() // 1000 + 1
    async with database.session() as session:
        # More of one moment than is told at once.
        of = IncidentEvent.number.in_((2, 3, 4))
        await session.execute(update(IncidentEvent).where(of).values(noted_us=later_us - 1))

    for seconds in range(0, 30, 5):
        await tell_news(database, vault, BASE, later_us + seconds * 1_000_000)

    texts = [one.payload for one in await messages(database)]
    assert len(texts) == 5
    assert all(any(f"note {number}" in text for text in texts) for number in range(5))


async def test_maintenance_is_told_a_day_before_and_once(
    database: Database, vault: Vault, made: Made
) -> None:
    now_us = time.time_ns() // 1000
    await follow(database, vault, made, "ann@example.com", now_us - 1000)
    starts, ends = (from_us(now_us + n * 3_600_000_000).isoformat() for n in (5, 6))
    window = {"maintenance_windows": [{"starts_at": starts, "ends_at": ends}]}
    await change_monitor(database, vault, (made.project_id, made.monitor_id), window)

    for seconds in (1, 6, 3600):
        await tell_news(database, vault, BASE, now_us + seconds * 1_000_000)

    (sent,) = await messages(database)
    assert "Maintenance: Shop" in sent.payload


async def test_of_very_many_windows_the_next_ones_are_told(
    database: Database, vault: Vault, made: Made
) -> None:
    now_us = time.time_ns() // 1000
    await follow(database, vault, made, "ann@example.com", now_us - 1000)
    windows = [{"cron": f"{minute} * * * *", "duration_seconds": 60} for minute in range(0, 60, 10)]
    of = (made.project_id, made.monitor_id)
    await change_monitor(database, vault, of, {"maintenance_windows": windows})

    for seconds in range(1, 4):
        await tell_news(database, vault, BASE, now_us + seconds * 1000)

    assert len(await messages(database)) == page_news.MOST_ANNOUNCED


async def test_a_page_that_is_not_published_tells_nobody(
    database: Database, vault: Vault, made: Made
) -> None:
    now_us = time.time_ns() // 1000
    await follow(database, vault, made, "ann@example.com", now_us - 1000)
    await change_page(database, (made.project_id, made.page_id), {"published": False})
    form = IncidentForm(state="triggered", monitor_id=made.monitor_id)
    await handle_incident(database, made.project_id, form, "who")

    await tell_news(database, vault, BASE, time.time_ns() // 1000 + 1)

    assert await messages(database) == []


async def test_who_does_not_confirm_in_two_days_is_forgotten_with_the_message_that_asked(
    database: Database, vault: Vault, made: Made
) -> None:
    now_us, day_us = time.time_ns() // 1000, 86_400_000_000
    at = PageAt("Acme", f"{BASE}/status/acme")
    await ask_by_email(database, vault, (made.page_id, at), "ann@example.com", now_us)
    async with database.reading() as session:
        (waiting,) = await session.scalars(select(StatusSubscriber.id))
    await confirm(database, made.page_id, waiting, now_us + 2 * day_us)

    await forget_unconfirmed(database, now_us + 2 * day_us - 1)
    assert await count(database) == (1, 1)
    await forget_unconfirmed(database, now_us + 2 * day_us)

    assert await count(database) == (0, 0)


async def count(database: Database) -> tuple[int, int]:
    """Returns how many followers and messages there are."""
    async with database.reading() as session:
        followers, sent = [
            await session.scalar(select(func.count()).select_from(table)) or 0
            for table in (StatusSubscriber, AlertOutbox)
        ]
    return followers, sent


async def test_an_address_is_in_no_table_as_a_text_and_goes_with_its_messages_when_it_is_erased(
    database: Database, vault: Vault, made: Made
) -> None:
    now_us = time.time_ns() // 1000
    await follow(database, vault, made, "ann@example.com", now_us - 1000)
    async with database.reading() as session:
        (row,) = await session.scalars(select(StatusSubscriber))
        (sent,) = await session.scalars(select(AlertOutbox))
    stored = (row.sealed_target, row.target_hash.encode(), sent.sealed_target or b"")
    assert not any(b"ann" in one for one in (*stored, sent.payload.encode(), sent.target.encode()))

    other = ProjectId("00000000-0000-4000-8000-000000000000")
    assert await forget_follower(database, vault, other, "ann@example.com") == 0
    assert await forget_follower(database, vault, made.project_id, " Ann@example.com") == 1

    assert await count(database) == (0, 0)
