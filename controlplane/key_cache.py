"""A memory of what the database says of keys, so that most requests do not ask it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from controlplane.failures import Unavailable

# Another process's revocation, or a changed setting, is felt after at most this long.
TTL_S = 2.0
MAX_KEYS = 10_000
# While the database is away, keys seen lately go on working: some SDKs never send twice.
GRACE_S = 300.0
# And while it is slow: a request with such a key waits for its answer no longer than this.
PATIENCE_S = 0.5

Found = TypeVar("Found")


class CacheBounds(Struct, frozen=True):
    """How long an answer counts, how long one waits for the next, and how many are kept."""

    ttl_s: float = TTL_S
    patience_s: float = PATIENCE_S
    max_keys: int = MAX_KEYS


USUAL = CacheBounds()


class _Known(NamedTuple, Generic[Found]):
    found: Found
    expires_s: float
    read_s: float


class KeyCache(Generic[Found]):
    """A bounded memory of which keys exist and which do not; one per process and sort of keys.

    `load` asks the database for a key: `None` says that there is no such key. Known and unknown
    keys have separate places: a flood of wrong keys displaces no right one.
    """

    def __init__(
        self,
        load: Callable[[str], Coroutine[None, None, Found | None]],
        bounds: CacheBounds = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._bounds = bounds
        self._clock = clock
        # In order of expiry, since every entry lives equally long: the first is the oldest.
        self._known: dict[str, _Known[Found]] = {}
        self._unknown: dict[str, float] = {}
        self._lookups: dict[str, asyncio.Task[Found | None]] = {}

    async def find(self, key: str) -> Found | None:
        """Return what a key leads to, `None` where there is no such key; raises `Unavailable`."""
        entry = self._known.get(key)
        if entry is not None and entry.expires_s > self._clock():
            return entry.found
        if self._unknown.get(key, 0.0) > self._clock():
            return None
        return await self._look_up(key)

    def forget(self, key: str) -> None:
        """Drop what is known of one key; call it after revoking it."""
        self._known.pop(key, None)
        self._unknown.pop(key, None)
        self._lookups.pop(key, None)  # it may have read the row before it went

    def forget_those(self, is_meant: Callable[[Found], bool]) -> None:
        """Drop what is known of the keys that lead to such; call it after changing them."""
        self._lookups.clear()
        for key, entry in list(self._known.items()):
            if is_meant(entry.found):
                del self._known[key]

    async def _look_up(self, key: str) -> Found | None:
        """Ask the database once for all requests that wait for the same key."""
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = asyncio.create_task(self._load(key))
            self._lookups[key] = lookup
            lookup.add_done_callback(lambda done: self._remember(key, done))
        before = self._known.get(key)
        is_recent = before is not None and self._clock() - before.read_s < GRACE_S
        try:
            async with asyncio.timeout(self._bounds.patience_s if is_recent else None):
                # One that is cancelled, or waits no longer, takes no other along.
                return await asyncio.shield(lookup)
        except TimeoutError:
            if before is None or self._known.get(key) is not before:
                return await self._look_up(key)  # forgotten meanwhile
            self._keep_on(key, before)
            return before.found
        except Unavailable:
            entry = self._known.get(key)
            if entry is None or entry.expires_s <= self._clock():
                raise
            return entry.found

    def _remember(self, key: str, done: "asyncio.Task[Found | None]") -> None:
        if self._lookups.get(key) is not done:
            return  # forgotten while it was under way: its answer may be outdated
        del self._lookups[key]
        before = self._known.pop(key, None)
        self._unknown.pop(key, None)
        if done.cancelled():
            return
        now_s = self._clock()
        expires_s = now_s + self._bounds.ttl_s
        if isinstance(done.exception(), Unavailable):
            if before is not None and now_s - before.read_s < GRACE_S:
                self._keep_on(key, before)
        elif done.exception() is None:
            found = done.result()
            if found is None:
                self._unknown[key] = expires_s
            else:
                self._known[key] = _Known(found, expires_s, read_s=now_s)
        self._shrink()

    def _keep_on(self, key: str, before: _Known[Found]) -> None:
        """Let a known key go on for a while, as what was read of it then."""
        self._known.pop(key, None)  # back in at the end, for the order of expiry
        self._known[key] = before._replace(expires_s=self._clock() + self._bounds.ttl_s)

    def _shrink(self) -> None:
        while len(self._known) > self._bounds.max_keys:
            del self._known[next(iter(self._known))]
        while len(self._unknown) > self._bounds.max_keys:
            del self._unknown[next(iter(self._unknown))]
