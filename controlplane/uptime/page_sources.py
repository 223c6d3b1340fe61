"""What a public status page is made of, read at once; and which pages are published.

Who reads a page asks for none of this: it is read at most every few seconds, however many ask.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, cast

from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.models import Project
from controlplane.uptime.models import Incident, IncidentEvent, Monitor, MonitorFlip, MonitorState
from controlplane.uptime.monitors import read_policies
from controlplane.uptime.overlays import read_overlays_of
from controlplane.uptime.page_models import StatusPageRow
from controlplane.uptime.status_pages import read_page_config
from schemas.projects import ProjectId
from schemas.uptime.measures import Overlays
from schemas.uptime.states import OF_MONITOR, Flip, State
from schemas.uptime.status_pages import Logo, PageConfig, logo_of
from schemas.uptime.stretches import Stretch

MOST_PAGES = 10_000
MOST_FLIPS = 100_000
"""Of all monitors of a page; what was before the newest of them is shown as unknown."""
MOST_INCIDENTS = 300
MOST_UPDATES = 1000


class Published(NamedTuple):
    """Which page stands under an address."""

    page_id: str
    mark: int
    """Another one when the page is configured otherwise."""


class SourceMonitor(Struct, frozen=True, kw_only=True):
    """What is known of a monitor of the page."""

    monitor_id: str
    is_paused: bool
    state: State
    last_us: int | None
    silence_us: int
    interval_us: int
    created_us: int
    flips: Sequence[Flip]
    """In order, with the one before the range."""
    overlays: Overlays


class SourceUpdate(NamedTuple):
    """A line of a timeline that is public."""

    at_us: int
    kind: str
    text: str


class SourceIncident(Struct, frozen=True, kw_only=True):
    """An incident of a monitor of the page, or one that has public lines."""

    incident_id: str
    monitor_id: str | None
    is_automatic: bool
    state: str
    started_us: int
    resolved_us: int | None
    updates: Sequence[SourceUpdate]


class PageSource(Struct, frozen=True, kw_only=True):
    """All of it."""

    page_id: str
    project_id: ProjectId
    config: PageConfig
    logo_mark: str
    monitors: Mapping[str, SourceMonitor]
    incidents: Sequence[SourceIncident]
    """The newest first."""


async def list_published(database: Database) -> dict[str, Published]:
    """Returns the published pages of live projects by their addresses."""
    of = StatusPageRow
    query = select(of.slug, of.id, of.updated_us).join(Project, Project.id == of.project_id)
    query = query.where(of.published.is_(True), Project.deleted_at.is_(None))
    async with database.reading() as session:
        rows = await session.execute(query.order_by(of.created_us, of.id).limit(MOST_PAGES))
        return {slug: Published(page_id, mark) for slug, page_id, mark in rows.all()}


async def read_logo(database: Database, page_id: str) -> Logo | None:
    """Returns the logo of a page."""
    query = select(StatusPageRow.logo).where(StatusPageRow.id == page_id)
    async with database.reading() as session:
        content = await session.scalar(query)
    return None if content is None else logo_of(content)


async def read_source(
    database: Database, page_id: str, bounds: Stretch, *, incidents_since_us: int, until_us: int
) -> PageSource | None:
    """Returns what a page is made of; `None` where it is not published any more.

    `bounds` are those of its days; maintenance is read until `until_us`.
    """
    of = StatusPageRow
    query = select(of).join(Project, Project.id == of.project_id)
    query = query.where(of.id == page_id, of.published.is_(True), Project.deleted_at.is_(None))
    async with database.reading() as session:
        row = await session.scalar(query)
        if row is None:
            return None
        config = read_page_config(row.config)
        ids = [one.monitor_id for group in config.groups for one in group.monitors]
        monitors = await _monitors(session, row, ids, bounds, until_us)
        return PageSource(
            page_id=row.id,
            project_id=ProjectId(str(row.project_id)),
            config=config,
            logo_mark=row.logo_mark,
            monitors=monitors,
            incidents=await _incidents(session, row, monitors, incidents_since_us),
        )


async def _monitors(
    session: AsyncSession,
    page: StatusPageRow,
    ids: Collection[str],
    bounds: Stretch,
    until_us: int,
) -> dict[str, SourceMonitor]:
    query = (
        select(Monitor, MonitorState)
        .join(MonitorState, MonitorState.monitor_id == Monitor.id)
        # Of the page's own project, whatever its configuration says.
        .where(Monitor.project_id == page.project_id, Monitor.id.in_(ids))
    )
    rows = (await session.execute(query)).all()
    found = [row[0].id for row in rows]
    flips, known_us = await _flips(session, found, bounds.start_us)
    overlays = await read_overlays_of(session, found, Stretch(bounds.start_us, until_us))
    monitors = {}
    for monitor, state in ((row[0], row[1]) for row in rows):
        policy = read_policies(monitor.policies)[-1]
        monitors[monitor.id] = SourceMonitor(
            monitor_id=monitor.id,
            is_paused=monitor.paused,
            state=cast("State", state.state),
            last_us=state.last_us,
            silence_us=policy.silence_us,
            interval_us=policy.interval_us,
            created_us=max(monitor.created_us, known_us),
            flips=flips[monitor.id],
            overlays=overlays[monitor.id],
        )
    return monitors


async def _flips(
    session: AsyncSession, ids: Collection[str], from_us: int
) -> tuple[dict[str, list[Flip]], int]:
    """Returns flips since a moment, each monitor's with the one before; and since when they are
    all of them."""
    of = MonitorFlip
    mine = of.monitor_id.in_(ids) & (of.region == OF_MONITOR)
    newest = select(of).where(mine, of.at_us >= from_us).order_by(of.at_us.desc())
    rows = list(await session.scalars(newest.limit(MOST_FLIPS)))
    known_us = rows[-1].at_us if len(rows) == MOST_FLIPS else 0
    before = select(of.monitor_id, func.max(of.at_us).label("at_us"))
    last = before.where(mine, of.at_us < from_us).group_by(of.monitor_id).subquery()
    joined = (of.monitor_id == last.c.monitor_id) & (of.at_us == last.c.at_us)
    rows += await session.scalars(select(of).join(last, joined).where(of.region == OF_MONITOR))
    found: dict[str, list[Flip]] = defaultdict(list)
    for row in reversed(rows):
        found[row.monitor_id].append(
            Flip(row.at_us, cast("State", row.before), cast("State", row.after))
        )
    return found, known_us


async def _incidents(
    session: AsyncSession, page: StatusPageRow, ids: Collection[str], since_us: int
) -> list[SourceIncident]:
    of = Incident
    told = select(IncidentEvent.incident_id).where(
        IncidentEvent.incident_id == of.id, IncidentEvent.public_note != ""
    )
    query = (
        select(of)
        .where(of.project_id == page.project_id)
        .where(or_(of.monitor_id.in_(ids), of.monitor_id.is_(None) & told.exists()))
        # Of one that never was, nothing is told.
        .where(or_(of.resolution.is_(None), of.resolution != "withdrawn"))
        .where(or_(of.started_us >= since_us, of.resolved_us.is_(None)))
        .order_by(of.started_us.desc(), of.id)
        .limit(MOST_INCIDENTS)
    )
    rows = list(await session.scalars(query))
    updates = await _updates(session, [row.id for row in rows])
    return [
        SourceIncident(
            incident_id=row.id,
            monitor_id=row.monitor_id,
            is_automatic=row.origin == "auto",
            state=row.state,
            started_us=row.started_us,
            resolved_us=row.resolved_us,
            updates=updates[row.id],
        )
        for row in rows
    ]


async def _updates(session: AsyncSession, ids: Collection[str]) -> dict[str, list[SourceUpdate]]:
    line = IncidentEvent
    query = (
        select(line.incident_id, line.at_us, line.kind, line.public_note)
        .where(line.incident_id.in_(ids), line.public_note != "")
        .order_by(line.at_us.desc(), line.number.desc())
        .limit(MOST_UPDATES)
    )
    found: dict[str, list[SourceUpdate]] = defaultdict(list)
    for incident_id, at_us, kind, text in (await session.execute(query)).all():
        found[incident_id].append(SourceUpdate(at_us, kind, text))
    return found
