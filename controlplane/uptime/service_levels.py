"""What reports on service levels are worked out from, of many monitors at once."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.uptime.courses import AT_ONCE, read_courses
from controlplane.uptime.models import Incident
from schemas.uptime.monitors import Monitor, target_ppm_of
from schemas.uptime.service_levels import Handled, Promised
from schemas.uptime.stretches import Stretch
from schemas.uptime.targets import MonitorId


async def read_promised(
    database: Database, monitors: Sequence[Monitor], bounds: Stretch, now_us: int
) -> dict[MonitorId, Promised]:
    """Returns what is known of monitors in a range, with the incidents that meet it."""
    courses = await read_courses(database, monitors, bounds, now_us)
    found = {}
    for first in range(0, len(monitors), AT_ONCE):
        some = monitors[first : first + AT_ONCE]
        async with database.reading() as session:
            incidents = await _incidents(session, [one.monitor_id for one in some], bounds)
        for one in some:
            flips, overlays = courses[one.monitor_id]
            handled = incidents.get(one.monitor_id, [])
            target_ppm = target_ppm_of(one.config)
            promised = Promised(one.created_us, target_ppm, flips, overlays, handled)
            found[one.monitor_id] = promised
    return found


async def _incidents(
    session: AsyncSession, monitor_ids: Sequence[str], bounds: Stretch
) -> dict[str, list[Handled]]:
    of = Incident
    query = (
        select(of.monitor_id, of.id, of.started_us, of.acknowledged_us, of.resolved_us)
        .add_columns(of.resolution)
        .where(of.monitor_id.in_(monitor_ids), of.started_us < bounds.end_us)
        .where(or_(of.resolved_us.is_(None), of.resolved_us >= bounds.start_us))
        .order_by(of.started_us)
    )
    found: dict[str, list[Handled]] = {}
    for row in await session.execute(query):
        monitor_id, incident_id, started_us, acknowledged_us, resolved_us, resolution = row
        is_withdrawn = resolution == "withdrawn"
        handled = Handled(incident_id, started_us, acknowledged_us, resolved_us, is_withdrawn)
        found.setdefault(monitor_id, []).append(handled)
    return found
