"""When the state of a monitor does not count: paused, under maintenance."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.uptime.models import MonitorMaintenance, MonitorPause
from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import Overlays
from schemas.uptime.stretches import FOREVER_US, Stretch, merged, within
from schemas.zones import DAY_US


def _meeting(
    of: type[MonitorPause | MonitorMaintenance], spec: ColumnElement[Any]
) -> Select[str, Any, int, int | None]:
    return select(of.monitor_id, spec, of.from_us, of.until_us).where(
        of.monitor_id.in_(bindparam("ids", expanding=True)),
        of.from_us < bindparam("to_us"),
        or_(of.until_us.is_(None), of.until_us > bindparam("from_us")),
    )


HELD = union_all(
    _meeting(MonitorPause, cast(null(), Text)),
    _meeting(MonitorMaintenance, MonitorMaintenance.spec.expression),
)
"""Made once: to put it together takes longer than to ask it. A pause has no spec."""
_window = partial(msgspec.json.decode, type=MaintenanceWindow)


async def read_overlays(session: AsyncSession, monitor_id: str, bounds: Stretch) -> Overlays:
    """Returns them for a range of time."""
    return (await read_overlays_of(session, [monitor_id], bounds))[monitor_id]


async def read_overlays_of(
    session: AsyncSession, monitor_ids: Sequence[str], bounds: Stretch
) -> dict[str, Overlays]:
    """Returns them for a range of time, of each monitor; at most some hundred monitors."""
    values = {"ids": list(monitor_ids), "from_us": bounds.start_us, "to_us": bounds.end_us}
    paused: dict[str, list[Stretch]] = {one: [] for one in monitor_ids}
    maintenance: dict[str, list[Stretch]] = {one: [] for one in monitor_ids}
    for monitor_id, spec, from_us, until_us in await session.execute(HELD, values):
        held = _held(from_us, until_us)
        if spec is None:
            paused[monitor_id].append(held)
        else:
            maintenance[monitor_id] += within(_of_window(spec, bounds), held)
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
