"""Apps whose branch is looked at for new commits, where no webhook tells of them."""

import time
from typing import NamedTuple

import msgspec
from sqlalchemy import select

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.secrets import open_secrets
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.routing import PRODUCTION
from schemas.projects import ProjectId, UserId

SECOND_US = 1_000_000
MOST_AT_ONCE = 20


class DueSync(NamedTuple):
    """An app whose branch is to be looked at now."""

    project_id: ProjectId
    owner: UserId | None
    config: AppConfig
    secrets: AppSecrets
    newest_commit: str
    """Of its newest deployment to production, whatever became of that; empty where there is none.
    """


async def take_due_syncs(database: Database, vault: Vault) -> list[DueSync]:
    """Returns what is due, and notes when it is due again: of several who ask, one has it."""
    now_us = time.time_ns() // 1000
    app = models.App
    due = (
        select(app)
        .join(Project, Project.id == app.project_id)
        .where(app.next_sync_us <= now_us, Project.deleted_at.is_(None))
        .order_by(app.next_sync_us)
        .limit(MOST_AT_ONCE)
    )
    async with database.reading() as session:  # A look that finds nothing holds up nobody.
        if await session.scalar(due) is None:
            return []
    found = []
    async with database.session() as session:
        for row in list(await session.scalars(due.with_for_update(skip_locked=True, of=app))):
            config = msgspec.json.decode(row.config, type=AppConfig)
            goes_on = config.auto_sync_enabled
            row.next_sync_us = now_us + config.sync_interval_secs * SECOND_US if goes_on else None
            of = models.Deployment
            newest = (
                select(of.commit_sha)
                .where(of.project_id == row.project_id, of.environment == PRODUCTION)
                .order_by(of.created_us.desc(), of.id)
                .limit(1)
            )
            found.append(
                DueSync(
                    ProjectId(str(row.project_id)),
                    None if row.user_id is None else UserId(str(row.user_id)),
                    config,
                    open_secrets(vault, row.project_id, row.sealed_secrets),
                    await session.scalar(newest) or "",
                )
            )
    return found


async def is_waiting(database: Database, project_id: ProjectId) -> bool:
    """Tells whether a deployment to production waits or is built: its commit may not be known."""
    of = models.Deployment
    query = select(of.id).where(
        of.project_id == as_uuid(project_id),
        of.environment == PRODUCTION,
        of.status.in_(("queued", "building")),
    )
    async with database.reading() as session:
        return await session.scalar(query.limit(1)) is not None
