"""When the state of a monitor does not count: paused, under maintenance, voided."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.uptime.models import MonitorExclusion, MonitorMaintenance, MonitorPause
from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import Overlays
from schemas.uptime.stretches import FOREVER_US, Stretch, merged, within
from schemas.zones import DAY_US

_window = partial(msgspec.json.decode, type=MaintenanceWindow)


async def read_overlays(session: AsyncSession, monitor_id: str, bounds: Stretch) -> Overlays:
    """Returns them for a range of time."""
    pause, window, exclusion = MonitorPause, MonitorMaintenance, MonitorExclusion
    pauses = select(pause).where(
        pause.monitor_id == monitor_id,
        pause.from_us < bounds.end_us,
        or_(pause.until_us.is_(None), pause.until_us > bounds.start_us),
    )
    windows = select(window).where(
        window.monitor_id == monitor_id,
        window.from_us < bounds.end_us,
        or_(window.until_us.is_(None), window.until_us > bounds.start_us),
    )
    paused = [_held(row.from_us, row.until_us) for row in await session.scalars(pauses)]
    voided = select(exclusion).where(
        exclusion.monitor_id == monitor_id,
        exclusion.from_us < bounds.end_us,
        exclusion.until_us > bounds.start_us,
    )
    excluded = [Stretch(row.from_us, row.until_us) for row in await session.scalars(voided)]
    rows = [(row.spec, _held(row.from_us, row.until_us)) for row in await session.scalars(windows)]
    # Crontabs are counted out, a quarter of a year of them: not on the event loop.
    maintenance = await asyncio.to_thread(_expanded, rows, bounds) if rows else ()
    return Overlays(
        maintenance=tuple(maintenance),
        paused=tuple(merged(paused)),
        excluded=tuple(merged(excluded)),
    )


def _expanded(rows: Sequence[tuple[str, Stretch]], bounds: Stretch) -> list[Stretch]:
    return merged(
        stretch for spec, held in rows for stretch in within(_of_window(spec, bounds), held)
    )


def _of_window(spec: str, bounds: Stretch) -> tuple[Stretch, ...]:
    # By whole days: what was worked out of a window serves until tomorrow.
    first = bounds.start_us - bounds.start_us % DAY_US
    last = bounds.end_us - bounds.end_us % DAY_US + DAY_US
    return stretches_of_window(_window(spec), first, last)


def _held(from_us: int, until_us: int | None) -> Stretch:
    return Stretch(from_us, FOREVER_US if until_us is None else until_us)
