"""Escalation policies of a project: made, listed, changed, removed. Where they send is sealed."""

import time

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.channels import list_channels
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from controlplane.uptime.checked import check_notifications
from controlplane.uptime.ids import new_id
from controlplane.uptime.models import EscalationPolicy
from schemas.projects import ProjectId
from schemas.uptime.escalation import Policy, PolicyForm

MAX_POLICIES = 200


class Names(msgspec.Struct, frozen=True):
    """What notifications of a project may name."""

    policies: frozenset[str]
    channels: frozenset[str]


async def read_names(database: Database, project_id: ProjectId) -> Names:
    """Returns the names of a project's policies and channels; raises `NotFound`."""
    of = EscalationPolicy
    async with database.reading() as session:
        names = await session.scalars(select(of.name).where(of.project_id == as_uuid(project_id)))
        policies = frozenset(names)
    channels = await list_channels(database, project_id)
    return Names(policies, frozenset(one.name for one in channels))


async def list_policies(database: Database, vault: Vault, project_id: ProjectId) -> list[Policy]:
    """Returns the policies of a live project by name; raises `NotFound`."""
    of = EscalationPolicy
    query = select(of).where(of.project_id == as_uuid(project_id)).order_by(of.name)
    async with database.reading() as session:
        await live_project(session, project_id)
        return [_policy(vault, row) for row in await session.scalars(query)]


async def get_policy(
    database: Database, vault: Vault, project_id: ProjectId, policy_id: str
) -> Policy:
    """Returns a policy of a live project; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        return _policy(vault, await _find(session, project_id, policy_id))


async def add_policy(
    database: Database, vault: Vault, project_id: ProjectId, form: PolicyForm
) -> Policy:
    """Makes a policy. Raises `BadRequest`, `Conflict` for a name that is taken, `NotFound`."""
    _check(form)
    now_us = time.time_ns() // 1000
    policy_id = new_id("esc")
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = EscalationPolicy.project_id == project.id
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_POLICIES:
            raise Conflict(f"A project has at most {MAX_POLICIES} policies: remove some first")
        row = EscalationPolicy(
            id=policy_id,
            project_id=project.id,
            name=form.name,
            sealed_config=_sealed(vault, policy_id, form),
            created_us=now_us,
            updated_us=now_us,
        )
        session.add(row)
        await _named(session, form)
    return _policy(vault, row)


async def replace_policy(
    database: Database, vault: Vault, of: tuple[ProjectId, str], form: PolicyForm
) -> Policy:
    """Replaces a policy; incidents that are open follow it from their next step on.

    Raises as `add_policy`.
    """
    _check(form)
    project_id, policy_id = of
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _find(session, project_id, policy_id)
        row.name, row.updated_us = form.name, time.time_ns() // 1000
        row.sealed_config = _sealed(vault, row.id, form)
        await _named(session, form)
    return _policy(vault, row)


async def remove_policy(database: Database, project_id: ProjectId, policy_id: str) -> str:
    """Removes a policy, and returns its name; what names it goes on without. Raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _find(session, project_id, policy_id)
        await session.delete(row)
        return row.name


async def find_policy(
    session: AsyncSession, vault: Vault, project_id: str, name: str | None
) -> PolicyForm | None:
    """Returns what a project has under a name, if anything, within a transaction."""
    of = EscalationPolicy
    query = select(of).where(of.project_id == as_uuid(project_id), of.name == name)
    row = None if name is None else await session.scalar(query)
    return None if row is None else _policy(vault, row).form


async def _named(session: AsyncSession, form: PolicyForm) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict(f"A policy is called {form.name!r} already") from error


async def _find(session: AsyncSession, project_id: ProjectId, policy_id: str) -> EscalationPolicy:
    of = EscalationPolicy
    query = select(of).where(of.id == policy_id, of.project_id == as_uuid(project_id))
    row = await session.scalar(query) if "\0" not in policy_id else None
    if row is None:
        raise NotFound("Escalation policy not found")
    return row


def _check(form: PolicyForm) -> None:
    texts = [text for step in form.steps for text in step.notifications]
    if any("\0" in text for text in (form.name, *texts)):
        raise BadRequest("A text holds the character NUL")
    after = [step.after_seconds for step in form.steps]
    if after != sorted(after):
        raise BadRequest("steps: expected after_seconds that never go back")
    for number, step in enumerate(form.steps):
        check_notifications(step.notifications, f"steps[{number}].notifications")


def _sealed(vault: Vault, policy_id: str, form: PolicyForm) -> bytes:
    return vault.seal(msgspec.json.encode(form).decode(), bound_to=f"escalation/{policy_id}")


def _policy(vault: Vault, row: EscalationPolicy) -> Policy:
    plain = vault.unseal(row.sealed_config, bound_to=f"escalation/{row.id}")
    form = msgspec.json.decode(plain, type=PolicyForm)
    return Policy(policy_id=row.id, form=form, created_us=row.created_us, updated_us=row.updated_us)
