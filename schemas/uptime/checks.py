"""What one check of one monitor from one region saw."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from schemas.projects import ProjectId
from schemas.uptime.targets import MonitorId

Outcome = Literal["ok", "degraded", "fail", "inconclusive"]
"""`inconclusive` is the prober's own fault (it is overloaded, offline, or refuses the target): it
moves no state and counts as no data."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Phases(Struct, frozen=True, omit_defaults=True):
    """How long each part took, in milliseconds. A phase that did not take place is `None`."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    """From the end of sending to the first byte of the answer."""
    transfer_ms: float | None = None
    total_ms: float = 0.0


class Certificate(Struct, frozen=True):
    """The leaf of the chain that a server showed. Times are microseconds since 1970 UTC."""

    subject: str
    issuer: str
    not_before_us: int
    not_after_us: int
    """The earliest end of the chain."""
    sha256: str


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A result. It belongs to its slot: (monitor, region, slot, attempt) is said once."""

    monitor_id: MonitorId
    project_id: ProjectId
    region: str
    slot_us: int
    """When it was due, microseconds since 1970 UTC."""
    started_us: int
    attempt: int = 0
    """0 is the check of the slot; more are looks again after a failure, before the next slot."""
    revision: int = 1
    outcome: Outcome
    reason: str = ""
    """A word for machines, as `timeout`, `refused`, `status`, `tls`, `dns`, `assertion`;
    empty if ok."""
    message: str = ""
    """What people read: it names the value and the rule."""
    phases: Phases = Phases()
    status_code: int | None = None
    peer: str = ""
    """The address that answered."""
    certificate: Certificate | None = None
    expires_us: int | None = None
    """The end of a certificate or of a domain's registration, where one was looked at."""


MAX_AHEAD_US = 300_000_000
"""How far a slot may lie after its arrival: as far as clocks of machines go wrong."""
Moment = Annotated[int, Meta(ge=0, le=9_999_999_999_999_999)]


class SentCheck(Struct, frozen=True, kw_only=True):
    """A check as it comes over the wire: as `Check`, with bounds, of the project that sends it."""

    monitor_id: Annotated[str, Meta(pattern=r"^mon_[a-z0-9]{8}$")]
    region: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    slot_us: Moment
    started_us: Moment
    attempt: Annotated[int, Meta(ge=0, le=20)] = 0
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    outcome: Outcome
    reason: Annotated[str, Meta(max_length=64)] = ""
    message: Annotated[str, Meta(max_length=10_000)] = ""
    phases: Phases = Phases()
    status_code: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    peer: Annotated[str, Meta(max_length=100)] = ""
    certificate: Certificate | None = None
    expires_us: Moment | None = None
