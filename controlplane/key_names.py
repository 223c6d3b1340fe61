"""What the keys are called that calls came with: by id, also where a key is no more."""

import time
from collections import Counter
from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.models import ApiKey, DsnKey, FormerKey
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

MOST_FORMER = 1000
"""Revoked keys of a project whose names are kept: the newest."""
SHORT_CHARS = 8
"""Of an id, where two keys have the same name."""


async def list_key_names(database: Database, project_id: ProjectId) -> dict[str, str]:
    """Return the name of each API key and DSN key of a project, revoked ones too, by its id.

    Two are never called the same, and that one is revoked is said, with its id.
    """
    own = as_uuid(project_id)
    keys = select(ApiKey.id, ApiKey.name).where(ApiKey.project_id == own)
    dsn = select(DsnKey.id, DsnKey.label, DsnKey.revoked_at).where(DsnKey.project_id == own)
    former = select(FormerKey.id, FormerKey.name).where(FormerKey.project_id == own)
    newest = dsn.order_by(DsnKey.created_at.desc(), DsnKey.id).limit(MOST_FORMER)
    async with database.reading() as session:
        live = [(str(key_id), name) for key_id, name in await session.execute(keys)]
        gone = [(str(key_id), name) for key_id, name in await session.execute(former)]
        for key_id, label, revoked_at in await session.execute(newest):
            (live if revoked_at is None else gone).append((str(key_id), f"DSN {label}"))
    often = Counter(name for _, name in live)
    return {key_id: f"{name} (revoked, {key_id})" for key_id, name in gone} | {
        key_id: name if often[name] == 1 else f"{name} ({key_id[:SHORT_CHARS]})"
        for key_id, name in live
    }


def key_named(names: Mapping[str, str], text: str) -> str | None:
    """Return the id of the key that a person means by its name or id; `None` for no single one."""
    if text.lower() in names:
        return text.lower()
    found = [key_id for key_id, name in names.items() if name == text]
    return found[0] if len(found) == 1 else None


async def keep_name(session: AsyncSession, key: ApiKey) -> None:
    """Keep the name of a key that is being revoked, within an open transaction."""
    session.add(
        FormerKey(
            id=key.id,
            project_id=key.project_id,
            name=key.name,
            revoked_us=time.time_ns() // 1000,
        )
    )
    await session.flush()
    of_project = FormerKey.project_id == key.project_id
    newest = select(FormerKey.id).where(of_project)
    newest = newest.order_by(FormerKey.revoked_us.desc(), FormerKey.id).limit(MOST_FORMER)
    await session.execute(delete(FormerKey).where(of_project, FormerKey.id.not_in(newest)))
