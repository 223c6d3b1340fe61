"""What happens to monitors and incidents, as it is told to people and programs."""

from typing import Literal, NamedTuple

from schemas.uptime.states import Flip

EventType = Literal[
    "monitor.up", "monitor.degraded", "monitor.down",
    "incident.triggered", "incident.acknowledged", "incident.resolved", "incident.reopened",
    "incident.noted",
    "certificate.expiring", "domain.expiring", "sla.breached", "slo.burning", "latency.unusual",
]  # fmt: skip


class Turn(NamedTuple):
    """A change of a monitor's state, to up, degraded or down, that has to be told."""

    flip: Flip
    is_quiet: bool
    """Whether the monitor was in maintenance then."""
