"""A check as a row of the store, and its id."""

import hashlib
from typing import NamedTuple

from schemas.uptime.checks import Outcome


class CheckRow(NamedTuple):
    """Times are microseconds since 1970 UTC, durations milliseconds."""

    check_id: str
    monitor_id: str
    region: str
    slot_us: int
    attempt: int
    started_us: int
    revision: int
    outcome: Outcome
    reason: str
    message: str
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    transfer_ms: float | None
    total_ms: float
    status_code: int | None
    peer: str
    expires_us: int | None
    certificate: bytes
    """As JSON; empty where none was shown."""


def check_id(monitor_id: str, region: str, slot_us: int, attempt: int) -> str:
    """Returns the id of a check: who says it twice names it twice."""
    name = f"{monitor_id}\0{region}\0{slot_us}\0{attempt}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]
