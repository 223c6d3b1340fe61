"""How often anybody may ask to follow a page: against floods, and against emails to others."""

import hashlib
import secrets
import time

from limits import RateLimitItem, RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from controlplane.attempts import network_of
from controlplane.failures import TooManyRequests

PER_CLIENT = RateLimitItemPerHour(10)
PER_PAGE = RateLimitItemPerHour(100)
IN_ALL = RateLimitItemPerHour(500)
BUCKETS = 1 << 16
"""Clients share so many counters: a flood of them takes bounded memory."""


class FollowRates:
    """Counts what is asked, in this process."""

    def __init__(self) -> None:
        self._counter = FixedWindowRateLimiter(MemoryStorage())
        self._key = secrets.token_bytes(16)

    def take(self, address: str, page_id: str) -> None:
        """Counts one request. Raises `TooManyRequests`."""
        digest = hashlib.blake2b(network_of(address).encode(), key=self._key, digest_size=4)
        client = str(int.from_bytes(digest.digest()) % BUCKETS)
        # In this order: one client alone uses up nothing of the others.
        for limit, name in ((PER_CLIENT, client), (PER_PAGE, page_id), (IN_ALL, "all")):
            self._hit(limit, name)

    def _hit(self, limit: RateLimitItem, name: str) -> None:
        if not self._counter.hit(limit, name):
            ends_at = self._counter.get_window_stats(limit, name).reset_time
            raise TooManyRequests(
                "Too many requests: try again later",
                retry_after_s=max(1, int(ends_at - time.time()) + 1),
            )
