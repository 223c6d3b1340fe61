"""Sign-ins handed from a CLI to a browser on one machine: short, used once, in memory."""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from controlplane.crypto import hash_token
from schemas.projects import KeyId, UserId

HANDOFF_LIFETIME_S = 120.0
MAX_HANDOFFS = 1_000


class Handoff(NamedTuple):
    """Who is to be signed in, a person or the holder of a key, and where the browser goes next."""

    user_id: UserId | None
    redirect_url: str
    key_id: KeyId | None = None
    """Of the key that signs in where it is no person."""


class Handoffs:
    """The hand-overs that wait for their browser; one per process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[str, tuple[Handoff, float]] = {}

    def offer(self, handoff: Handoff, *, lifetime_s: float = HANDOFF_LIFETIME_S) -> str:
        """Keep a hand-over and return its token of 32 hex digits."""
        self._drop_expired()
        while len(self._waiting) >= MAX_HANDOFFS:
            del self._waiting[next(iter(self._waiting))]
        token = secrets.token_hex(16)
        self._waiting[hash_token(token)] = (handoff, self._clock() + lifetime_s)
        return token

    def redeem(self, token: str) -> Handoff | None:
        """Return the hand-over of a token, once; `None` when it is unknown, used or over."""
        self._drop_expired()
        entry = self._waiting.pop(hash_token(token), None)
        return None if entry is None else entry[0]

    def _drop_expired(self) -> None:
        now_s = self._clock()
        for name in [name for name, (_, until_s) in self._waiting.items() if until_s <= now_s]:
            del self._waiting[name]
