"""When the state of a monitor does not count: paused, under maintenance."""

from collections.abc import Sequence
from functools import partial

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.uptime.models import MonitorMaintenance, MonitorPause
from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import Overlays
from schemas.uptime.stretches import FOREVER_US, Stretch, merged, within
from schemas.zones import DAY_US

_window = partial(msgspec.json.decode, type=MaintenanceWindow)


async def read_overlays(session: AsyncSession, monitor_id: str, bounds: Stretch) -> Overlays:
    """Returns them for a range of time."""
    return (await read_overlays_of(session, [monitor_id], bounds))[monitor_id]


async def read_overlays_of(
    session: AsyncSession, monitor_ids: Sequence[str], bounds: Stretch
) -> dict[str, Overlays]:
    """Returns them for a range of time, of each monitor; at most some hundred monitors."""
    pause, window = MonitorPause, MonitorMaintenance
    pauses = select(pause).where(
        pause.monitor_id.in_(monitor_ids),
        pause.from_us < bounds.end_us,
        or_(pause.until_us.is_(None), pause.until_us > bounds.start_us),
    )
    windows = select(window).where(
        window.monitor_id.in_(monitor_ids),
        window.from_us < bounds.end_us,
        or_(window.until_us.is_(None), window.until_us > bounds.start_us),
    )
    paused: dict[str, list[Stretch]] = {one: [] for one in monitor_ids}
    for stopped in await session.scalars(pauses):
        paused[stopped.monitor_id].append(_held(stopped.from_us, stopped.until_us))
    maintenance: dict[str, list[Stretch]] = {one: [] for one in monitor_ids}
    for row in await session.scalars(windows):
        held = _held(row.from_us, row.until_us)
        maintenance[row.monitor_id] += within(_of_window(row.spec, bounds), held)
    return {
        one: Overlays(
            maintenance=tuple(merged(maintenance[one])), paused=tuple(merged(paused[one]))
        )
        for one in monitor_ids
    }


def _of_window(spec: str, bounds: Stretch) -> tuple[Stretch, ...]:
    # By whole days: what was worked out of a window serves until tomorrow.
    first = bounds.start_us - bounds.start_us % DAY_US
    last = bounds.end_us - bounds.end_us % DAY_US + DAY_US
    return stretches_of_window(_window(spec), first, last)


def _held(from_us: int, until_us: int | None) -> Stretch:
    return Stretch(from_us, FOREVER_US if until_us is None else until_us)
