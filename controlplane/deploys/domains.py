"""Names of hosts that are, or are to be, apps'. Several projects may ask for one; who proves to own
it has it."""

import time
import uuid

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import new_token
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.audit import Actor, note
from controlplane.deploys.rows import Reach
from controlplane.failures import Conflict, NotFound
from controlplane.lookups import locked_project
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.proofs import Proof
from schemas.projects import ProjectId

MAX_DOMAINS = 50
MAX_FOUND_CHARS = 1000
TAKEN = "domain already registered"


class Domain(Struct, frozen=True, kw_only=True):
    """A name of a host that is, or is to be, an app's."""

    id: str
    project_id: ProjectId
    user_id: str
    domain: str
    token: str
    is_verified: bool
    verified_us: int | None
    checked_us: int | None
    found: str
    created_us: int
    updated_us: int


async def add_domain(
    database: Database, actor: Actor, project_id: ProjectId, domain: str
) -> Domain:
    """Asks for a name for a project.

    Raises `NotFound`; `Conflict` for one that the project asks for already, or that another project
    has proved to own.
    """
    now_us = time.time_ns() // 1000
    of = models.AppDomain
    async with database.session() as session:
        project = await locked_project(session, project_id)
        same = select(of.id).where(
            (of.verified_domain == domain) | ((of.project_id == project.id) & (of.domain == domain))
        )
        if await session.scalar(same.limit(1)) is not None:
            raise Conflict(TAKEN)
        if (await session.scalar(select(func.count()).where(of.project_id == project.id)) or 0) >= (
            MAX_DOMAINS
        ):
            raise Conflict(f"A project has at most {MAX_DOMAINS} domains: remove one first")
        row = of(
            id=uuid.uuid4(),
            project_id=project.id,
            user_id=None if actor.user_id is None else as_uuid(actor.user_id),
            domain=domain,
            verified_domain=None,
            token=new_token(),
            verified_us=None,
            checked_us=None,
            found="",
            created_us=now_us,
            updated_us=now_us,
        )
        session.add(row)
        note(session, actor, ("create", "domain", str(row.id)), domain=domain)
    return _domain(row)


async def list_domains(database: Database, reach: Reach) -> list[Domain]:
    """Returns the domains of projects within a reach, the newest first."""
    of = models.AppDomain
    query = select(of).where(reach.covers(of.project_id)).order_by(of.created_us.desc(), of.id)
    async with database.reading() as session:
        return [_domain(row) for row in await session.scalars(query)]


async def get_domain(database: Database, reach: Reach, domain_id: str) -> Domain:
    """Returns a domain; raises `NotFound`."""
    async with database.reading() as session:
        return _domain(await _find(session, reach, domain_id))


async def note_proof(
    database: Database, actor: Actor, of: tuple[Reach, str], proof: Proof
) -> Domain:
    """Keeps what a look for a token found: whose it is, has the name from now on.

    One that was verified stays so. Raises `NotFound`, and `Conflict` where another project has it.
    """
    now_us = time.time_ns() // 1000
    try:
        async with database.session() as session:
            row = await _find(session, *of)
            row.checked_us = row.updated_us = now_us
            row.found = proof.found.replace("\0", "")[:MAX_FOUND_CHARS]
            if proof.is_theirs and row.verified_domain is None:
                row.verified_domain, row.verified_us = row.domain, now_us
                note(session, actor, ("verify", "domain", str(row.id)), domain=row.domain)
    except IntegrityError as error:
        raise Conflict(TAKEN) from error
    return _domain(row)


async def is_sole_claim(database: Database, domain: str, token: str) -> bool:
    """Tells whether a domain is asked for with this token, by no other project, and nobody's yet.

    That a domain leads here says that its owner wants it here, not for whom: where several ask,
    each has to show more.
    """
    of = models.AppDomain
    query = (
        select(of.token, of.verified_domain)
        .join(Project, Project.id == of.project_id)
        .where(of.domain == domain, Project.deleted_at.is_(None))
        .limit(2)
    )
    async with database.reading() as session:
        rows = [tuple(row) for row in await session.execute(query)]
    return rows == [(token, None)]


async def remove_domain(database: Database, actor: Actor, of: tuple[Reach, str]) -> None:
    """Removes a domain: it leads nowhere, and may be asked for again. Raises `NotFound`."""
    async with database.session() as session:
        row = await _find(session, *of)
        await session.delete(row)
        note(session, actor, ("delete", "domain", str(row.id)), domain=row.domain)


async def _find(session: AsyncSession, reach: Reach, domain_id: str) -> models.AppDomain:
    of = models.AppDomain
    query = select(of).where(of.id == as_uuid(domain_id), reach.covers(of.project_id))
    row = await session.scalar(query)
    if row is None:
        raise NotFound("domain not found")
    return row


def _domain(row: models.AppDomain) -> Domain:
    return Domain(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        user_id="" if row.user_id is None else str(row.user_id),
        domain=row.domain,
        token=row.token,
        is_verified=row.verified_domain is not None,
        verified_us=row.verified_us,
        checked_us=row.checked_us,
        found=row.found,
        created_us=row.created_us,
        updated_us=row.updated_us,
    )
