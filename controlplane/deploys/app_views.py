"""Projects with their apps, and what became of their newest deployments."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.deploys import models
from controlplane.deploys.hosts import first_hosts
from controlplane.deploys.secrets import open_secrets
from controlplane.models import Membership, Project
from schemas.deploys.apps import AppConfig
from schemas.projects import ProjectId
from schemas.times import EPOCH, MICROSECOND


class AppView(Struct, frozen=True, kw_only=True):
    """A project, how it is deployed, and how that goes."""

    project_id: ProjectId
    name: str
    user_id: str
    """Who made its app, else its first admin."""
    config: AppConfig
    has_git_token: bool
    created_us: int
    updated_us: int
    running_id: str = ""
    """The deployment that its address leads to."""
    driver: str = ""
    """Of what it leads to: where that runs."""
    newest_id: str = ""
    newest_status: str = ""
    commit_sha: str = ""
    """The newest that was deployed, or is to be."""
    commit_msg: str = ""
    commit_us: int | None = None
    host: str = ""
    """The first of its verified domains."""


async def view_apps(
    session: AsyncSession, vault: Vault, which: ColumnElement[bool]
) -> list[AppView]:
    """Returns projects, the newest first."""
    query = (
        select(Project, models.App)
        .outerjoin(models.App, models.App.project_id == Project.id)
        .where(which)
        .order_by(Project.created_at.desc(), Project.id)
    )
    rows = (await session.execute(query)).all()
    ids = [row[0].id for row in rows]
    owners = await _first_admins(session, ids)
    newest = await _newest(session, ids)
    running = await _running(session, ids)
    hosts = await first_hosts(session, ids)
    views = []
    for project, app in rows:
        now = _Now(
            owners.get(project.id),
            newest.get(project.id),
            running.get(project.id),
            hosts.get(project.id, ""),
        )
        views.append(_view(vault, project, app, now))
    return views


class _Now(NamedTuple):
    """What goes with a project besides its app."""

    owner: UUID | None
    newest: models.Deployment | None
    running: tuple[UUID, str] | None
    host: str


def _view(vault: Vault, project: Project, app: models.App | None, now: _Now) -> AppView:
    updated_us = (project.updated_at - EPOCH) // MICROSECOND
    config, owner, has_git_token = AppConfig(), now.owner, False
    if app is not None:
        config = msgspec.json.decode(app.config, type=AppConfig)
        owner, updated_us = app.user_id or owner, max(updated_us, app.updated_us)
        has_git_token = bool(open_secrets(vault, project.id, app.sealed_secrets).git_token)
    newest = now.newest
    return AppView(
        project_id=ProjectId(str(project.id)),
        name=project.name,
        user_id=_text(owner),
        config=config,
        has_git_token=has_git_token,
        created_us=(project.created_at - EPOCH) // MICROSECOND,
        updated_us=updated_us,
        running_id="" if now.running is None else str(now.running[0]),
        driver="" if now.running is None else now.running[1],
        newest_id="" if newest is None else str(newest.id),
        newest_status="" if newest is None else newest.status,
        commit_sha="" if newest is None else newest.commit_sha,
        commit_msg="" if newest is None else newest.commit_msg,
        commit_us=None if newest is None or not newest.commit_sha else newest.created_us,
        host=now.host,
    )


def _text(value: UUID | None) -> str:
    return "" if value is None else str(value)


async def _first_admins(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, UUID]:
    query = (
        select(Membership.project_id, Membership.user_id)
        .where(Membership.project_id.in_(ids), Membership.role == "admin")
        .order_by(Membership.created_at.desc(), Membership.id)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def _newest(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, models.Deployment]:
    of = models.Deployment
    place = func.row_number().over(
        partition_by=of.project_id, order_by=(of.created_us.desc(), of.id)
    )
    placed = select(of.id, place.label("place")).where(of.project_id.in_(ids)).subquery()
    query = select(of).join(placed, placed.c.id == of.id).where(placed.c.place == 1)
    return {row.project_id: row for row in await session.scalars(query)}


async def _running(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Returns the deployment that each address leads to, and the driver of its release."""
    of, release = models.Deployment, models.AppRelease
    query = (
        select(of.project_id, of.id, release.driver)
        .outerjoin(release, release.id == of.release_id)
        .where(of.project_id.in_(ids), of.status == "running", of.is_default)
    )
    return {row[0]: (row[1], row[2] or "") for row in await session.execute(query)}
