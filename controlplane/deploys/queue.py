"""The queue of deployments: who works on which, until when, and what comes of it.

A deployment that is built is one deployer's by a lease. Whoever has lost the lease changes nothing:
each step names the attempt that it belongs to.
"""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Literal

import msgspec
from sqlalchemy import Select, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.notices import tell_of
from controlplane.deploys.rows import deployment_of, release_of, write_event
from controlplane.deploys.secrets import open_environment, open_secrets, open_value
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.deployments import Held, Job
from schemas.deploys.states import Phase

LEASE_US = 15_000_000
MOST_ATTEMPTS = 2
ELSEWHERE_US = 60_000_000
"""So long a release that is kept elsewhere waits for its deployer. Then its commit is built."""
MAX_REASON_CHARS = 20_000
Standing = Literal["held", "cancelled", "lost"]


class LeaseLost(Exception):
    """Raised when a deployment is another's by now, or is over."""


async def claim(
    database: Database, vault: Vault, deployer: str, *, but: Collection[str] = ()
) -> Job | None:
    """Takes the deployment that waits longest, and of whose project none is built.

    `but` are those that it still works on: it has lost them, and has yet to end what it began.
    """
    now_us = time.time_ns() // 1000
    waiting = _next(deployer, now_us).where(models.Deployment.id.not_in(map(as_uuid, but)))
    async with database.reading() as session:  # A look that finds nothing holds up nobody.
        if await session.scalar(waiting) is None:
            return None
    # Two who take deployments of one project at once: the second one is refused by its index.
    with suppress(IntegrityError):
        async with database.session() as session:
            held = waiting.with_for_update(skip_locked=True, of=models.Deployment)
            row = await session.scalar(held)
            if row is None:
                return None
            row.status, row.deployer, row.attempt = "building", deployer, row.attempt + 1
            row.lease_until_us = now_us + LEASE_US
            row.started_us = row.started_us or now_us
            row.phase = ""
            await write_event(session, row, now_us)
            return await _job(session, vault, row)
    return None


async def keep(database: Database, held: Held) -> Standing:
    """Holds a deployment for another while, and tells whether to go on."""
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        try:
            row = await held_row(session, held)
        except LeaseLost:
            return "lost"
        row.lease_until_us = now_us + LEASE_US
        return "held" if row.cancel_us is None else "cancelled"


async def standing(database: Database, held: Held) -> Standing:
    """Tells whether to go on; changes nothing."""
    async with database.reading() as session:
        row = await session.get(models.Deployment, as_uuid(held.deployment_id))
    if row is None or row.status != "building" or row.attempt != held.attempt:
        return "lost"
    return "held" if row.cancel_us is None else "cancelled"


async def enter(database: Database, held: Held, phase: Phase) -> None:
    """Notes that a phase begins; raises `LeaseLost`."""
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row = await held_row(session, held)
        row.phase, row.lease_until_us = phase, now_us + LEASE_US
        await write_event(session, row, now_us)


async def note_commit(database: Database, held: Held, sha: str, message: str) -> None:
    """Notes which commit was fetched; raises `LeaseLost`."""
    async with database.session() as session:
        row = await held_row(session, held)
        row.commit_sha, row.commit_msg = sha[: models.MAX_SHA_CHARS], message[:500]


async def next_line(database: Database, deployment_id: str) -> int:
    """Returns the number with which the log of a deployment goes on."""
    async with database.reading() as session:
        row = await session.get(models.Deployment, as_uuid(deployment_id))
        return 1 if row is None else row.lines + 1


async def reserve_lines(database: Database, deployment_id: str, below: int) -> None:
    """Notes that numbers below this one may be used: whoever goes on begins there."""
    of = models.Deployment
    async with database.session() as session:
        await session.execute(
            update(of)
            .where(of.id == as_uuid(deployment_id), of.lines < below - 1)
            .values(lines=below - 1)
            .execution_options(synchronize_session=False)
        )


async def settle_lines(database: Database, deployment_id: str, below: int, last: int) -> None:
    """Notes which number was the last, unless somebody else has reserved more meanwhile."""
    of = models.Deployment
    async with database.session() as session:
        await session.execute(
            update(of)
            .where(of.id == as_uuid(deployment_id), of.lines == below - 1)
            .values(lines=last)
            .execution_options(synchronize_session=False)
        )


async def end(
    database: Database,
    held: Held,
    status: Literal["failed", "cancelled", "finished"],
    *,
    vault: Vault,
    error: str = "",
    resolution: str = "",
) -> None:
    """Ends a deployment that serves nothing, and tells of it; raises `LeaseLost`."""
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row = await held_row(session, held)
        row.status, row.finished_us = status, now_us
        row.error_msg, row.resolution = error[:MAX_REASON_CHARS], resolution[:MAX_REASON_CHARS]
        # The phase stays: it says how far it came.
        await write_event(session, row, now_us, reason=row.error_msg[:500])
        await tell_of(session, vault, row, now_us)


async def recover(database: Database, vault: Vault) -> int:
    """Has deployments whose deployer is gone tried once more, or fail; returns how many."""
    of = models.Deployment
    is_over = of.lease_until_us < time.time_ns() // 1000
    return await _give_up(database, vault, select(of).where(of.status == "building", is_over))


async def recover_own(database: Database, vault: Vault, deployer: str) -> int:
    """As `recover`, of a deployer that begins: whatever it had is lost, however long its leases."""
    of = models.Deployment
    own = select(of).where(of.status == "building", of.deployer == deployer)
    return await _give_up(database, vault, own)


async def _give_up(database: Database, vault: Vault, query: Select[models.Deployment]) -> int:
    now_us = time.time_ns() // 1000
    async with database.reading() as session:
        if await session.scalar(query.limit(1)) is None:
            return 0
    async with database.session() as session:
        rows = list(await session.scalars(query.with_for_update(skip_locked=True)))
        for row in rows:
            reason = f"the deployer {row.deployer} was lost"
            if row.cancel_us is not None:
                row.status, row.finished_us = "cancelled", now_us
            elif row.attempt < MOST_ATTEMPTS:
                row.status, row.phase = "queued", ""
            else:
                row.status, row.finished_us, row.error_msg = "failed", now_us, reason
                row.resolution = "Look at the deployer's own log, and deploy again."
            await write_event(session, row, now_us, reason=reason)
            await tell_of(session, vault, row, now_us)
    return len(rows)


async def has_apps(database: Database) -> bool:
    """Tells whether anything is deployed at all."""
    async with database.reading() as session:
        return await session.scalar(select(models.App.project_id).limit(1)) is not None


async def held_row(session: AsyncSession, held: Held) -> models.Deployment:
    """Returns the row that somebody works on, held until the transaction ends.

    Raises `LeaseLost`.
    """
    row = await session.get(models.Deployment, as_uuid(held.deployment_id), with_for_update=True)
    if row is None or row.status != "building" or row.attempt != held.attempt:
        raise LeaseLost
    return row


async def variables_of(session: AsyncSession, vault: Vault, app: models.App) -> Mapping[str, str]:
    """Returns the environment of an app, opened."""
    of = models.EnvVar
    rows = await session.scalars(select(of).where(of.project_id == app.project_id))
    return {one.key: open_value(vault, one.project_id, one.key, one.sealed_value) for one in rows}


def _next(deployer: str, now_us: int) -> Select[models.Deployment]:
    of, other = models.Deployment, aliased(models.Deployment)
    is_built = exists().where(other.project_id == of.project_id, other.status == "building")
    release = models.AppRelease
    is_elsewhere = exists().where(
        release.id == of.release_id, release.removed_us.is_(None), release.deployer != deployer
    )
    return (
        select(of)
        .join(Project, Project.id == of.project_id)
        .where(of.status == "queued", Project.deleted_at.is_(None), ~is_built)
        .where(or_(~is_elsewhere, of.created_us < now_us - ELSEWHERE_US))
        .order_by(of.created_us, of.id)
        .limit(1)
    )


async def _job(session: AsyncSession, vault: Vault, row: models.Deployment) -> Job:
    app = await session.get(models.App, row.project_id)
    if app is None:  # It is gone: its owner ended being deployed by us.
        return Job(
            deployment=deployment_of(row),
            config=AppConfig(),
            secrets=AppSecrets(),
            variables={},
            release=None,
            release_variables=None,
        )
    kept = await _kept_release(session, row)
    return Job(
        deployment=deployment_of(row),
        config=msgspec.json.decode(app.config, type=AppConfig),
        secrets=open_secrets(vault, app.project_id, app.sealed_secrets),
        variables=await variables_of(session, vault, app),
        release=None if kept is None else release_of(kept),
        release_variables=None
        if kept is None
        else open_environment(vault, kept.id, kept.sealed_environment),
    )


async def _kept_release(session: AsyncSession, row: models.Deployment) -> models.AppRelease | None:
    """Returns the release that is to be started again, if this deployer still has it.

    A deployment that was built before its deployer was lost is not built twice.
    """
    if row.release_id is None:
        return None
    # Held: it is not removed between this look and the moment when others see who starts it.
    kept = await session.get(models.AppRelease, row.release_id, with_for_update=True)
    is_here = kept is not None and kept.removed_us is None and kept.deployer == row.deployer
    return kept if is_here else None
