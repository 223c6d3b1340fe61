"""Deployments that have happened elsewhere, or are made up: whole rows, and nothing runs."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.secrets import seal_secrets
from controlplane.lookups import live_project
from controlplane.rules import as_uuid
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.states import DeploymentKind, Origin, Phase, Status
from schemas.projects import ProjectId


class PastEvent(Struct, frozen=True, kw_only=True):
    """A change of its status or phase, as its history shows it."""

    at_us: int
    status: Status
    phase: Phase = ""
    author: str = ""
    reason: str = ""


class PastDeployment(Struct, frozen=True, kw_only=True):
    """One deployment with its whole history; the last event says how it stands."""

    id: str
    author: str
    origin: Origin = "webhook"
    kind: DeploymentKind = "deploy"
    environment: str = PRODUCTION
    branch: str = "main"
    commit_sha: str
    commit_msg: str
    source_id: str | None = None
    superseded_by: str | None = None
    error_msg: str = ""
    resolution: str = ""
    deployer: str = ""
    events: Sequence[PastEvent]


async def put_app(
    database: Database, vault: Vault, project_id: ProjectId, config: AppConfig, at_us: int
) -> None:
    """Makes a project an app; one that is an app already is left as it is."""
    async with database.session() as session:
        project = await live_project(session, project_id)
        if await session.get(models.App, project.id) is None:
            session.add(
                models.App(
                    project_id=project.id,
                    user_id=None,
                    config=msgspec.json.encode(config).decode(),
                    sealed_secrets=seal_secrets(vault, project.id, AppSecrets()),
                    next_sync_us=None,
                    created_us=at_us,
                    updated_us=at_us,
                )
            )


async def put_past(
    database: Database, project_id: ProjectId, past: Sequence[PastDeployment]
) -> None:
    """Writes deployments with their histories; those whose ids are there are left as they are."""
    async with database.session() as session:
        project = await live_project(session, project_id)
        known = await _known(session, [UUID(one.id) for one in past])
        for one in past:
            if UUID(one.id) not in known:
                await _put(session, project.id, one)


async def _known(session: AsyncSession, ids: Sequence[UUID]) -> set[UUID]:
    of = models.Deployment
    return set(await session.scalars(select(of.id).where(of.id.in_(ids))))


async def _put(session: AsyncSession, project_id: UUID, one: PastDeployment) -> None:
    session.add(_row(project_id, one))
    await session.flush()
    session.add_all(
        models.DeploymentEvent(
            deployment_id=UUID(one.id),
            number=number,
            at_us=event.at_us,
            status=event.status,
            phase=event.phase,
            author=event.author,
            reason=event.reason,
        )
        for number, event in enumerate(one.events, 1)
    )


def _row(project_id: UUID, one: PastDeployment) -> models.Deployment:
    began = [event.at_us for event in one.events if event.status == "building"]
    over = [event.at_us for event in one.events if event.status not in ("queued", "building")]
    last = one.events[-1]
    return models.Deployment(
        id=UUID(one.id),
        project_id=project_id,
        user_id=None,
        author=one.author,
        origin=one.origin,
        kind=one.kind,
        source_id=as_uuid(one.source_id or ""),
        environment=one.environment,
        branch=one.branch,
        commit_sha=one.commit_sha,
        commit_msg=one.commit_msg,
        status=last.status,
        phase=last.phase,
        build_only=False,
        is_default=last.status == "running" and one.environment == PRODUCTION,
        release_id=None,
        error_msg=one.error_msg,
        resolution=one.resolution,
        superseded_by=as_uuid(one.superseded_by or ""),
        cancel_us=None,
        deployer=one.deployer,
        lease_until_us=0,
        attempt=1 if began else 0,
        lines=0,
        delivery_id=None,
        created_us=one.events[0].at_us,
        updated_us=last.at_us,
        started_us=began[0] if began else None,
        finished_us=over[0] if over else None,
    )
