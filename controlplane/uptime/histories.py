"""What is known of monitors: read before checks are put in, written when they are.

A change is won by the version of the monitor that it was worked out from. With it go its flips and
its incidents, in one transaction; who loses works it out anew.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, cast
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.models import Project
from controlplane.uptime.auto_incidents import bring_up
from controlplane.uptime.events import note_event
from controlplane.uptime.models import Incident, Monitor, MonitorFlip, MonitorState
from controlplane.uptime.monitors import read_policies
from controlplane.uptime.overlays import read_overlays
from schemas.projects import ProjectId
from schemas.uptime.events import EventType, Turn
from schemas.uptime.flapping import WINDOW_US
from schemas.uptime.incidents import REOPEN_US, Due, OfItself, Resolution
from schemas.uptime.measures import Overlays
from schemas.uptime.states import (
    OF_MONITOR,
    Flip,
    MonitorHistory,
    Policy,
    Rewritten,
    State,
)
from schemas.uptime.stretches import Stretch
from schemas.uptime.targets import MonitorId
from schemas.zones import DAY_US

AT_ONCE = 500
"""Ids in one statement."""
MOST_FLIPS = 100
"""Before a check that came late: among them is one behind which no check is late."""
TYPES: Mapping[State, EventType] = {
    "up": "monitor.up",
    "degraded": "monitor.degraded",
    "down": "monitor.down",
}
_decode = msgspec.msgpack.Decoder(MonitorHistory).decode


class Standing(Struct, frozen=True):
    """What is known of a monitor."""

    monitor_id: MonitorId
    project_id: ProjectId
    version: int
    history: MonitorHistory
    policies: Sequence[Policy]
    """The oldest first; never empty."""
    state: State
    since_us: int | None


class Past(NamedTuple):
    """The flips and incidents of a monitor around a moment."""

    regions: dict[str, list[Flip]]
    """Since then, and the one before."""
    monitor: list[Flip]
    """As those; and the one before, if it is down then."""
    overlays: Overlays
    incidents: list[OfItself]
    earlier: list[Flip]
    """Those of the monitor in the hour before."""


class Change(Struct, frozen=True):
    """What a monitor's checks come to."""

    standing: Standing
    history: MonitorHistory
    state: State
    since_us: int | None
    last_us: int
    rewritten: Sequence[Rewritten] = ()
    """Flips of regions, and those of the monitor where the region is empty."""
    incidents: Sequence[Due] = ()
    turns: Sequence[Turn] = ()
    """Those of its flips that have to be told."""
    causes: Mapping[str, str] = {}
    """What the newest failed and the newest degraded of its checks say to people, by outcome."""


async def read_standings(database: Database, monitor_ids: Collection[str]) -> dict[str, Standing]:
    """Returns what is known of monitors of live projects, by id; unknown ones are not in it."""
    found = {}
    query = (
        select(Monitor.id, Monitor.project_id, Monitor.policies, MonitorState)
        .join(MonitorState, MonitorState.monitor_id == Monitor.id)
        .join(Project, Project.id == Monitor.project_id)
        .where(Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        wanted = sorted(monitor_ids)
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            for row in (await session.execute(query.where(Monitor.id.in_(some)))).all():
                state = row[3]
                found[row[0]] = Standing(
                    MonitorId(row[0]),
                    ProjectId(str(row[1])),
                    state.version,
                    _decode(state.history),
                    read_policies(row[2]),
                    cast("State", state.state),
                    state.since_us,
                )
    return found


async def list_late(database: Database, limit: int) -> list[str]:
    """Returns monitors of which checks came so late that the stored ones have to be read."""
    query = select(MonitorState.monitor_id).where(MonitorState.is_late.is_(True))
    async with database.reading() as session:
        return list(await session.scalars(query.order_by(MonitorState.monitor_id).limit(limit)))


async def read_past(database: Database, standing: Standing, from_us: int, now_us: int) -> Past:
    """Returns what is known of a monitor since a moment."""
    monitor_id = standing.monitor_id
    async with database.reading() as session:
        regions = await _flips(session, monitor_id, from_us)
        monitor = regions.pop(OF_MONITOR, [])
        if monitor and monitor[0].at_us < from_us and monitor[0].after in ("down", "unknown"):
            # An outage that goes on has begun before; silence may follow one.
            begun_us = await _begun(session, monitor_id, monitor[0].at_us)
            monitor = (await _flips(session, monitor_id, begun_us, only_monitor=True))[OF_MONITOR]
        since_us = min([from_us, *(flip.at_us for flip in monitor)])
        incidents = await _incidents(session, monitor_id, since_us)
        first_us = min([since_us, *(one.started_us for one in incidents)])
        if first_us < since_us:
            monitor = (await _flips(session, monitor_id, first_us, only_monitor=True)).get(
                OF_MONITOR, []
            )
        first_us = min([first_us, *(flip.at_us for flip in monitor)])
        earlier = await _flips_between(session, monitor_id, first_us - WINDOW_US, first_us)
        bounds = Stretch(first_us - WINDOW_US, now_us + DAY_US)
        overlays = await read_overlays(session, monitor_id, bounds)
    return Past(regions, monitor, overlays, incidents, earlier)


async def read_flips(
    database: Database, monitor_id: str, region: str, before_us: int
) -> list[Flip]:
    """Returns the last flips of one region before a moment, in order."""
    of = MonitorFlip
    query = select(of).where(of.monitor_id == monitor_id, of.region == region, of.at_us < before_us)
    async with database.reading() as session:
        rows = await session.scalars(query.order_by(of.at_us.desc()).limit(MOST_FLIPS))
        return [_flip(row) for row in rows][::-1]


async def write_changes(
    database: Database, changes: Sequence[Change], now_us: int
) -> list[MonitorId]:
    """Writes changes; returns the monitors that have changed meanwhile, and so are not written."""
    lost = []
    async with database.session() as session:
        for change in sorted(changes, key=lambda one: one.standing.monitor_id):
            if not await _won(session, change):
                lost.append(change.standing.monitor_id)
                continue
            for rewritten in change.rewritten:
                await _rewrite(session, change.standing.monitor_id, rewritten)
            for turn in change.turns:
                await _note_turn(session, change, turn, now_us)
            if change.incidents:
                cause = change.causes.get("fail", "")
                monitor_id = change.standing.monitor_id
                await bring_up(session, monitor_id, change.incidents, now_us, cause)
    return lost


async def _won(session: AsyncSession, change: Change) -> bool:
    of, known = MonitorState, change.standing
    statement = (
        update(of)
        .where(of.monitor_id == known.monitor_id, of.version == known.version)
        .values(
            version=known.version + 1,
            history=msgspec.msgpack.encode(change.history),
            state=change.state,
            since_us=change.since_us,
            last_us=change.last_us,
            is_late=bool(change.history.late),
        )
        .returning(of.monitor_id)
        .execution_options(synchronize_session=False)
    )
    return await session.scalar(statement) is not None


async def _note_turn(session: AsyncSession, change: Change, turn: Turn, now_us: int) -> None:
    flip, known = turn.flip, change.standing
    cause = change.causes.get("fail" if flip.after == "down" else flip.after, "")
    await note_event(
        session,
        project_id=UUID(known.project_id),
        type=TYPES[flip.after],
        at_us=flip.at_us,
        now_us=now_us,
        monitor_id=known.monitor_id,
        quiet=turn.is_quiet,
        details={"before": flip.before, "after": flip.after, "cause": cause},
    )


async def _rewrite(session: AsyncSession, monitor_id: str, rewritten: Rewritten) -> None:
    of = MonitorFlip
    gone = (of.monitor_id == monitor_id) & (of.region == rewritten.region)
    await session.execute(
        delete(of)
        .where(gone, of.at_us >= rewritten.from_us)
        .execution_options(synchronize_session=False)
    )
    rows = [
        {"monitor_id": monitor_id, "region": rewritten.region, **flip._asdict()}
        for flip in rewritten.flips
    ]
    if rows:
        await session.execute(insert(of), rows)


async def _flips(
    session: AsyncSession, monitor_id: str, from_us: int, *, only_monitor: bool = False
) -> dict[str, list[Flip]]:
    """Returns flips since a moment, each region's with the one before."""
    of = MonitorFlip
    mine = of.monitor_id == monitor_id
    if only_monitor:
        mine &= of.region == OF_MONITOR
    before = (
        select(of.region, func.max(of.at_us)).where(mine, of.at_us < from_us).group_by(of.region)
    )
    firsts = [
        (of.region == region) & (of.at_us == at_us)
        for region, at_us in (await session.execute(before)).all()
    ]
    query = select(of).where(mine, or_(of.at_us >= from_us, *firsts)).order_by(of.at_us)
    found: dict[str, list[Flip]] = {}
    for row in await session.scalars(query):
        found.setdefault(row.region, []).append(_flip(row))
    return found


async def _flips_between(
    session: AsyncSession, monitor_id: str, from_us: int, to_us: int
) -> list[Flip]:
    of = MonitorFlip
    mine = (of.monitor_id == monitor_id) & (of.region == OF_MONITOR)
    query = select(of).where(mine, of.at_us >= from_us, of.at_us < to_us).order_by(of.at_us)
    return [_flip(row) for row in await session.scalars(query)]


def _flip(row: MonitorFlip) -> Flip:
    return Flip(row.at_us, cast("State", row.before), cast("State", row.after))


async def _begun(session: AsyncSession, monitor_id: str, at_us: int) -> int:
    """Returns since when a monitor was not up, at a moment; that moment where it was."""
    of = MonitorFlip
    mine = (of.monitor_id == monitor_id) & (of.region == OF_MONITOR)
    well = of.after.in_(("up", "degraded"))
    last_well = select(func.max(of.at_us)).where(mine, well, of.at_us <= at_us)
    well_us = await session.scalar(last_well)
    first = select(func.min(of.at_us)).where(mine, of.at_us > (-1 if well_us is None else well_us))
    found = await session.scalar(first)
    return at_us if found is None else min(found, at_us)


async def _incidents(session: AsyncSession, monitor_id: str, since_us: int) -> list[OfItself]:
    of = Incident
    query = (
        select(of)
        .where(of.monitor_id == monitor_id, of.origin == "auto")
        .where(or_(of.resolved_us.is_(None), of.resolved_us >= since_us - REOPEN_US))
        .order_by(of.started_us)
    )
    return [
        OfItself(
            row.id,
            row.started_us,
            row.resolved_us,
            cast("Resolution | None", row.resolution),
            row.reopened,
        )
        for row in await session.scalars(query)
    ]
