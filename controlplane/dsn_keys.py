"""Which project a DSN key belongs to, answered from memory for most requests."""

import time
from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import select

from controlplane.database import Database
from controlplane.dsn import is_dsn_key
from controlplane.key_cache import USUAL, CacheBounds, KeyCache
from controlplane.last_uses import LastUses
from controlplane.models import DsnKey, Project
from controlplane.projects import context_of
from schemas.projects import ProjectContext, ProjectId


class DsnProject(Struct, frozen=True):
    """Where what is sent with a DSN key belongs."""

    context: ProjectContext
    """Its `key_id` is the DSN key's."""
    number: int
    environment: str
    """Of what does not say its own; empty for none."""


class DsnKeys:
    """The DSN keys that this process has seen; one per process."""

    def __init__(
        self,
        database: Database,
        bounds: CacheBounds = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keys = KeyCache(self._load, bounds, clock)
        self._uses = LastUses(database, DsnKey)

    async def project_of(self, key: str) -> DsnProject | None:
        """Return the project of a DSN key, `None` for a key that is unknown or revoked.

        Raises `Unavailable` where the database does not answer and the key was not seen lately.
        """
        if not is_dsn_key(key):
            return None
        found = await self._keys.find(key)
        if found is not None and found.context.key_id is not None:
            self._uses.note(found.context.key_id)
        return found

    def forget(self, key: str) -> None:
        """Drop what is known of one key; call it after making or revoking it."""
        self._keys.forget(key)

    def forget_project(self, project_id: ProjectId) -> None:
        """Drop what is known of a project's keys; call it after deleting or changing it."""
        self._keys.forget_those(lambda found: found.context.project_id == project_id)

    async def flush_last_used(self) -> int:
        """Write when the keys were last used and return how many; as `LastUses.flush`."""
        return await self._uses.flush()

    async def _load(self, key: str) -> DsnProject | None:
        query = (
            select(Project, DsnKey)
            .join(DsnKey, DsnKey.project_id == Project.id)
            .where(DsnKey.public_key == key, DsnKey.revoked_at.is_(None))
            .where(Project.deleted_at.is_(None))
        )
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            return None
        project, found = row
        context = context_of(project, key_id=str(found.id))
        return DsnProject(context, project.number, found.environment)
