"""When the state of a monitor does not count: paused, under maintenance, voided."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.uptime.models import MonitorExclusion, MonitorMaintenance, MonitorPause
from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import Overlays
from schemas.uptime.stretches import FOREVER_US, Stretch, merged, within
from schemas.zones import DAY_US

VOIDED = ""
"""Stands where a maintenance window has its spec."""


def _meeting(
    of: type[MonitorPause | MonitorMaintenance | MonitorExclusion], spec: ColumnElement[Any]
) -> Select[str, Any, int, int | None]:
    return select(of.monitor_id, spec, of.from_us, of.until_us).where(
        of.monitor_id.in_(bindparam("ids", expanding=True)),
        of.from_us < bindparam("to_us"),
        or_(of.until_us.is_(None), of.until_us > bindparam("from_us")),
    )


HELD = union_all(
    _meeting(MonitorPause, cast(null(), Text)),
    _meeting(MonitorMaintenance, MonitorMaintenance.spec.expression),
    _meeting(MonitorExclusion, literal(VOIDED, Text)),
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
    excluded: dict[str, list[Stretch]] = {one: [] for one in monitor_ids}
    windows: dict[str, list[tuple[str, Stretch]]] = {}
    for monitor_id, spec, from_us, until_us in await session.execute(HELD, values):
        held = _held(from_us, until_us)
        if spec is None:
            paused[monitor_id].append(held)
        elif spec == VOIDED:
            excluded[monitor_id].append(held)
        else:
            windows.setdefault(monitor_id, []).append((spec, held))
    # Crontabs are counted out, a quarter of a year of them: not on the event loop.
    maintenance = await asyncio.to_thread(_expanded, windows, bounds) if windows else {}
    return {
        one: Overlays(
            maintenance=tuple(maintenance.get(one, ())),
            paused=tuple(merged(paused[one])),
            excluded=tuple(merged(excluded[one])),
        )
        for one in monitor_ids
    }


def _expanded(
    windows: Mapping[str, Sequence[tuple[str, Stretch]]], bounds: Stretch
) -> dict[str, list[Stretch]]:
    return {
        monitor_id: merged(
            stretch for spec, held in rows for stretch in within(_of_window(spec, bounds), held)
        )
        for monitor_id, rows in windows.items()
    }


def _of_window(spec: str, bounds: Stretch) -> tuple[Stretch, ...]:
    # By whole days: what was worked out of a window serves until tomorrow.
    first = bounds.start_us - bounds.start_us % DAY_US
    last = bounds.end_us - bounds.end_us % DAY_US + DAY_US
    return stretches_of_window(_window(spec), first, last)


def _held(from_us: int, until_us: int | None) -> Stretch:
    return Stretch(from_us, FOREVER_US if until_us is None else until_us)
