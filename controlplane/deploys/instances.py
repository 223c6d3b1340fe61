"""Releases that are kept, instances that run, and which of them serves."""

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.deployments import make_default
from controlplane.deploys.notices import tell_of
from controlplane.deploys.queue import LeaseLost, held_row
from controlplane.deploys.rows import deployment_of, instance_of, release_of, write_event
from controlplane.deploys.secrets import open_environment, seal_environment
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.apps import AppConfig
from schemas.deploys.deployments import Deployment, Held, Instance, Release
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.states import ENDED, InstanceState
from schemas.projects import ProjectId


class Built(Struct, frozen=True, kw_only=True):
    """A release as its build left it."""

    driver: str
    place: str
    start_command: str
    variables: Mapping[str, str]
    size_bytes: int


class Started(Struct, frozen=True, kw_only=True):
    """An instance as its driver started it."""

    address: str
    port: int
    details: str


async def note_release(database: Database, vault: Vault, held: Held, built: Built) -> Release:
    """Notes what a deployment built; raises `LeaseLost`."""
    async with database.session() as session:
        row = await held_row(session, held)
        await _forget_earlier(session, row)
        release = models.AppRelease(
            id=uuid.uuid4(),
            project_id=row.project_id,
            deployment_id=row.id,
            environment=row.environment,
            deployer=row.deployer,
            driver=built.driver,
            place=built.place,
            start_command=built.start_command,
            commit_sha=row.commit_sha,
            commit_msg=row.commit_msg,
            branch=row.branch,
            sealed_environment=b"",
            size_bytes=built.size_bytes,
            created_us=time.time_ns() // 1000,
            removed_us=None,
        )
        release.sealed_environment = seal_environment(vault, release.id, built.variables)
        session.add(release)
        row.release_id = release.id
    return release_of(release)


async def note_start(
    database: Database, held: Held, instance_id: str, release: Release, started: Started
) -> Instance:
    """Notes what was started for a deployment, and serves nothing yet; raises `LeaseLost`."""
    async with database.session() as session:
        row = await held_row(session, held)
        instance = models.AppInstance(
            id=as_uuid(instance_id),
            project_id=row.project_id,
            environment=row.environment,
            deployment_id=row.id,
            release_id=as_uuid(release.id),
            deployer=row.deployer,
            state="starting",
            address=started.address,
            port=started.port,
            details=started.details,
            reason="",
            created_us=time.time_ns() // 1000,
            ended_us=None,
        )
        session.add(instance)
        row.release_id = instance.release_id
    return instance_of(instance)


async def switch(database: Database, vault: Vault, held: Held, instance_id: str) -> Deployment:
    """Has an instance serve in place of the one that does, in one step; raises `LeaseLost`.

    A deployment that was cancelled before this does not switch: `LeaseLost` too.
    """
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row = await held_row(session, held)
        instance = await session.get(models.AppInstance, as_uuid(instance_id))
        if row.cancel_us is not None or instance is None:
            raise LeaseLost
        await _retire(session, row, now_us)
        instance.state = "serving"
        row.status, row.phase, row.finished_us = "running", "", now_us
        if row.environment == PRODUCTION:
            await make_default(session, row)
        await write_event(session, row, now_us)
        await tell_of(session, vault, row, now_us)
    return deployment_of(row, instance.port)


async def list_instances(
    database: Database, deployer: str, states: Collection[InstanceState]
) -> list[Instance]:
    """Returns what a deployer runs, in some of the states."""
    of = models.AppInstance
    query = select(of).where(of.deployer == deployer, of.state.in_(states))
    async with database.reading() as session:
        return [instance_of(row) for row in await session.scalars(query.order_by(of.created_us))]


async def end_instance(
    database: Database, vault: Vault, instance_id: str, state: InstanceState, reason: str = ""
) -> None:
    """Notes that an instance has stopped or crashed; one that has is left as it is.

    A deployment whose serving instance ends is over with it.
    """
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row = await session.get(models.AppInstance, as_uuid(instance_id), with_for_update=True)
        if row is None or row.ended_us is not None:
            return
        was_serving, row.state = row.state == "serving", state
        row.reason, row.ended_us = reason[:20_000], now_us
        if was_serving:
            await _end_serving(session, vault, row, now_us)


async def note_restarts(database: Database, instance_id: str, told: str) -> None:
    """Notes how often a serving instance was started again, in words; empty for never."""
    of = models.AppInstance
    async with database.session() as session:
        await session.execute(
            update(of)
            .where(of.id == as_uuid(instance_id), of.state == "serving")
            .values(reason=told)
            .execution_options(synchronize_session=False)
        )


async def move_instance(database: Database, instance_id: str, started: Started) -> bool:
    """Notes that a serving instance was started anew; tells whether it still serves."""
    of = models.AppInstance
    again = update(of).where(of.id == as_uuid(instance_id), of.state == "serving")
    async with database.session() as session:
        moved = await session.scalar(
            again.values(address=started.address, port=started.port, details=started.details)
            .returning(of.id)
            .execution_options(synchronize_session=False)
        )
    return moved is not None


async def retire_deleted(database: Database) -> None:
    """Ends what waits and what serves of projects that were deleted."""
    gone = select(Project.id).where(Project.deleted_at.is_not(None))
    deployment, instance = models.Deployment, models.AppInstance
    now_us = time.time_ns() // 1000
    open_ones = deployment.status.in_(("queued", "building", "running"))
    of_gone = deployment.project_id.in_(gone)
    async with database.reading() as session:
        if await session.scalar(select(deployment.id).where(of_gone, open_ones).limit(1)) is None:
            return
    ends = (
        update(instance)
        .where(instance.project_id.in_(gone), instance.state == "serving")
        .values(state="draining"),
        update(deployment)
        .where(of_gone, deployment.status == "queued")
        .values(status="cancelled", finished_us=now_us, updated_us=now_us),
        update(deployment)
        .where(of_gone, deployment.status == "running")
        .values(status="stopped", is_default=False, updated_us=now_us),
        update(deployment)
        .where(of_gone, deployment.status == "building", deployment.cancel_us.is_(None))
        .values(cancel_us=now_us),
    )
    async with database.session() as session:
        for one in ends:
            await session.execute(one.execution_options(synchronize_session=False))


async def release_of_instance(
    database: Database, vault: Vault, instance: Instance
) -> tuple[Release, Mapping[str, str], AppConfig] | None:
    """Returns what an instance runs, with its environment and its app; `None` for what is gone."""
    async with database.reading() as session:
        row = await session.get(models.AppRelease, as_uuid(instance.release_id))
        app = await session.get(models.App, as_uuid(instance.project_id))
    if row is None or app is None or row.removed_us is not None:
        return None
    variables = open_environment(vault, row.id, row.sealed_environment)
    return release_of(row), variables, msgspec.json.decode(app.config, type=AppConfig)


async def list_releases(
    database: Database, project_id: ProjectId, deployer: str | None = None
) -> list[Release]:
    """Returns the releases that are kept, the newest first."""
    of = models.AppRelease
    query = select(of).where(of.project_id == as_uuid(project_id), of.removed_us.is_(None))
    query = query if deployer is None else query.where(of.deployer == deployer)
    async with database.reading() as session:
        return [
            release_of(row)
            for row in await session.scalars(query.order_by(of.created_us.desc(), of.id))
        ]


async def list_releases_of(database: Database, deployer: str) -> list[Release]:
    """Returns the releases that a deployer keeps, of all projects."""
    of = models.AppRelease
    query = select(of).where(of.deployer == deployer, of.removed_us.is_(None))
    async with database.reading() as session:
        return [release_of(row) for row in await session.scalars(query)]


async def list_environments(database: Database) -> set[tuple[str, str]]:
    """Returns the environments that something is deployed to, or may be: production of each app,
    and each for which a deployment is not over."""
    app, of = models.App, models.Deployment
    apps = select(app.project_id).join(Project, Project.id == app.project_id)
    open_ones = select(of.project_id, of.environment).where(of.status.not_in(ENDED)).distinct()
    async with database.reading() as session:
        found = {(str(row[0]), str(row[1])) for row in await session.execute(open_ones)}
        live = await session.scalars(apps.where(Project.deleted_at.is_(None)))
        return found | {(str(project_id), PRODUCTION) for project_id in live}


async def forget_releases(database: Database, deployer: str, places: Collection[str]) -> set[str]:
    """Notes that a deployer is about to remove the files of releases, by where they are.

    Returns those that must stay: a deployment waits for one or starts it, or an instance runs it.
    """
    of = models.AppRelease
    query = select(of).where(of.deployer == deployer, of.place.in_(places), of.removed_us.is_(None))
    async with database.session() as session:
        # Held first, as `claim` does: whoever is second sees what the other one did.
        rows = list(await session.scalars(query.with_for_update()))
        used = await _used(session, [row.id for row in rows])
        for row in rows:
            if row.id not in used:
                row.removed_us = time.time_ns() // 1000
        return {row.place for row in rows if row.id in used}


async def _used(session: AsyncSession, release_ids: Sequence[UUID]) -> set[UUID]:
    deployment, instance = models.Deployment, models.AppInstance
    wanted = select(deployment.release_id).where(
        deployment.release_id.in_(release_ids), deployment.status.in_(("queued", "building"))
    )
    running = select(instance.release_id).where(
        instance.release_id.in_(release_ids), instance.ended_us.is_(None)
    )
    found = [*await session.scalars(wanted), *await session.scalars(running)]
    return {one for one in found if one is not None}


async def _forget_earlier(session: AsyncSession, row: models.Deployment) -> None:
    """Notes that what an earlier attempt has built is gone: it was in the same place."""
    of = models.AppRelease
    await session.execute(
        update(of)
        .where(of.deployment_id == row.id, of.deployer == row.deployer, of.removed_us.is_(None))
        .values(removed_us=time.time_ns() // 1000)
        .execution_options(synchronize_session=False)
    )


async def _retire(session: AsyncSession, new: models.Deployment, now_us: int) -> None:
    """Ends the deployment that runs in the environment of a new one."""
    of, instance = models.Deployment, models.AppInstance
    query = select(of).where(
        of.project_id == new.project_id, of.environment == new.environment, of.status == "running"
    )
    for row in list(await session.scalars(query.with_for_update())):
        row.status, row.superseded_by, row.is_default = "stopped", new.id, False
        await write_event(session, row, now_us, reason=f"superseded by {new.id}")
    await session.execute(
        update(instance)
        .where(instance.project_id == new.project_id, instance.environment == new.environment)
        .where(instance.state == "serving")
        .values(state="draining")
        .execution_options(synchronize_session=False)
    )


async def _end_serving(
    session: AsyncSession, vault: Vault, instance: models.AppInstance, now_us: int
) -> None:
    deployment_id: UUID = instance.deployment_id
    row = await session.get(models.Deployment, deployment_id, with_for_update=True)
    if row is None or row.status != "running":
        return
    row.status = "failed" if instance.state == "crashed" else "stopped"
    row.error_msg, row.is_default = instance.reason, False
    await write_event(session, row, now_us, reason=instance.reason[:500])
    await tell_of(session, vault, row, now_us)
