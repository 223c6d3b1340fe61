"""Going back by a rule: which deployments are looked at, and that each is gone back from once."""

import time
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.deployments import Who, ask_within, asked_again
from controlplane.deploys.rows import Reach, deployment_of, find_deployment, write_event
from controlplane.models import Project
from schemas.deploys.apps import AppConfig
from schemas.deploys.deployments import Deployment
from schemas.deploys.routing import PRODUCTION
from schemas.projects import ProjectId

AUTHOR = "auto-rollback"
MOST = 1000
"""Deployments that are looked at in one round: those that took over last."""
UNDER_WAY = ("queued", "building")


class Watched(Struct, frozen=True):
    """A deployment whose impact decides whether it stays."""

    deployment_id: str
    project_id: ProjectId


async def list_watched(database: Database, since_us: int) -> list[Watched]:
    """Returns what took over production since then, of apps that want the rule.

    What is a rollback, a restart or came by a rule is never gone back from.
    """
    of, event = models.Deployment, models.DeploymentEvent
    query = (
        select(of.id, of.project_id, models.App.config)
        .join(models.App, models.App.project_id == of.project_id)
        .join(Project, Project.id == of.project_id)
        .join(event, event.deployment_id == of.id)
        .where(of.status == "running", of.environment == PRODUCTION, of.kind == "deploy")
        .where(of.origin != "rule", event.status == "running", Project.deleted_at.is_(None))
        .group_by(of.id, of.project_id, models.App.config)
        .having(func.min(event.at_us) >= since_us)
        .order_by(func.min(event.at_us).desc(), of.id)
        .limit(MOST)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        Watched(str(key), ProjectId(str(project_id)))
        for key, project_id, config in rows
        if msgspec.json.decode(config, type=AppConfig).auto_rollback
    ]


async def roll_back_by_rule(database: Database, watched: Watched, reason: str) -> Deployment | None:
    """Asks for what ran before a deployment, and says so in the history of both.

    Returns `None` where nothing is asked for: it does not run any more, the rule has asked already,
    nothing ran before it, or somebody else has a deployment under way. Raises `NotFound`.
    """
    reach = Reach(project_id=watched.project_id)
    async with database.session() as session:
        bad = await find_deployment(session, reach, watched.deployment_id, held=True)
        before = await _replaced_by(session, bad)
        if bad.status != "running" or before is None or not before.commit_sha:
            return None
        if await _is_under_way(session, bad):
            return None
        asked = asked_again(Who(reach, AUTHOR, "rule"), before, "rollback")
        delivery_id = f"{AUTHOR} {bad.id}"
        if await _is_asked(session, bad.project_id, delivery_id):
            return None
        why = f"in place of {bad.id}: {reason}"
        asked = msgspec.structs.replace(asked, delivery_id=delivery_id, reason=why)
        row = await ask_within(session, asked)
        now_us = time.time_ns() // 1000
        told = f"{reason}; back to {before.id} by {row.id}"
        await write_event(session, bad, now_us, author=AUTHOR, reason=told)
    return deployment_of(row)


async def _replaced_by(session: AsyncSession, bad: models.Deployment) -> models.Deployment | None:
    """Returns what ran until a deployment took over."""
    of = models.Deployment
    query = (
        select(of)
        .where(of.project_id == bad.project_id, of.environment == bad.environment)
        .where(of.superseded_by == bad.id, of.status == "stopped")
        .order_by(of.created_us.desc(), of.id)
        .limit(1)
    )
    found: models.Deployment | None = await session.scalar(query)
    return found


async def _is_under_way(session: AsyncSession, bad: models.Deployment) -> bool:
    of = models.Deployment
    query = select(of.id).where(
        of.project_id == bad.project_id,
        of.environment == bad.environment,
        of.status.in_(UNDER_WAY),
    )
    return await session.scalar(query.limit(1)) is not None


async def _is_asked(session: AsyncSession, project_id: UUID, delivery_id: str) -> bool:
    of = models.Deployment
    query = select(of.id).where(of.project_id == project_id, of.delivery_id == delivery_id)
    return await session.scalar(query.limit(1)) is not None
