"""Deployments as people and programs ask for them, look at them and end them."""

import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.hosts import first_hosts
from controlplane.deploys.rows import (
    Reach,
    deployment_of,
    event_of,
    find_deployment,
    write_event,
)
from controlplane.failures import BadRequest, Conflict
from controlplane.lookups import live_project
from controlplane.rules import as_uuid
from schemas.deploys.apps import AppConfig
from schemas.deploys.deployments import Deployment, DeploymentEvent
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.states import ENDED, DeploymentKind, Origin
from schemas.projects import ProjectId

MAX_MESSAGE_CHARS = 500
NOTHING = (0, "")
"""Port and restarts of what does not serve."""
CANCELLABLE = ("queued", "building")
MOST_PREVIEWS = 100
"""Of a project at a time. Each that runs has a process, a port and releases of its own, and whoever
may push to the repository can ask for one."""


class Who(NamedTuple):
    """Who does something, within which reach."""

    reach: Reach
    author: str
    """In words."""
    origin: Origin


class Asked(Struct, frozen=True, kw_only=True):
    """A deployment that somebody wants."""

    project_id: ProjectId
    user_id: str | None = None
    author: str
    origin: Origin
    kind: DeploymentKind = "deploy"
    environment: str = PRODUCTION
    branch: str = ""
    """Empty for the app's own."""
    commit_sha: str = ""
    """Empty for the newest of the branch."""
    commit_msg: str = ""
    source_id: str | None = None
    release_id: str | None = None
    build_only: bool = False
    delivery_id: str | None = None
    reason: str = ""
    """Why, for its history."""


async def ask_deployment(database: Database, asked: Asked) -> Deployment:
    """Puts a deployment into the queue, in place of those of its environment that wait there.

    The same `delivery_id` is the same deployment. Raises `NotFound`, `BadRequest` where the project
    has no repository, and `Conflict` for one preview more than `MOST_PREVIEWS`.
    """
    if any("\0" in text for text in (asked.branch, asked.commit_sha, asked.commit_msg)):
        raise BadRequest("A text holds the character NUL")
    async with database.session() as session:
        row = await ask_within(session, asked)
    return deployment_of(row)


async def ask_within(session: AsyncSession, asked: Asked) -> models.Deployment:
    """As `ask_deployment`, within what else is done at once."""
    project = await live_project(session, asked.project_id)
    app = await session.get(models.App, project.id, with_for_update=True)
    config = AppConfig() if app is None else msgspec.json.decode(app.config, type=AppConfig)
    if not config.repo_url:
        raise BadRequest("The project has no repository: set its repo_url first")
    known = await _of_delivery(session, project.id, asked.delivery_id)
    if known is not None:
        return known
    if asked.environment != PRODUCTION:
        await _refuse_too_many(session, project.id, asked.environment)
    row = _row(project.id, asked, asked.branch or config.branch)
    session.add(row)
    await write_event(session, row, row.created_us, author=row.author, reason=asked.reason)
    await _supersede_waiting(session, row)
    return row


async def list_deployments(
    database: Database,
    reach: Reach,
    *,
    environment: str | None = None,
    limit: int,
    offset: int = 0,
) -> list[Deployment]:
    """Returns deployments within a reach, the newest first."""
    of = models.Deployment
    query = select(of).where(reach.covers(of.project_id))
    if environment is not None:
        query = query.where(of.environment == environment)
    query = query.order_by(of.created_us.desc(), of.id).limit(limit).offset(offset)
    async with database.reading() as session:
        rows = list(await session.scalars(query))
        serving = await _serving(session, [row.id for row in rows])
        hosts = await first_hosts(session, {row.project_id for row in rows if row.is_default})
    return [
        deployment_of(row, *serving.get(row.id, NOTHING), hosts.get(row.project_id, ""))
        for row in rows
    ]


async def get_deployment(database: Database, reach: Reach, deployment_id: str) -> Deployment:
    """Returns a deployment; raises `NotFound`."""
    async with database.reading() as session:
        row = await find_deployment(session, reach, deployment_id)
        serving = await _serving(session, [row.id])
        hosts = await first_hosts(session, [row.project_id])
    return deployment_of(row, *serving.get(row.id, NOTHING), hosts.get(row.project_id, ""))


async def get_history(
    database: Database, reach: Reach, deployment_id: str
) -> list[DeploymentEvent]:
    """Returns the changes of a deployment, in order; raises `NotFound`."""
    of = models.DeploymentEvent
    async with database.reading() as session:
        row = await find_deployment(session, reach, deployment_id)
        query = select(of).where(of.deployment_id == row.id).order_by(of.number).limit(1000)
        return [event_of(one) for one in await session.scalars(query)]


async def roll_back(database: Database, who: Who, deployment_id: str) -> Deployment:
    """Asks for what an earlier deployment served: its release, or its commit built again.

    Raises `NotFound`, and `Conflict` where it never had a commit.
    """
    return await _again(database, who, deployment_id, "rollback")


async def restart(database: Database, who: Who, deployment_id: str) -> Deployment:
    """Asks for the release of a deployment once more; as `roll_back`."""
    return await _again(database, who, deployment_id, "restart")


async def cancel_deployment(database: Database, who: Who, deployment_id: str) -> Deployment:
    """Ends a deployment that waits, or has its deployer end it; a preview that runs is stopped.

    Raises `NotFound`, and `Conflict` for one that is over, and for production that runs: who meant
    to cancel a build that has just come to serve stops nothing.
    """
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row = await find_deployment(session, who.reach, deployment_id, held=True)
        if row.status == "running" and row.environment != PRODUCTION:
            await _stop(session, row, now_us, author=who.author, reason="stopped")
            return deployment_of(row)
        if row.status not in CANCELLABLE:
            raise Conflict(
                f"The deployment is {row.status}: only a waiting or building one ends, or a preview"
            )
        if row.cancel_us is None:
            row.cancel_us = now_us
            if row.status == "queued":
                row.status, row.finished_us = "cancelled", now_us
            await write_event(session, row, now_us, author=who.author, reason="cancelled")
    return deployment_of(row)


async def promote(database: Database, who: Who, deployment_id: str) -> Deployment:
    """Has the project's address mean a running deployment, whatever its environment.

    Raises `NotFound`, `Conflict`.
    """
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row = await find_deployment(session, who.reach, deployment_id, held=True)
        if row.status != "running":
            raise Conflict("only running deployments can be promoted to default")
        await make_default(session, row)
        row.updated_us = now_us
    return deployment_of(row)


async def remove_deployment(database: Database, who: Who, deployment_id: str) -> None:
    """Forgets a deployment that is over. Raises `NotFound`, and `Conflict` for another."""
    async with database.session() as session:
        row = await find_deployment(session, who.reach, deployment_id, held=True)
        if row.status not in ENDED:
            raise Conflict(f"The deployment is {row.status}: cancel it, or deploy another, first")
        await session.delete(row)


async def end_preview(database: Database, project_id: ProjectId, environment: str) -> None:
    """Ends all deployments of a preview: what waits, what is built, what runs."""
    if environment == PRODUCTION:
        raise BadRequest("production is no preview")
    now_us, reason = time.time_ns() // 1000, "the preview has ended"
    of = models.Deployment
    query = select(of).where(of.project_id == as_uuid(project_id), of.environment == environment)
    async with database.session() as session:
        open_ones = query.where(of.status.not_in(ENDED)).with_for_update()
        for row in list(await session.scalars(open_ones)):
            if row.status == "building":
                row.cancel_us = row.cancel_us or now_us
                await write_event(session, row, now_us, reason=reason)
            elif row.status == "running":
                await _stop(session, row, now_us, reason=reason)
            else:
                row.status, row.finished_us = "cancelled", row.finished_us or now_us
                await write_event(session, row, now_us, reason=reason)


async def _stop(
    session: AsyncSession, row: models.Deployment, now_us: int, *, reason: str, author: str = ""
) -> None:
    """Ends a deployment that runs: its deployer sees that its instance is to be drained."""
    row.status, row.is_default = "stopped", False
    row.finished_us = row.finished_us or now_us
    of = models.AppInstance
    serving = update(of).where(of.deployment_id == row.id, of.state == "serving")
    await session.execute(serving.values(state="draining"))
    await write_event(session, row, now_us, author=author, reason=reason)


async def make_default(session: AsyncSession, row: models.Deployment) -> None:
    """Has the project's address mean a deployment, and no other one of its project."""
    of = models.Deployment
    others = update(of).where(of.project_id == row.project_id, of.is_default, of.id != row.id)
    await session.execute(
        others.values(is_default=False).execution_options(synchronize_session=False)
    )
    row.is_default = True


async def _again(
    database: Database, who: Who, deployment_id: str, kind: DeploymentKind
) -> Deployment:
    async with database.reading() as session:
        row = await find_deployment(session, who.reach, deployment_id)
    return await ask_deployment(database, asked_again(who, row, kind))


def asked_again(who: Who, row: models.Deployment, kind: DeploymentKind) -> Asked:
    """Returns what asks for the release of a deployment once more.

    Raises `Conflict` where it never had a commit.
    """
    if not row.commit_sha:
        raise Conflict(f"The deployment got as far as no commit: there is nothing to {kind}")
    return Asked(
        project_id=ProjectId(str(row.project_id)),
        user_id=who.reach.user_id,
        author=who.author,
        origin=who.origin,
        kind=kind,
        environment=row.environment,
        branch=row.branch,
        commit_sha=row.commit_sha,
        commit_msg=row.commit_msg,
        source_id=str(row.id),
        release_id=None if row.release_id is None else str(row.release_id),
    )


async def _of_delivery(
    session: AsyncSession, project_id: UUID, delivery_id: str | None
) -> models.Deployment | None:
    if delivery_id is None:
        return None
    of = models.Deployment
    query = select(of).where(of.project_id == project_id, of.delivery_id == delivery_id)
    found: models.Deployment | None = await session.scalar(query)
    return found


async def _refuse_too_many(session: AsyncSession, project_id: UUID, environment: str) -> None:
    of = models.Deployment
    others = select(func.count(of.environment.distinct())).where(
        of.project_id == project_id,
        of.status.not_in(ENDED),
        of.environment.not_in((PRODUCTION, environment)),
    )
    if (await session.scalar(others) or 0) >= MOST_PREVIEWS:
        raise Conflict(
            f"A project has at most {MOST_PREVIEWS} previews at a time: one ends with its branch or"
            " its pull request"
        )


async def _supersede_waiting(session: AsyncSession, new: models.Deployment) -> None:
    of = models.Deployment
    query = select(of).where(
        of.project_id == new.project_id,
        of.environment == new.environment,
        of.status == "queued",
        of.build_only == new.build_only,
        of.id != new.id,
    )
    for row in list(await session.scalars(query.with_for_update())):
        row.status, row.superseded_by, row.finished_us = "cancelled", new.id, new.created_us
        await write_event(session, row, new.created_us, reason=f"superseded by {new.id}")


async def _serving(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[int, str]]:
    """Returns the port of what serves each, and how often that was started again, in words."""
    of = models.AppInstance
    query = select(of.deployment_id, of.port, of.reason).where(
        of.deployment_id.in_(ids), of.state == "serving"
    )
    return {row[0]: (row[1], row[2]) for row in await session.execute(query)} if ids else {}


def _row(project_id: UUID, asked: Asked, branch: str) -> models.Deployment:
    now_us = time.time_ns() // 1000
    return models.Deployment(
        id=uuid.uuid4(),
        project_id=project_id,
        user_id=None if asked.user_id is None else as_uuid(asked.user_id),
        author=asked.author,
        origin=asked.origin,
        kind=asked.kind,
        source_id=None if asked.source_id is None else as_uuid(asked.source_id),
        environment=asked.environment,
        branch=branch,
        commit_sha=asked.commit_sha,
        commit_msg=asked.commit_msg[:MAX_MESSAGE_CHARS],
        status="queued",
        phase="",
        build_only=asked.build_only,
        is_default=False,
        release_id=None if asked.release_id is None else as_uuid(asked.release_id),
        error_msg="",
        resolution="",
        superseded_by=None,
        cancel_us=None,
        deployer="",
        lease_until_us=0,
        attempt=0,
        lines=0,
        delivery_id=asked.delivery_id,
        created_us=now_us,
        updated_us=now_us,
        started_us=None,
        finished_us=None,
    )
