"""How many requests a minute a key may make, or whatever else is counted so."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from ingest.rejections import RateLimited


class Quotas:
    """Counts requests by key and minute, in this process; `counts` is what a key stands for."""

    def __init__(self, requests_per_minute: int, counts: str = "key") -> None:
        self._counts = counts
        self._limit = (
            RateLimitItemPerMinute(requests_per_minute) if requests_per_minute > 0 else None
        )
        self._counter = FixedWindowRateLimiter(MemoryStorage())

    def take(self, key: str) -> None:
        """Counts one request. Raises `RateLimited` beyond the limit, until the minute is over."""
        if self._limit is None or self._counter.hit(self._limit, key):
            return
        ends_at = self._counter.get_window_stats(self._limit, key).reset_time
        raise RateLimited(
            f"Rate limit exceeded: {self._limit.amount} requests a minute for each {self._counts}",
            retry_after_s=max(1, math.ceil(ends_at - time.time())),
        )
