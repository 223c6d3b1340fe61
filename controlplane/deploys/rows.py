"""Deployments as rows of the control plane have them, and which of them one may see."""

from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from controlplane.deploys import models
from controlplane.failures import NotFound
from controlplane.models import Membership, Project
from controlplane.rules import as_uuid
from schemas.deploys.deployments import Deployment, DeploymentEvent, Instance, Release
from schemas.deploys.states import DeploymentKind, InstanceState, Origin, Phase, Status
from schemas.projects import ProjectId, UserId


class Reach(NamedTuple):
    """Whose deployments are meant: those of a person's projects, or of one project."""

    user_id: UserId | None = None
    project_id: ProjectId | None = None

    def covers(self, project_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
        """Returns the condition that a row is within it; no deleted project is."""
        of = select(Project.id).where(Project.deleted_at.is_(None))
        if self.user_id is not None:
            mine = Membership.user_id == as_uuid(self.user_id)
            of = of.join(Membership, Membership.project_id == Project.id).where(mine)
        if self.project_id is not None or self.user_id is None:
            of = of.where(Project.id == as_uuid(self.project_id or ""))
        return project_id.in_(of)


async def find_deployment(
    session: AsyncSession, reach: Reach, deployment_id: str, *, held: bool = False
) -> models.Deployment:
    """Finds a deployment, held until the transaction ends if wanted; raises `NotFound`."""
    of = models.Deployment
    query = select(of).where(of.id == as_uuid(deployment_id), reach.covers(of.project_id))
    row = await session.scalar(query.with_for_update() if held else query)
    if row is None:
        raise NotFound("deployment not found")
    return row


async def write_event(
    session: AsyncSession,
    row: models.Deployment,
    now_us: int,
    *,
    author: str = "",
    reason: str = "",
) -> None:
    """Notes the status and the phase that a row has now; call it after each change of them."""
    of = models.DeploymentEvent
    last = select(of.number).where(of.deployment_id == row.id).order_by(of.number.desc()).limit(1)
    row.updated_us = now_us
    await session.flush()
    session.add(
        models.DeploymentEvent(
            deployment_id=row.id,
            number=(await session.scalar(last) or 0) + 1,
            at_us=now_us,
            status=row.status,
            phase=row.phase,
            author=author,
            reason=reason,
        )
    )
    await session.flush()


def deployment_of(
    row: models.Deployment, port: int = 0, restarts: str = "", host: str = ""
) -> Deployment:
    """Returns a deployment as others see it."""
    return Deployment(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        user_id=None if row.user_id is None else UserId(str(row.user_id)),
        author=row.author,
        origin=cast("Origin", row.origin),
        kind=cast("DeploymentKind", row.kind),
        source_id=_text(row.source_id),
        environment=row.environment,
        branch=row.branch,
        commit_sha=row.commit_sha,
        commit_msg=row.commit_msg,
        status=cast("Status", row.status),
        phase=cast("Phase", row.phase),
        build_only=row.build_only,
        is_default=row.is_default,
        release_id=_text(row.release_id),
        error_msg=row.error_msg,
        resolution=row.resolution,
        superseded_by=_text(row.superseded_by),
        cancel_us=row.cancel_us,
        deployer=row.deployer,
        attempt=row.attempt,
        created_us=row.created_us,
        updated_us=row.updated_us,
        started_us=row.started_us,
        finished_us=row.finished_us,
        port=port,
        restarts=restarts,
        host=host if row.is_default and row.status == "running" else "",
    )


def event_of(row: models.DeploymentEvent) -> DeploymentEvent:
    """Returns a change as others see it."""
    status, phase = cast("Status", row.status), cast("Phase", row.phase)
    return DeploymentEvent(row.number, row.at_us, status, phase, row.author, row.reason)


def release_of(row: models.AppRelease) -> Release:
    """Returns a release as others see it."""
    return Release(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        deployment_id=str(row.deployment_id),
        environment=row.environment,
        deployer=row.deployer,
        driver=row.driver,
        place=row.place,
        start_command=row.start_command,
        commit_sha=row.commit_sha,
        commit_msg=row.commit_msg,
        branch=row.branch,
        size_bytes=row.size_bytes,
        created_us=row.created_us,
    )


def instance_of(row: models.AppInstance) -> Instance:
    """Returns an instance as others see it."""
    return Instance(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        environment=row.environment,
        deployment_id=str(row.deployment_id),
        release_id=str(row.release_id),
        deployer=row.deployer,
        state=cast("InstanceState", row.state),
        address=row.address,
        port=row.port,
        details=row.details,
        reason=row.reason,
        created_us=row.created_us,
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
