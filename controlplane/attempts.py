"""How often one address, or one email, may try to sign in or up."""

import hashlib
import ipaddress
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from controlplane.errors import TooManyRequests

PER_ADDRESS = 30
PER_EMAIL = 10
# Addresses and emails share this many counters, so that a flood of them takes bounded memory.
_BUCKETS = 1 << 16


class AttemptLimits:
    """Counts attempts per minute in memory; one per process."""

    def __init__(self, *, per_address: int = PER_ADDRESS, per_email: int = PER_EMAIL) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._per_address = RateLimitItemPerMinute(per_address)
        self._per_email = RateLimitItemPerMinute(per_email)

    async def count(self, address: str, email: str | None = None) -> None:
        """Count one attempt; raises `TooManyRequests` when there were too many this minute."""
        await self._hit(self._per_address, "address", network_of(address))
        if email is not None:
            await self._hit(self._per_email, "email", email.strip().lower())

    async def _hit(self, item: RateLimitItem, kind: str, value: str) -> None:
        bucket = _bucket(value)
        if not await self._limiter.hit(item, kind, bucket):
            window = await self._limiter.get_window_stats(item, kind, bucket)
            wait_s = int(window.reset_time - time.time()) + 1
            raise TooManyRequests("Too many attempts, try again later", retry_after_s=wait_s)


def network_of(address: str) -> str:
    """Return what one client holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), 64), strict=False))


def _bucket(value: str) -> str:
    digest = hashlib.sha256(value.encode(errors="surrogatepass")).digest()
    return str(int.from_bytes(digest[:4]) % _BUCKETS)
