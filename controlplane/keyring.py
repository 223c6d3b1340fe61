"""Which project an API key belongs to, answered from memory for most requests."""

import time
from collections.abc import Callable

from sqlalchemy import select

from controlplane.crypto import hash_token
from controlplane.database import Database
from controlplane.failures import Unauthorized
from controlplane.key_cache import USUAL, CacheBounds, KeyCache
from controlplane.last_uses import LastUses
from controlplane.models import ApiKey, Project
from controlplane.projects import context_of
from schemas.projects import ProjectContext, ProjectId


class KeyRing:
    """The API keys that this process has seen; one per process."""

    def __init__(
        self,
        database: Database,
        bounds: CacheBounds = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keys = KeyCache(self._load, bounds, clock)
        self._uses = LastUses(database, ApiKey)

    async def project_of_header(self, authorization: str | None) -> ProjectContext:
        """Return the project of an `Authorization` header, or raise `Unauthorized`."""
        return await self.project_of_key(key_in(authorization))

    async def project_of_key(self, plain: str) -> ProjectContext:
        """Return the project of a plaintext key, or raise `Unauthorized`."""
        context = await self._keys.find(hash_token(plain))
        if context is None:
            raise Unauthorized("Invalid API key")
        if context.key_id is not None:
            self._uses.note(context.key_id)
        return context

    def forget(self, key_hash: str) -> None:
        """Drop what is known of one key; call it after revoking it."""
        self._keys.forget(key_hash)

    def forget_project(self, project_id: ProjectId) -> None:
        """Drop what is known of a project's keys; call it after deleting or changing it."""
        self._keys.forget_those(lambda context: context.project_id == project_id)

    async def flush_last_used(self) -> int:
        """Write when the keys were last used and return how many; as `LastUses.flush`."""
        return await self._uses.flush()

    async def _load(self, key_hash: str) -> ProjectContext | None:
        query = (
            select(Project, ApiKey.id)
            .join(ApiKey, ApiKey.project_id == Project.id)
            .where(ApiKey.key_hash == key_hash, Project.deleted_at.is_(None))
        )
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else context_of(row[0], key_id=str(row[1]))


def key_in(authorization: str | None) -> str:
    """Split a header as Pulse does: on single spaces, into exactly `Bearer` and the key.

    Blanks around the value are no part of it (RFC 9110, section 5.5). Raises `Unauthorized`.
    """
    parts = (authorization or "").strip(" \t").split(" ")
    if len(parts) != 2 or parts[0] != "Bearer":
        raise Unauthorized("Missing or invalid Authorization header")
    return parts[1]
