"""From what is known of monitors to what a public page shows of them. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from controlplane.uptime.page_sources import PageSource, SourceIncident, SourceMonitor
from schemas.times import from_us
from schemas.uptime.boards import (
    DAYS,
    PUBLIC_STATES,
    Board,
    Component,
    ComponentGroup,
    ComponentState,
    Day,
    DayLevel,
    Overall,
    PublicIncident,
    PublicMaintenance,
    PublicUpdate,
    public_id,
    public_title,
)
from schemas.uptime.days import measure_each
from schemas.uptime.measures import SECOND_US, Measured
from schemas.uptime.states import Flip
from schemas.uptime.stretches import Stretch, is_in
from schemas.zones import DAY_US, clock_of, known_zone

MOST_ANNOUNCED = 10
PARTLY_DOWN_PCT = 95.0
"""A day with some downtime and at least so much uptime."""
Responses = Mapping[str, Sequence[float | None]]
"""By monitor: the median of each hour."""


def day_starts(zone: str, now_us: int) -> list[int]:
    """Returns when the last days began by the clocks of a zone, and now; the oldest first."""
    clock = clock_of(known_zone(zone), now_us - (DAYS + 2) * DAY_US, now_us)
    days = clock.days(now_us - (DAYS + 2) * DAY_US, now_us)[-DAYS:]
    return [*(clock.first_of(day) for day in days), now_us]


def board_of(source: PageSource, responses: Responses, edges: Sequence[int], now_us: int) -> Board:
    """Returns what a page shows; `edges` are those of `day_starts`."""
    config, dates = source.config, _dates(known_zone(source.config.time_zone), edges)
    names = {one.monitor_id: one.name for group in config.groups for one in group.monitors}
    groups = []
    for group in config.groups:
        components = tuple(
            _component(
                source.monitors[one.monitor_id],
                (one.component_id, one.name),
                list(zip(dates, pairwise(edges), strict=True)),
                responses,
            )
            for one in group.monitors
            if one.monitor_id in source.monitors
        )
        groups.append(ComponentGroup(group.name, components))
    incidents = tuple(_incident(source.page_id, one, names) for one in source.incidents)
    in_progress, announced = _maintenance(source, names, now_us)
    states = [one.state for group in groups for one in group.components]
    is_troubled = any(one.resolved_us is None for one in incidents)
    return Board(
        page_id=source.page_id,
        slug=config.slug,
        title=config.title,
        description=config.description,
        home_url=config.home_url,
        time_zone=known_zone(config.time_zone),
        logo_mark=source.logo_mark,
        overall=overall_of(states, is_troubled=is_troubled),
        groups=tuple(group for group in groups if group.components),
        incidents=incidents,
        in_progress=in_progress,
        announced=announced,
        made_us=now_us,
    )


def overall_of(states: Sequence[ComponentState], *, is_troubled: bool) -> Overall:
    """Returns what all components together are: the worst that holds. Unknown is not up."""
    watched = [state for state in states if state != "paused"]
    if watched and all(state == "down" for state in watched):
        return "down"
    if "down" in watched:
        return "partial"
    if "degraded" in watched:
        return "degraded"
    if is_troubled:
        return "incident"
    if "maintenance" in watched:
        return "maintenance"
    return "up" if watched and "unknown" not in watched else "unknown"


def _component(
    monitor: SourceMonitor,
    named: tuple[str, str],
    days: Sequence[tuple[str, tuple[int, int]]],
    responses: Responses,
) -> Component:
    now_us = days[-1][1][1]
    flips = _with_silence(monitor, now_us)
    ranges = [Stretch(*bounds) for _, bounds in days]
    measures = measure_each(ranges, monitor.created_us, flips, monitor.overlays)
    found = [_day(date, one) for (date, _), one in zip(days, measures, strict=True)]
    return Component(
        component_id=named[0],
        name=named[1],
        state=_state(monitor, flips, now_us),
        days=tuple(found),
        response_ms=tuple(responses.get(monitor.monitor_id, ())),
    )


def _with_silence(monitor: SourceMonitor, now_us: int) -> list[Flip]:
    """Returns the flips, with the one that no check has told of for long."""
    flips = list(monitor.flips)
    last_us = monitor.last_us
    if last_us is None or not flips or flips[-1].after == "unknown":
        return flips
    if now_us - last_us > monitor.silence_us:
        silent_us = max(last_us + monitor.interval_us, flips[-1].at_us + 1)
        flips.append(Flip(silent_us, flips[-1].after, "unknown"))
    return flips


def _state(monitor: SourceMonitor, flips: Sequence[Flip], now_us: int) -> ComponentState:
    if monitor.is_paused:
        return "paused"
    if is_in(monitor.overlays.maintenance, now_us - 1):
        return "maintenance"
    return flips[-1].after if flips else "unknown"


def _day(date: str, measured: Measured) -> Day:
    return Day(
        date=date,
        level=_level(measured),
        well_us=measured.up_us + measured.degraded_us,
        counted_us=measured.counted_us,
        down_s=-(-measured.down_us // SECOND_US),
        degraded_s=measured.degraded_us // SECOND_US,
        unknown_s=measured.unknown_us // SECOND_US,
    )


def _level(measured: Measured) -> DayLevel:
    """Returns how a day is drawn: an outage that was seen shows, whatever else is unknown."""
    uptime_pct = measured.uptime_pct
    if measured.down_us and uptime_pct is not None:
        return "partial" if uptime_pct >= PARTLY_DOWN_PCT else "down"
    if not measured.counted_us:
        return "maintenance" if measured.maintenance_us else "unknown"
    if measured.unknown_us > measured.counted_us:
        return "unknown"
    return "degraded" if measured.degraded_us else "up"


def _incident(page_id: str, incident: SourceIncident, names: Mapping[str, str]) -> PublicIncident:
    name = names.get(incident.monitor_id or "")
    return PublicIncident(
        public_id=public_id(page_id, incident.incident_id),
        title=public_title(name, is_automatic=incident.is_automatic),
        state=PUBLIC_STATES[incident.state],
        started_us=incident.started_us,
        resolved_us=incident.resolved_us,
        names=() if name is None else (name,),
        updates=tuple(
            PublicUpdate(one.at_us, PUBLIC_STATES.get(one.kind, "Update"), one.text)
            for one in incident.updates
        ),
    )


def _maintenance(
    source: PageSource, names: Mapping[str, str], now_us: int
) -> tuple[tuple[PublicMaintenance, ...], tuple[PublicMaintenance, ...]]:
    """Returns what goes on, and what comes next of each monitor."""
    current: dict[Stretch, list[str]] = defaultdict(list)
    coming: dict[Stretch, list[str]] = defaultdict(list)
    for monitor_id, name in names.items():
        monitor = source.monitors.get(monitor_id)
        windows = () if monitor is None else monitor.overlays.maintenance
        for one in windows:
            if one.start_us <= now_us < one.end_us:
                current[one].append(name)
        following = next((one for one in windows if one.start_us > now_us), None)
        if following is not None:
            coming[following].append(name)
    first, then = (
        tuple(PublicMaintenance(when, tuple(of)) for when, of in sorted(found.items()))
        for found in (current, coming)
    )
    return first, then[:MOST_ANNOUNCED]


def _dates(zone: str, edges: Sequence[int]) -> list[str]:
    clock = clock_of(zone, edges[0], edges[-1])
    return [f"{from_us(us + clock.offset_at(us)):%Y-%m-%d}" for us in edges[:-1]]
