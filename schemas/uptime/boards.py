"""What a public status page shows. Times are microseconds since 1970 UTC.

Nothing else of a project leaves by it: names are those that were chosen for the page, and texts
those that somebody made public.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from schemas.uptime.stretches import Stretch

ComponentState = Literal["up", "degraded", "down", "unknown", "maintenance", "paused"]
DayLevel = Literal["up", "degraded", "partial", "down", "maintenance", "unknown"]
Overall = Literal["up", "degraded", "partial", "down", "incident", "maintenance", "unknown"]
DAYS = 90


class Day(NamedTuple):
    """One day of a component, by the clocks of the page."""

    date: str
    """As 2026-11-29."""
    level: DayLevel
    well_us: int
    """Up or degraded."""
    counted_us: int
    """What uptime is a part of."""
    down_s: int
    degraded_s: int
    unknown_s: int
    """Without data, of the time since the monitor was made."""

    @property
    def uptime_pct(self) -> float | None:
        """Of this day, as `uptime_of`."""
        return uptime_of([self])


def uptime_of(days: Sequence[Day]) -> float | None:
    """Returns the uptime of some days in percent, cut to three decimals; `None` without data."""
    counted_us = sum(day.counted_us for day in days)
    return 100_000 * sum(day.well_us for day in days) // counted_us / 1000 if counted_us else None


class Component(Struct, frozen=True, kw_only=True):
    """One monitor under its public name."""

    component_id: str
    name: str
    state: ComponentState
    days: tuple[Day, ...]
    response_ms: tuple[float | None, ...] = ()
    """The median of each of the last 24 hours, the oldest first; empty where it is not shown."""

    @property
    def uptime_pct(self) -> float | None:
        """Over all of its days."""
        return uptime_of(self.days)


class ComponentGroup(Struct, frozen=True):
    """Components that stand together."""

    name: str
    components: tuple[Component, ...]


class PublicUpdate(NamedTuple):
    """What somebody has told everybody of an incident."""

    at_us: int
    state: str
    text: str


class PublicIncident(Struct, frozen=True, kw_only=True):
    """An incident as everybody may know it."""

    public_id: str
    title: str
    state: str
    started_us: int
    resolved_us: int | None
    names: tuple[str, ...]
    """Of the components that it is about."""
    updates: tuple[PublicUpdate, ...]
    """The newest first."""


class PublicMaintenance(NamedTuple):
    """A maintenance window, and whom it is about."""

    when: Stretch
    names: tuple[str, ...]


class Board(Struct, frozen=True, kw_only=True):
    """A whole page at one moment."""

    page_id: str
    slug: str
    title: str
    description: str
    home_url: str
    time_zone: str
    logo_mark: str
    overall: Overall
    groups: tuple[ComponentGroup, ...]
    incidents: tuple[PublicIncident, ...]
    """The newest first."""
    in_progress: tuple[PublicMaintenance, ...]
    announced: tuple[PublicMaintenance, ...]
    made_us: int

    @property
    def components(self) -> list[Component]:
        """All of all groups."""
        return [one for group in self.groups for one in group.components]

    @property
    def open_incidents(self) -> list[PublicIncident]:
        """Those that go on."""
        return [one for one in self.incidents if one.resolved_us is None]


PUBLIC_STATES: Mapping[str, str] = {
    "triggered": "Investigating",
    "acknowledged": "Identified",
    "resolved": "Resolved",
    "reopened": "Investigating",
}
"""What states and lines of incidents are called there; other lines are updates."""


def public_title(name: str | None, *, is_automatic: bool) -> str:
    """Returns what an incident is called: its own title may name what only the project may know."""
    if name is None:
        return "Incident"
    return f"{name} is down" if is_automatic else f"Incident: {name}"


def public_id(page_id: str, incident_id: str) -> str:
    """Returns what stands for an incident on a page."""
    return hashlib.sha256(f"{page_id}\0{incident_id}".encode()).hexdigest()[:16]


SENTENCES: dict[Overall, str] = {
    "up": "All systems are operational",
    "degraded": "Some systems are slower than usual or partly impaired",
    "partial": "Some systems are down",
    "down": "All systems are down",
    "incident": "We are looking into an incident",
    "maintenance": "Maintenance is in progress",
    "unknown": "There is no recent data of some systems",
}
