"""The registration of a domain, as its registry tells it by RDAP."""

import time

from probes.findings import Finding, failed, quoted, unclear
from probes.hosts import ascii_host, literal
from probes.marks import Marks
from probes.rdap import Registration
from probes.tools import Tools
from schemas.times import from_us
from schemas.uptime.targets import Target

DAY_US = 86_400_000_000
LOST = frozenset({"redemption period", "pending delete"})
"""RFC 8056 2: the registration has ended, and may be taken back for a while."""


async def look(target: Target, tools: Tools, marks: Marks) -> Finding:
    """Asks the registry. Raises `Trouble`."""
    host = ascii_host(target.host).lower().removesuffix(".")
    if literal(host) is not None or "." not in host:
        raise unclear("invalid_target", f"{quoted(host)} is no domain: write such as example.com")
    return _judged(await tools.registries.registration(host, marks), target.expiry_warning_days)


def _judged(found: Registration, warning_days: int) -> Finding:
    now_us = time.time_ns() // 1000
    lost = LOST & {status.lower() for status in found.statuses}
    if lost:
        raise failed(
            "expired", f"the domain {quoted(found.name)} has the status {', '.join(lost)}: renew"
        )
    if found.expires_us is None:
        raise unclear("unsupported", f"the registry does not say when {quoted(found.name)} ends")
    day = f"{from_us(found.expires_us):%Y-%m-%d}"
    if found.expires_us <= now_us:
        raise failed(
            "expired", f"the registration of {quoted(found.name)} ended on {day}: renew it"
        )
    if found.expires_us - now_us < warning_days * DAY_US:
        return Finding(
            outcome="degraded",
            reason="ending_soon",
            message=f"the registration of {quoted(found.name)} ends on {day}, within"
            f" the {warning_days} days of the warning: renew it",
            expires_us=found.expires_us,
        )
    return Finding(expires_us=found.expires_us)
