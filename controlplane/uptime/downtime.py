"""How long the monitors of a project were down, all together, in parts of a time."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from controlplane.database import Database
from controlplane.rules import as_uuid
from controlplane.uptime.courses import Course, read_courses
from controlplane.uptime.models import Monitor
from controlplane.uptime.watched import AT_ONCE, Watched, find_watched
from schemas.projects import ProjectId
from schemas.uptime.measures import measure, outages
from schemas.uptime.stretches import Stretch

MOST_MONITORS = AT_ONCE


class Downtime(NamedTuple):
    """Of one part, added up over monitors."""

    down_us: int
    counted_us: int
    """In which a monitor was up or down: neither unknown, paused, under maintenance nor voided."""


async def read_downtime(
    database: Database, project_id: ProjectId, spans: Sequence[Sequence[Stretch]], now_us: int
) -> list[list[Downtime]] | None:
    """Returns it for the parts of some times; `None` where no monitor looks at the project.

    The parts of a time are in order and meet. What counts is spread over them evenly.
    """
    of = select(Monitor.id).where(Monitor.project_id == as_uuid(project_id), ~Monitor.paused)
    async with database.reading() as session:
        ids = list(await session.scalars(of.order_by(Monitor.id).limit(MOST_MONITORS)))
    if not ids:
        return None
    monitors = await find_watched(database, ids)
    every = [part for parts in spans for part in parts]
    bounds = Stretch(min(one.start_us for one in every), max(one.end_us for one in every))
    courses = await read_courses(database, monitors, bounds, now_us)
    watched = [(one, courses[one.monitor_id]) for one in monitors]
    return await asyncio.to_thread(lambda: [_down_in(watched, parts) for parts in spans])


def _down_in(watched: Sequence[tuple[Watched, Course]], parts: Sequence[Stretch]) -> list[Downtime]:
    down_us, counted_us = [0] * len(parts), 0
    whole = Stretch(parts[0].start_us, parts[-1].end_us)
    for monitor, course in watched:
        counted_us += measure(whole, monitor.created_us, *course).counted_us
        for outage in outages(whole, monitor.created_us, *course):
            for place, part in enumerate(parts):
                common_us = min(outage.end_us, part.end_us) - max(outage.start_us, part.start_us)
                down_us[place] += max(0, common_us)
    return [Downtime(one, counted_us // len(parts)) for one in down_us]
