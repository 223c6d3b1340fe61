"""Targets of monitors and policies, for who tries them; what was told of an incident, and again."""

import time
from typing import cast
from uuid import UUID

from sqlalchemy import select, update

from controlplane.aims import Sight, find_sights
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.lookups import live_project
from controlplane.outbox_models import AlertOutbox
from controlplane.rules import as_uuid
from controlplane.uptime.incidents import find_incident
from controlplane.uptime.models import Incident, IncidentNotice
from controlplane.uptime.monitors import get_monitor
from controlplane.uptime.policies import get_policy
from schemas.messages import DeliveryState
from schemas.projects import ProjectId
from schemas.uptime.notices import NoticeKind, Notification

MOST_TOLD = 1000
NOT_TAKEN = ("dead", "failed")


async def sights_of_monitor(
    database: Database, vault: Vault, project_id: ProjectId, monitor_id: str
) -> tuple[str, list[Sight]]:
    """Returns a monitor's name, and where its notifications go; raises `NotFound`."""
    config = (await get_monitor(database, vault, project_id, monitor_id)).config
    async with database.reading() as session:
        found = await find_sights(session, vault, UUID(project_id), config.notifications)
    return config.name, found


async def sights_of_policy(
    database: Database, vault: Vault, project_id: ProjectId, policy_id: str
) -> tuple[str, list[Sight]]:
    """Returns a policy's name, and where all its steps go; raises `NotFound`."""
    form = (await get_policy(database, vault, project_id, policy_id)).form
    texts = [text for step in form.steps for text in step.notifications]
    async with database.reading() as session:
        return form.name, await find_sights(session, vault, UUID(project_id), texts)


async def list_notifications(
    database: Database, project_id: ProjectId, incident_id: str
) -> list[Notification]:
    """Returns what was told of an incident, in order; empty for one that is not the project's."""
    of = IncidentNotice
    query = (
        select(of, AlertOutbox)
        .join(AlertOutbox, AlertOutbox.id == of.message_id)
        .join(Incident, Incident.id == of.incident_id)
        .where(Incident.id == incident_id, Incident.project_id == as_uuid(project_id))
        .order_by(AlertOutbox.created_us, of.generation, of.step, of.target_key)
        .limit(MOST_TOLD)
    )
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = (await session.execute(query)).all() if "\0" not in incident_id else []
    return [_notification(notice, message) for notice, message in rows]


async def tell_again(database: Database, project_id: ProjectId, incident_id: str) -> int:
    """Has the messages of an incident that nobody took sent again; returns how many.

    Each is tried from the beginning of its plan. Of an incident that is over only its end is told:
    an alert would open at the receiver what nobody closes. Raises `NotFound`.
    """
    message, of, now_us = AlertOutbox, IncidentNotice, time.time_ns() // 1000
    of_it = select(of.message_id).where(of.incident_id == incident_id)
    async with database.session() as session:
        incident = await find_incident(session, project_id, incident_id)
        if incident.state == "resolved":
            of_it = of_it.where(of.kind == "recovery")
        again = (
            update(message)
            .where(message.id.in_(of_it), message.state.in_(NOT_TAKEN))
            .values(state="pending", attempts=0, next_attempt_us=now_us)
            .returning(message.id)
            .execution_options(synchronize_session=False)
        )
        return len(list(await session.scalars(again)))


def _notification(notice: IncidentNotice, message: AlertOutbox) -> Notification:
    return Notification(
        message_id=str(message.id),
        kind=cast("NoticeKind", notice.kind),
        step=notice.step,
        target=message.target,
        state=cast("DeliveryState", message.state),
        attempts=message.attempts,
        last_status=message.last_status,
        last_error=message.last_error,
        created_us=message.created_us,
        delivered_us=message.delivered_us,
    )
