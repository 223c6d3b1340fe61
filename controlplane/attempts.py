"""How often one address, or one email, may try to sign in or up, or bring an invitation."""

import hashlib
import ipaddress
import secrets
import time

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from msgspec import Struct

from controlplane.failures import TooManyRequests

# Addresses and emails share this many counters, so that a flood of them takes bounded memory.
_BUCKETS = 1 << 16


class AttemptRates(Struct, frozen=True):
    """How many attempts are let through."""

    per_address: int = 30
    """A minute."""
    per_email_and_address: int = 10
    """A minute: a stranger who guesses is stopped here, and stops nobody at another address."""
    per_email: int = 300
    """A minute over all addresses: many machines together guess no faster than this."""
    signups_per_address: int = 30
    """An hour."""


class AttemptLimits:
    """Counts attempts in memory; one per process."""

    def __init__(self, rates: AttemptRates) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._address = RateLimitItemPerMinute(rates.per_address)
        self._pair = RateLimitItemPerMinute(rates.per_email_and_address)
        self._email = RateLimitItemPerMinute(rates.per_email)
        self._signup = RateLimitItemPerHour(rates.signups_per_address)
        # Nobody outside can find an email that shares its counter with another's.
        self._key = secrets.token_bytes(16)

    async def count(self, address: str, email: str | None = None) -> None:
        """Count one attempt; raises `TooManyRequests` when there were too many this minute.

        What one limit stops does not count for the next: one address alone cannot use up what an
        email has in all.
        """
        network = network_of(address)
        await self._hit(self._address, "address", network)
        if email is not None:
            cleaned = email.strip().lower()
            await self._hit(self._pair, "pair", f"{network} {cleaned}")
            await self._hit(self._email, "email", cleaned)

    async def count_signup(self, address: str) -> None:
        """Count one account that is about to be made; raises `TooManyRequests`."""
        await self._hit(self._signup, "signup", network_of(address))

    async def _hit(self, item: RateLimitItem, kind: str, value: str) -> None:
        bucket = self._bucket(value)
        if not await self._limiter.hit(item, kind, bucket):
            window = await self._limiter.get_window_stats(item, kind, bucket)
            wait_s = int(window.reset_time - time.time()) + 1
            raise TooManyRequests("Too many attempts, try again later", retry_after_s=wait_s)

    def _bucket(self, value: str) -> str:
        text = value.encode(errors="surrogatepass")
        digest = hashlib.blake2b(text, key=self._key, digest_size=4).digest()
        return str(int.from_bytes(digest) % _BUCKETS)


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
