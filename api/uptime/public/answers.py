"""A public page as JSON. Times are ISO 8601, UTC."""

import msgspec
from msgspec import Struct

from api.uptime.public.words import iso
from schemas.uptime.boards import (
    SENTENCES,
    Board,
    Component,
    PublicIncident,
    PublicMaintenance,
    uptime_of,
)


class DayAnswer(Struct, frozen=True):
    """One day by the clocks of the page; null where nothing is known."""

    date: str
    uptime_pct: float | None
    downtime_s: int
    no_data_s: int


class ComponentAnswer(Struct, frozen=True, kw_only=True):
    """One of what the page watches."""

    id: str
    name: str
    group: str
    state: str
    """up, degraded, down, unknown, maintenance or paused."""
    uptime_pct: dict[str, float | None]
    """By days: 1d (today), 7d, 30d, 90d."""
    days: list[DayAnswer]


class UpdateAnswer(Struct, frozen=True):
    """What was told of an incident."""

    at: str
    state: str
    text: str


class PublicIncidentAnswer(Struct, frozen=True, kw_only=True):
    """An incident."""

    id: str
    title: str
    state: str
    started_at: str
    resolved_at: str | None
    components: list[str]
    updates: list[UpdateAnswer]


class MaintenanceAnswer(Struct, frozen=True):
    """A maintenance window."""

    starts_at: str
    ends_at: str
    components: list[str]
    in_progress: bool


class PageAnswer(Struct, frozen=True, kw_only=True):
    """All of a page, with the incidents that go on and the newest others."""

    title: str
    state: str
    sentence: str
    time_zone: str
    updated_at: str
    components: list[ComponentAnswer]
    incidents: list[PublicIncidentAnswer]
    maintenance: list[MaintenanceAnswer]


MOST_INCIDENTS = 50
PERIODS = (1, 7, 30, 90)


def json_of(board: Board) -> bytes:
    """Returns the whole page."""
    answer = PageAnswer(
        title=board.title,
        state=board.overall,
        sentence=SENTENCES[board.overall],
        time_zone=board.time_zone,
        updated_at=iso(board.made_us),
        components=[
            _component(one, group.name) for group in board.groups for one in group.components
        ],
        incidents=[_incident(one) for one in board.incidents[:MOST_INCIDENTS]],
        maintenance=[
            *(_window(one, in_progress=True) for one in board.in_progress),
            *(_window(one, in_progress=False) for one in board.announced),
        ],
    )
    return msgspec.json.encode(answer)


def _component(one: Component, group: str) -> ComponentAnswer:
    return ComponentAnswer(
        id=one.component_id,
        name=one.name,
        group=group,
        state=one.state,
        uptime_pct={f"{days}d": uptime_of(one.days[-days:]) for days in PERIODS},
        days=[DayAnswer(day.date, day.uptime_pct, day.down_s, day.unknown_s) for day in one.days],
    )


def _incident(one: PublicIncident) -> PublicIncidentAnswer:
    return PublicIncidentAnswer(
        id=one.public_id,
        title=one.title,
        state=one.state.lower(),
        started_at=iso(one.started_us),
        resolved_at=None if one.resolved_us is None else iso(one.resolved_us),
        components=list(one.names),
        updates=[UpdateAnswer(iso(of.at_us), of.state.lower(), of.text) for of in one.updates],
    )


def _window(one: PublicMaintenance, *, in_progress: bool) -> MaintenanceAnswer:
    start, end = iso(one.when.start_us), iso(one.when.end_us)
    return MaintenanceAnswer(start, end, list(one.names), in_progress)
