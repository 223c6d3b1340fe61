"""How many requests a minute a monitor key may make, in this process."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from controlplane.failures import TooManyRequests


class Rates:
    """Counts requests by key and minute; 0 requests a minute is no limit."""

    def __init__(self, requests_per_minute: int) -> None:
        self._limit = (
            RateLimitItemPerMinute(requests_per_minute) if requests_per_minute > 0 else None
        )
        self._counter = FixedWindowRateLimiter(MemoryStorage())

    def take(self, token_id: str) -> None:
        """Counts one request. Raises `TooManyRequests` beyond the limit."""
        if self._limit is None or self._counter.hit(self._limit, token_id):
            return
        ends_at = self._counter.get_window_stats(self._limit, token_id).reset_time
        raise TooManyRequests(
            f"Rate limit exceeded: {self._limit.amount} requests a minute for each key",
            retry_after_s=max(1, math.ceil(ends_at - time.time())),
        )
