"""How many requests a minute a monitor key may make, in this process."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from controlplane.failures import TooManyRequests


class Rates:
    """Counts requests by key and minute; 0 requests a minute is no limit."""

    def __init__(self, requests_per_minute: int) -> None:
        self._limit = (
            RateLimitItemPerMinute(requests_per_minute) if requests_per_minute > 0 else None
        )
        self._counter = FixedWindowRateLimiter(MemoryStorage())

    async def take(self, token_id: str) -> None:
        """Counts one request. Raises `TooManyRequests` beyond the limit."""
        if self._limit is None or await self._counter.hit(self._limit, token_id):
            return
        window = await self._counter.get_window_stats(self._limit, token_id)
        raise TooManyRequests(
            f"Rate limit exceeded: {self._limit.amount} requests a minute for each key",
            retry_after_s=max(1, math.ceil(window.reset_time - time.time())),
        )
