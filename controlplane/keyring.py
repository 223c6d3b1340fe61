"""Which project an API key belongs to, answered from memory for most requests."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import or_, select, update

from controlplane.crypto import hash_token
from controlplane.database import Database
from controlplane.failures import Unauthorized, Unavailable
from controlplane.models import ApiKey, Project
from controlplane.projects import context_of
from controlplane.rules import as_uuid
from schemas.projects import KeyId, ProjectContext, ProjectId

# Another process's revocation, or a changed setting, is felt after at most this long.
TTL_S = 2.0
MAX_KEYS = 10_000
# While the database is away, keys seen lately go on working: some SDKs never send twice.
GRACE_S = 300.0
# And while it is slow: a request with such a key waits for its answer no longer than this.
PATIENCE_S = 0.5


class _Known(NamedTuple):
    context: ProjectContext
    expires_s: float
    read_s: float


class KeyRing:
    """A bounded memory of which keys exist and which do not; one per process.

    Known and unknown keys have separate places: a flood of wrong keys displaces no right one.
    """

    def __init__(
        self,
        database: Database,
        *,
        ttl_s: float = TTL_S,
        patience_s: float = PATIENCE_S,
        max_keys: int = MAX_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._ttl_s = ttl_s
        self._patience_s = patience_s
        self._max_keys = max_keys
        self._clock = clock
        # In order of expiry, since every entry lives equally long: the first is the oldest.
        self._known: dict[str, _Known] = {}
        self._unknown: dict[str, float] = {}
        self._lookups: dict[str, asyncio.Task[ProjectContext | None]] = {}
        self._used: dict[KeyId, float] = {}

    async def project_of_header(self, authorization: str | None) -> ProjectContext:
        """Return the project of an `Authorization` header, or raise `Unauthorized`."""
        return await self.project_of_key(_key_in(authorization))

    async def project_of_key(self, plain: str) -> ProjectContext:
        """Return the project of a plaintext key, or raise `Unauthorized`."""
        key_hash = hash_token(plain)
        entry = self._known.get(key_hash)
        if entry is not None and entry.expires_s > self._clock():
            context: ProjectContext | None = entry.context
        elif self._unknown.get(key_hash, 0.0) > self._clock():
            context = None
        else:
            context = await self._look_up(key_hash)
        if context is None:
            raise Unauthorized("Invalid API key")
        if context.key_id is not None:
            self._used[context.key_id] = time.time()
        return context

    def forget(self, key_hash: str) -> None:
        """Drop what is known of one key; call it after revoking it."""
        self._known.pop(key_hash, None)
        self._unknown.pop(key_hash, None)
        self._lookups.pop(key_hash, None)  # it may have read the row before it went

    def forget_project(self, project_id: ProjectId) -> None:
        """Drop what is known of a project's keys; call it after deleting or changing it."""
        self._lookups.clear()
        for key_hash, entry in list(self._known.items()):
            if entry.context.project_id == project_id:
                del self._known[key_hash]

    async def flush_last_used(self) -> int:
        """Write when the keys were last used and return how many; call it every few seconds.

        What could not be written is kept for the next call, and the error raised.
        """
        used, self._used = self._used, {}
        if not used:
            return 0
        try:
            async with self._database.session() as session:
                for key_id, at_s in used.items():
                    at = datetime.fromtimestamp(at_s, UTC)
                    newer = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < at)
                    query = update(ApiKey).where(ApiKey.id == as_uuid(key_id), newer)
                    await session.execute(query.values(last_used_at=at))
        except BaseException:
            self._used = used | self._used
            raise
        return len(used)

    async def _look_up(self, key_hash: str) -> ProjectContext | None:
        """Ask the database once for all requests that wait for the same key."""
        lookup = self._lookups.get(key_hash)
        if lookup is None:
            lookup = asyncio.create_task(self._load(key_hash))
            self._lookups[key_hash] = lookup
            lookup.add_done_callback(lambda done: self._remember(key_hash, done))
        before = self._known.get(key_hash)
        is_recent = before is not None and self._clock() - before.read_s < GRACE_S
        try:
            async with asyncio.timeout(self._patience_s if is_recent else None):
                # One that is cancelled, or waits no longer, takes no other along.
                return await asyncio.shield(lookup)
        except TimeoutError:
            if before is None or self._known.get(key_hash) is not before:
                return await self._look_up(key_hash)  # forgotten meanwhile
            self._keep_on(key_hash, before)
            return before.context
        except Unavailable:
            entry = self._known.get(key_hash)
            if entry is None or entry.expires_s <= self._clock():
                raise
            return entry.context

    async def _load(self, key_hash: str) -> ProjectContext | None:
        query = (
            select(Project, ApiKey.id)
            .join(ApiKey, ApiKey.project_id == Project.id)
            .where(ApiKey.key_hash == key_hash, Project.deleted_at.is_(None))
        )
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else context_of(row[0], key_id=str(row[1]))

    def _remember(self, key_hash: str, done: asyncio.Task[ProjectContext | None]) -> None:
        if self._lookups.get(key_hash) is not done:
            return  # forgotten while it was under way: its answer may be outdated
        del self._lookups[key_hash]
        before = self._known.pop(key_hash, None)
        self._unknown.pop(key_hash, None)
        if done.cancelled():
            return
        now_s = self._clock()
        expires_s = now_s + self._ttl_s
        if isinstance(done.exception(), Unavailable):
            if before is not None and now_s - before.read_s < GRACE_S:
                self._keep_on(key_hash, before)
        elif done.exception() is None:
            context = done.result()
            if context is None:
                self._unknown[key_hash] = expires_s
            else:
                self._known[key_hash] = _Known(context, expires_s, read_s=now_s)
        self._shrink()

    def _keep_on(self, key_hash: str, before: _Known) -> None:
        """Let a known key go on for a while, as what was read of it then."""
        self._known.pop(key_hash, None)  # back in at the end, for the order of expiry
        self._known[key_hash] = before._replace(expires_s=self._clock() + self._ttl_s)

    def _shrink(self) -> None:
        while len(self._known) > self._max_keys:
            del self._known[next(iter(self._known))]
        while len(self._unknown) > self._max_keys:
            del self._unknown[next(iter(self._unknown))]


def _key_in(authorization: str | None) -> str:
    """Split as Pulse does: on single spaces, into exactly `Bearer` and the key.

    Blanks around the value are no part of it (RFC 9110, section 5.5).
    """
    parts = (authorization or "").strip(" \t").split(" ")
    if len(parts) != 2 or parts[0] != "Bearer":
        raise Unauthorized("Missing or invalid Authorization header")
    return parts[1]
