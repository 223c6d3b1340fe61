"""Incidents that were acknowledged and are still open: after a time somebody has to look again."""

import time

from sqlalchemy import BigInteger, cast, select, update

from controlplane.database import Database
from controlplane.models import Project
from controlplane.uptime.models import Incident, Monitor
from controlplane.uptime.timelines import hold_state, write_line
from schemas.uptime.measures import SECOND_US

AT_ONCE = 500


async def trigger_again(database: Database) -> int:
    """Triggers incidents again that were acknowledged for `ack_ttl_seconds`; returns how many.

    May be done by several processes at once: each is triggered once.
    """
    now_us = time.time_ns() // 1000
    of = Incident
    query = (
        select(of.id, of.monitor_id, of.acknowledged_us, Monitor.ack_ttl_s)
        .join(Monitor, Monitor.id == of.monitor_id)
        .join(Project, Project.id == of.project_id)
        .where(Project.deleted_at.is_(None), of.state == "acknowledged", Monitor.ack_ttl_s > 0)
        # As a large number: PostgreSQL takes it for one of 32 bits else.
        .where(of.acknowledged_us + cast(Monitor.ack_ttl_s, BigInteger) * SECOND_US <= now_us)
        .order_by(of.acknowledged_us, of.id)
        .limit(AT_ONCE)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    triggered = [await _trigger(database, row.tuple(), now_us) for row in rows]
    return sum(triggered)


async def _trigger(
    database: Database, found: tuple[str, str | None, int | None, int], now_us: int
) -> bool:
    """Triggers one, unless it has moved on since it was read."""
    incident_id, monitor_id, acknowledged_us, ttl_s = found
    of = Incident
    async with database.session() as session:
        await hold_state(session, monitor_id)
        statement = (
            update(of)
            .where(of.id == incident_id, of.state == "acknowledged")
            .where(of.acknowledged_us == acknowledged_us)
            .values(state="triggered", acknowledged_us=None, updated_us=now_us)
            .returning(of.id)
            .execution_options(synchronize_session=False)
        )
        if await session.scalar(statement) is None:
            return False
        row = await session.get_one(of, incident_id)
        notes = f"It was acknowledged {ttl_s} s ago and is still open"
        await write_line(session, row, "triggered", now_us, notes=notes)
    return True
