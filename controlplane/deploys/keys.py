"""The keys of a project that its own app finds in its environment."""

from typing import NamedTuple

from sqlalchemy import select

from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.lookups import live_project
from controlplane.models import ApiKey, DsnKey
from schemas.projects import ProjectId


class AppKeys(NamedTuple):
    """What a project's app sends with; empty where the project has none."""

    number: int
    """Of the project, as a DSN ends with it."""
    dsn_key: str
    api_key: str


async def keys_for_app(database: Database, vault: Vault, project_id: ProjectId) -> AppKeys:
    """Returns the oldest keys of a project that still work; raises `NotFound`."""
    async with database.reading() as session:
        project = await live_project(session, project_id)
        dsn = (
            select(DsnKey.public_key)
            .where(DsnKey.project_id == project.id, DsnKey.revoked_at.is_(None))
            .order_by(DsnKey.created_at, DsnKey.id)
        )
        dsn_key = await session.scalar(dsn.limit(1)) or ""
        keys = select(ApiKey).where(ApiKey.project_id == project.id)
        row = await session.scalar(keys.order_by(ApiKey.created_at, ApiKey.id).limit(1))
    try:
        plain = "" if row is None else vault.unseal(row.sealed_key, bound_to=row.key_hash)
    except UnsealError:
        plain = ""
    return AppKeys(project.number, dsn_key, plain)
