"""What uptime is worked out from: the flips of a monitor in a range, and what does not count."""

from typing import NamedTuple, cast

from sqlalchemy import func, select

from controlplane.database import Database
from controlplane.uptime.models import MonitorFlip
from controlplane.uptime.overlays import read_overlays
from schemas.uptime.measures import Overlays
from schemas.uptime.monitors import Monitor
from schemas.uptime.states import OF_MONITOR, Flip, State
from schemas.uptime.stretches import Stretch


class Course(NamedTuple):
    """How a monitor was, in a range."""

    flips: list[Flip]
    """Of the range, and the one before; with the silence until its end."""
    overlays: Overlays


async def read_course(database: Database, monitor: Monitor, bounds: Stretch) -> Course:
    """Returns how a monitor was in a range that ends now."""
    of = MonitorFlip
    mine = (of.monitor_id == monitor.monitor_id) & (of.region == OF_MONITOR)
    async with database.reading() as session:
        before = await session.scalar(
            select(func.max(of.at_us)).where(mine, of.at_us < bounds.start_us)
        )
        since_us = bounds.start_us if before is None else before
        query = select(of).where(mine, of.at_us >= since_us).order_by(of.at_us)
        flips = [
            Flip(row.at_us, cast("State", row.before), cast("State", row.after))
            for row in await session.scalars(query)
        ]
        overlays = await read_overlays(session, monitor.monitor_id, bounds)
    silent_us = silent_since(monitor, bounds.end_us)
    if silent_us is not None and flips and flips[-1].after != "unknown":
        flips.append(Flip(max(silent_us, flips[-1].at_us + 1), flips[-1].after, "unknown"))
    return Course(flips, overlays)


def silent_since(monitor: Monitor, now_us: int) -> int | None:
    """Returns since when no check has told of a monitor; `None` where that is not long."""
    if monitor.last_us is not None and monitor.last_us < (monitor.resumed_us or 0):
        return monitor.resumed_us
    if monitor.last_us is None or now_us - monitor.last_us <= monitor.silence_us:
        return None
    return monitor.last_us + monitor.config.interval_seconds * 1_000_000
