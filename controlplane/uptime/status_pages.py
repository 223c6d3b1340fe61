"""Public status pages of a project: made, listed, changed, removed, and their logos."""

import hashlib
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from controlplane.uptime.ids import new_id
from controlplane.uptime.models import Monitor
from controlplane.uptime.page_models import StatusPageRow
from schemas.projects import ProjectId
from schemas.uptime.status_pages import (
    MAX_LOGO_BYTES,
    PageConfig,
    PageGroup,
    PageMonitor,
    StatusPage,
    logo_of,
)
from schemas.zones import UnknownZone, check_zone

MAX_PAGES = 20
MAX_MONITORS = 100
"""On one page, in all of its groups."""
TAKEN = "slug: another page has this address; choose another one"
read_page_config = msgspec.json.Decoder(PageConfig).decode


async def add_page(database: Database, project_id: ProjectId, fields: dict[str, Any]) -> StatusPage:
    """Makes a page. Raises `BadRequest`, `Conflict`, `NotFound`."""
    wanted = _read(fields)
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = StatusPageRow.project_id == project.id
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_PAGES:
            raise Conflict(f"A project has at most {MAX_PAGES} status pages: remove one first")
        config = await _named(session, project_id, wanted, PageConfig(title="-", slug="-"))
        await _refuse_taken(session, config.slug, "")
        row = StatusPageRow(
            id=new_id("pag"),
            project_id=project.id,
            slug=config.slug,
            published=config.published,
            config=msgspec.json.encode(config).decode(),
            logo_mark="",
            created_us=now_us,
            updated_us=now_us,
            told_us=now_us,
        )
        session.add(row)
        await _flushed(session)
        return _page(row)


async def list_pages(database: Database, project_id: ProjectId) -> list[StatusPage]:
    """Returns the pages of a live project, the oldest first; raises `NotFound`."""
    of = StatusPageRow
    query = select(of).where(of.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = await session.scalars(query.order_by(of.created_us, of.id).limit(MAX_PAGES))
        return [_page(row) for row in rows]


async def get_page(database: Database, project_id: ProjectId, page_id: str) -> StatusPage:
    """Returns a page of a live project; raises `NotFound`."""
    async with database.reading() as session:
        return _page(await _find(session, project_id, page_id))


async def change_page(
    database: Database, of: tuple[ProjectId, str], fields: dict[str, Any]
) -> StatusPage:
    """Changes the fields that are given. Raises `BadRequest`, `Conflict`, `NotFound`."""
    async with database.session() as session:
        row = await _find(session, *of, is_locked=True)
        before = read_page_config(row.config)
        wanted = _read({**msgspec.to_builtins(before), **fields})
        config = await _named(session, of[0], wanted, before)
        await _refuse_taken(session, config.slug, row.id)
        row.slug, row.published = config.slug, config.published
        row.config = msgspec.json.encode(config).decode()
        row.updated_us = time.time_ns() // 1000
        await _flushed(session)
        return _page(row)


async def set_logo(database: Database, of: tuple[ProjectId, str], content: bytes) -> StatusPage:
    """Gives a page a logo, or takes it away where `content` is empty.

    Raises `BadRequest` for what is no small PNG, JPEG or WebP, and `NotFound`.
    """
    if len(content) > MAX_LOGO_BYTES:
        raise BadRequest(f"logo: expected at most {MAX_LOGO_BYTES // 1024} KiB")
    if content and logo_of(content) is None:
        raise BadRequest("logo: expected a picture of PNG, JPEG or WebP")
    async with database.session() as session:
        row = await _find(session, *of, is_locked=True)
        row.logo = content or None
        row.logo_mark = hashlib.sha256(content).hexdigest()[:16] if content else ""
        row.updated_us = time.time_ns() // 1000
        await session.flush()
        return _page(row)


async def remove_page(database: Database, project_id: ProjectId, page_id: str) -> None:
    """Removes a page with those who follow it. Raises `NotFound`."""
    async with database.session() as session:
        await session.delete(await _find(session, project_id, page_id, is_locked=True))


async def _find(
    session: AsyncSession, project_id: ProjectId, page_id: str, *, is_locked: bool = False
) -> StatusPageRow:
    project = await live_project(session, project_id)
    of = StatusPageRow
    query = select(of).where(of.id == page_id, of.project_id == project.id)
    query = query.with_for_update() if is_locked else query
    row = await session.scalar(query) if "\0" not in page_id else None
    if row is None:
        raise NotFound("Status page not found")
    return row


def _read(fields: dict[str, Any]) -> PageConfig:
    try:
        config = msgspec.convert(fields, PageConfig)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error
    if "\0" in msgspec.json.encode(config).decode().replace("\\u0000", "\0"):
        raise BadRequest("A text holds the character NUL")
    if config.home_url and not _is_link(config.home_url):
        raise BadRequest("home_url: expected such as https://example.com")
    try:
        check_zone(config.time_zone)
    except UnknownZone as error:
        raise BadRequest(f"time_zone: {error}") from error
    ids = [one.monitor_id for group in config.groups for one in group.monitors]
    if len(ids) > MAX_MONITORS:
        raise BadRequest(f"groups: expected at most {MAX_MONITORS} monitors")
    if len(set(ids)) < len(ids):
        raise BadRequest("groups: a monitor stands there twice")
    return config


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


async def _named(
    session: AsyncSession, project_id: ProjectId, wanted: PageConfig, before: PageConfig
) -> PageConfig:
    """Gives each monitor its public name and id. Raises `BadRequest` for those of others."""
    ids = {one.monitor_id for group in wanted.groups for one in group.monitors}
    query = select(Monitor.id, Monitor.name).where(
        Monitor.project_id == as_uuid(project_id), Monitor.id.in_(ids)
    )
    names: dict[str, str] = {row[0]: row[1] for row in (await session.execute(query)).all()}
    known = {one.monitor_id: one for group in before.groups for one in group.monitors}
    groups = []
    for group in wanted.groups:
        # One that was removed meanwhile leaves the page with its next change.
        kept = [one for one in group.monitors if one.monitor_id in names or one.monitor_id in known]
        if strange := [one.monitor_id for one in group.monitors if one not in kept]:
            raise BadRequest(f"groups: there is no monitor {strange[0]!r} in this project")
        monitors = [
            PageMonitor(
                monitor_id=one.monitor_id,
                name=one.name.strip() or names[one.monitor_id][:100],
                component_id=known[one.monitor_id].component_id
                if one.monitor_id in known
                else new_id("cmp"),
            )
            for one in kept
            if one.monitor_id in names
        ]
        groups.append(PageGroup(name=group.name.strip(), monitors=monitors))
    return msgspec.structs.replace(wanted, groups=groups)


async def _refuse_taken(session: AsyncSession, slug: str, own_id: str) -> None:
    query = select(StatusPageRow.id).where(StatusPageRow.slug == slug, StatusPageRow.id != own_id)
    if await session.scalar(query) is not None:
        raise Conflict(TAKEN)


async def _flushed(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        # Somebody else took the address since it was looked for.
        raise Conflict(TAKEN) from error


def _page(row: StatusPageRow) -> StatusPage:
    return StatusPage(
        page_id=row.id,
        project_id=ProjectId(str(row.project_id)),
        config=read_page_config(row.config),
        logo_mark=row.logo_mark,
        created_us=row.created_us,
        updated_us=row.updated_us,
    )
