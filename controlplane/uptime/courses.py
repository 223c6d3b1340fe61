"""What uptime is worked out from: the flips of monitors in a range, and what does not count."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.uptime.models import MonitorFlip
from controlplane.uptime.overlays import read_overlays_of
from schemas.uptime.days import Day, DayBar, day_bars
from schemas.uptime.measures import Overlays
from schemas.uptime.states import OF_MONITOR, Flip, State
from schemas.uptime.stretches import Stretch
from schemas.uptime.targets import MonitorId

AT_ONCE = 500
"""Monitors in one statement."""


MINE = MonitorFlip.monitor_id.in_(bindparam("ids", expanding=True)) & (
    MonitorFlip.region == OF_MONITOR
)
BEFORE = (
    select(MonitorFlip.monitor_id, func.max(MonitorFlip.at_us).label("at_us"))
    .where(MINE, MonitorFlip.at_us < bindparam("from_us"))
    .group_by(MonitorFlip.monitor_id)
    .subquery()
)
FLIPS = (
    select(MonitorFlip.monitor_id, MonitorFlip.at_us, MonitorFlip.before, MonitorFlip.after)
    .outerjoin(BEFORE, BEFORE.c.monitor_id == MonitorFlip.monitor_id)
    .where(MINE, MonitorFlip.at_us < bindparam("to_us"))
    .where(
        MonitorFlip.at_us >= func.coalesce(BEFORE.c.at_us, bindparam("from_us", type_=BigInteger))
    )
    .order_by(MonitorFlip.monitor_id, MonitorFlip.at_us)
)
"""Made once: to put them together takes longer than to ask them."""


class Followed(Protocol):
    """What has to be known of a monitor."""

    @property
    def monitor_id(self) -> MonitorId:
        """Its id."""
        ...

    @property
    def created_us(self) -> int:
        """When it was made."""
        ...

    @property
    def last_us(self) -> int | None:
        """The newest slot that a check told of."""
        ...

    @property
    def silence_us(self) -> int:
        """How long nothing may be heard before the state is unknown."""
        ...

    @property
    def interval_us(self) -> int:
        """Between two slots."""
        ...

    @property
    def resumed_us(self) -> int | None:
        """When its last pause ended: what checks before told is not known any more."""
        ...


class Course(NamedTuple):
    """How a monitor was, in a range."""

    flips: list[Flip]
    """Of the range, and the one before; with the silence until its end."""
    overlays: Overlays


async def read_course(
    database: Database, monitor: Followed, bounds: Stretch, now_us: int | None = None
) -> Course:
    """Returns how a monitor was in a range; it ends now where no `now_us` is given."""
    found = await read_courses(database, [monitor], bounds, now_us)
    return found[monitor.monitor_id]


async def read_courses(
    database: Database, monitors: Sequence[Followed], bounds: Stretch, now_us: int | None = None
) -> dict[MonitorId, Course]:
    """Returns how monitors were in a range, with two statements for each 500 of them."""
    found = {}
    for first in range(0, len(monitors), AT_ONCE):
        some = monitors[first : first + AT_ONCE]
        ids = [one.monitor_id for one in some]
        async with database.reading() as session:
            flips = await _read_flips(session, ids, bounds)
            overlays = await read_overlays_of(session, ids, bounds)
        for one in some:
            own = flips.get(one.monitor_id, [])
            _end_in_silence(own, one, bounds.end_us if now_us is None else now_us)
            found[one.monitor_id] = Course(own, overlays[one.monitor_id])
    return found


async def read_day_bars(
    database: Database, monitors: Sequence[Followed], days: Sequence[Day]
) -> dict[MonitorId, list[DayBar]]:
    """Returns how monitors were on each of `schemas.uptime.days.last_days`."""
    bounds = Stretch(days[0].bounds.start_us, days[-1].bounds.end_us)
    courses = await read_courses(database, monitors, bounds)
    return {
        one.monitor_id: day_bars(days, one.created_us, *courses[one.monitor_id]) for one in monitors
    }


def silent_since(monitor: Followed, now_us: int) -> int | None:
    """Returns since when no check has told of a monitor; `None` where that is not long."""
    if monitor.last_us is not None and monitor.last_us < (monitor.resumed_us or 0):
        return monitor.resumed_us
    if monitor.last_us is None or now_us - monitor.last_us <= monitor.silence_us:
        return None
    return monitor.last_us + monitor.interval_us


def _end_in_silence(flips: list[Flip], monitor: Followed, now_us: int) -> None:
    silent_us = silent_since(monitor, now_us)
    if silent_us is not None and flips and flips[-1].after != "unknown":
        flips.append(Flip(max(silent_us, flips[-1].at_us + 1), flips[-1].after, "unknown"))


async def _read_flips(
    session: AsyncSession, monitor_ids: Sequence[str], bounds: Stretch
) -> dict[str, list[Flip]]:
    """Returns the flips of a range by monitor, in order, and the one before it of each."""
    values = {"ids": list(monitor_ids), "from_us": bounds.start_us, "to_us": bounds.end_us}
    found: dict[str, list[Flip]] = {}
    for monitor_id, at_us, state, after in await session.execute(FLIPS, values):
        flip = Flip(at_us, cast("State", state), cast("State", after))
        found.setdefault(monitor_id, []).append(flip)
    return found
