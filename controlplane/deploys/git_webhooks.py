"""Addresses that git servers tell of pushes: made with a secret that is shown once, removed."""

import secrets
import time
import uuid
from typing import NamedTuple, cast

from msgspec import Struct
from sqlalchemy import func, select, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.apps import config_of
from controlplane.deploys.audit import Actor, note
from controlplane.deploys.rows import Reach
from controlplane.deploys.secrets import open_webhook_secret, seal_webhook_secret
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import locked_project
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.states import Provider
from schemas.projects import ProjectId

MAX_WEBHOOKS = 20
SECRET_BYTES = 32


class GitWebhook(Struct, frozen=True):
    """An address that a git server tells of pushes, without its secret."""

    id: str
    project_id: ProjectId
    provider: Provider
    branch: str
    created_us: int
    received_us: int | None


class Receiving(NamedTuple):
    """A webhook as its receiver needs it."""

    webhook: GitWebhook
    secret: str
    app_branch: str
    wants_previews: bool
    owner_id: str | None
    """Who made the app."""


async def add_git_webhook(
    database: Database, vault: Vault, actor: Actor, project_id: ProjectId, new: tuple[Provider, str]
) -> tuple[GitWebhook, str]:
    """Makes a webhook; returns it with its secret, which nobody is told again.

    Raises `BadRequest`, `Conflict` where there are too many, `NotFound`.
    """
    provider, branch = new
    if "\0" in branch:
        raise BadRequest("branch: expected a text without NUL")
    secret, webhook_id = secrets.token_urlsafe(SECRET_BYTES), uuid.uuid4()
    async with database.session() as session:
        project = await locked_project(session, project_id)
        counted = select(func.count()).where(models.GitWebhook.project_id == project.id)
        if (await session.scalar(counted) or 0) >= MAX_WEBHOOKS:
            raise Conflict(f"A project has at most {MAX_WEBHOOKS} webhooks: remove one first")
        row = models.GitWebhook(
            id=webhook_id,
            project_id=project.id,
            provider=provider,
            branch=branch,
            sealed_secret=seal_webhook_secret(vault, webhook_id, secret),
            created_us=time.time_ns() // 1000,
            received_us=None,
        )
        session.add(row)
        note(session, actor, ("create", "webhook", str(webhook_id)), project_id=project_id)
    return _webhook(row), secret


async def list_git_webhooks(database: Database, reach: Reach) -> list[GitWebhook]:
    """Returns the webhooks of projects within a reach, the oldest first."""
    of = models.GitWebhook
    query = select(of).where(reach.covers(of.project_id)).order_by(of.created_us, of.id)
    async with database.reading() as session:
        return [_webhook(row) for row in await session.scalars(query)]


async def remove_git_webhook(database: Database, actor: Actor, webhook_id: str) -> None:
    """Removes a webhook; what is sent there then is rejected. Raises `NotFound`."""
    async with database.session() as session:
        row = await session.get(models.GitWebhook, as_uuid(webhook_id) or uuid.UUID(int=0))
        if row is None:
            raise NotFound("webhook not found")
        await session.delete(row)
        what = ("delete", "webhook", str(row.id))
        note(session, actor, what, project_id=str(row.project_id))


async def find_receiving(database: Database, vault: Vault, webhook_id: str) -> Receiving | None:
    """Returns a webhook of a live project, for who receives; `None` for any other."""
    of = models.GitWebhook
    query = (
        select(of, models.App)
        .join(Project, Project.id == of.project_id)
        .join(models.App, models.App.project_id == of.project_id)
        .where(of.id == as_uuid(webhook_id), Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    row, app = found
    config = config_of(app)
    secret = open_webhook_secret(vault, row.id, row.sealed_secret)
    owner = None if app.user_id is None else str(app.user_id)
    return Receiving(_webhook(row), secret, config.branch, config.previews, owner)


async def note_received(database: Database, webhook_id: str) -> None:
    """Notes that a webhook was used, for its owner to see that it works."""
    of = models.GitWebhook
    now = update(of).where(of.id == as_uuid(webhook_id)).values(received_us=time.time_ns() // 1000)
    async with database.session() as session:
        await session.execute(now)


def _webhook(row: models.GitWebhook) -> GitWebhook:
    return GitWebhook(
        str(row.id),
        ProjectId(str(row.project_id)),
        cast("Provider", row.provider),
        row.branch,
        row.created_us,
        row.received_us,
    )
