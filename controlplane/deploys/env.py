"""Variables of the environment of apps. Values are written, opened for who starts an app, and told
to nobody else."""

import re
import time
import uuid

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.audit import Actor, note
from controlplane.deploys.secrets import seal_value
from controlplane.failures import BadRequest, Conflict
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
MAX_VARIABLES = 500
MAX_BYTES = 256 << 10
"""Of all values of a project, sealed. Each has some fifteen forms that a log has to hide, so 2 MiB
took a deployer 5 s and 500 MiB; Linux starts nothing with more than that."""


class Variable(Struct, frozen=True):
    """A variable without its value."""

    id: str
    project_id: ProjectId
    key: str
    created_us: int
    updated_us: int


async def set_variable(
    database: Database, vault: Vault, actor: Actor, of: tuple[ProjectId, str], value: str
) -> Variable:
    """Gives a variable of a project a value, whether it had one or not.

    Raises `BadRequest`, `Conflict` where there are too many, `NotFound`.
    """
    project_id, key = of
    if KEY.fullmatch(key) is None:
        raise BadRequest("key: expected A-Z, a-z, 0-9 and _, not beginning with a digit")
    if not value or "\0" in value:
        raise BadRequest("value: expected a text that is not empty and holds no NUL")
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        project = await locked_project(session, project_id)
        row = await session.get(models.EnvVar, (project.id, key))
        if row is None:
            await _refuse_many(session, project.id)
            row = models.EnvVar(
                project_id=project.id,
                key=key,
                id=uuid.uuid4(),
                created_us=now_us,
                updated_us=now_us,
            )
            session.add(row)
        row.sealed_value = seal_value(vault, project.id, key, value)
        row.updated_us = max(now_us, row.updated_us)
        await _refuse_much(session, project.id)
        note(session, actor, ("set", "env", project_id), key=key)
    return _variable(row)


async def list_variables(database: Database, project_id: ProjectId) -> list[Variable]:
    """Returns the variables of a live project by name; raises `NotFound`."""
    of = models.EnvVar
    query = select(of).where(of.project_id == as_uuid(project_id)).order_by(of.key)
    async with database.reading() as session:
        await live_project(session, project_id)
        return [_variable(row) for row in await session.scalars(query)]


async def remove_variable(
    database: Database, actor: Actor, project_id: ProjectId, key: str
) -> None:
    """Removes a variable; one that is not there is no error. Raises `NotFound` for the project."""
    async with database.session() as session:
        project = await locked_project(session, project_id)
        row = await session.get(models.EnvVar, (project.id, key)) if "\0" not in key else None
        if row is not None:
            await session.delete(row)
            note(session, actor, ("delete", "env", project_id), key=key)


async def _refuse_many(session: AsyncSession, project_id: uuid.UUID) -> None:
    counted = select(func.count()).where(models.EnvVar.project_id == project_id)
    if (await session.scalar(counted) or 0) >= MAX_VARIABLES:
        raise Conflict(f"A project has at most {MAX_VARIABLES} variables: remove some first")


async def _refuse_much(session: AsyncSession, project_id: uuid.UUID) -> None:
    await session.flush()
    of = models.EnvVar
    summed = select(func.sum(func.length(of.sealed_value))).where(of.project_id == project_id)
    if (await session.scalar(summed) or 0) > MAX_BYTES:
        raise Conflict(
            f"The variables of a project take at most {MAX_BYTES >> 10} KiB together: remove some"
            " first"
        )


def _variable(row: models.EnvVar) -> Variable:
    project_id = ProjectId(str(row.project_id))
    return Variable(str(row.id), project_id, row.key, row.created_us, row.updated_us)
