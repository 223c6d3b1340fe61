"""Events on their way to webhooks: put into the outbox once each, listed, sent again."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
from msgspec import Raw
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import NotFound
from controlplane.outbox import Outgoing, new_message_id, put_out
from controlplane.outbox_models import AlertOutbox
from controlplane.rules import as_uuid
from controlplane.uptime.models import Incident, Monitor, UptimeEvent
from controlplane.uptime.webhooks import find_webhook, wants
from controlplane.webhook_models import Webhook
from schemas.messages import Message, Source
from schemas.projects import ProjectId
from schemas.times import iso_ms
from schemas.uptime.webhooks import IncidentPart, WebhookBody, WebhookMessage, WebhookMessageState

AT_ONCE = 200
SOURCE: Source = "webhook"


class MessagePlace(NamedTuple):
    """Where a page ends."""

    created_us: int
    row_id: str


class _Told(msgspec.Struct):
    event_id: str
    event_type: str


class _Payload(msgspec.Struct):
    body: _Told


class _Around(NamedTuple):
    """What events name, by id."""

    webhooks: Mapping[UUID, Sequence[Webhook]]
    monitors: Mapping[str, str]
    incidents: Mapping[str, Incident]


async def put_out_events(database: Database, now_us: int) -> int:
    """Puts events that no webhook has had into the outbox; returns how many events there were.

    What an event leads to and that it was taken are kept in one transaction, so that each goes to
    each webhook once. A webhook gets what is known since it was made.
    """
    async with database.reading() as session:
        if await session.scalar(_unhooked(1)) is None:
            return 0
    async with database.session() as session:
        query = _unhooked(AT_ONCE).with_for_update(skip_locked=True)
        events = list(await session.scalars(query))
        around = await _around(session, events)
        found = [
            _outgoing(event, webhook, around)
            for event in events
            for webhook in around.webhooks.get(event.project_id, ())
            if webhook.created_us <= event.noted_us and wants(webhook, event.type)
        ]
        await put_out(session, found, now_us)
        taken = UptimeEvent.id.in_([event.id for event in events])
        await session.execute(
            update(UptimeEvent)
            .where(taken)
            .values(is_hooked=True)
            .execution_options(synchronize_session=False)
        )
    return len(events)


async def list_messages(
    database: Database,
    of: tuple[ProjectId, str],
    *,
    state: WebhookMessageState | None,
    limit: int,
    beyond: MessagePlace | None = None,
) -> list[WebhookMessage]:
    """Returns deliveries of a webhook, the newest first; raises `NotFound`."""
    row = AlertOutbox
    query = select(row).order_by(row.created_us.desc(), row.id.desc()).limit(limit)
    if state is not None:
        query = query.where(row.state == state)
    if beyond is not None:
        last = as_uuid(beyond.row_id)
        older = row.created_us < beyond.created_us
        query = query.where(older | ((row.created_us == beyond.created_us) & (row.id < last)))
    async with database.reading() as session:
        webhook = await find_webhook(session, *of)
        rows = await session.scalars(query.where(row.webhook_id == webhook.id))
        return [_message(one) for one in rows]


async def replay(database: Database, of: tuple[ProjectId, str], delivery_id: str | None) -> int:
    """Has one delivery sent again, or all that are dead; returns how many. Raises `NotFound`.

    One that waits for its next attempt is due now.
    """
    now_us = time.time_ns() // 1000
    row = AlertOutbox
    again = update(row).values(state="pending", attempts=0, next_attempt_us=now_us)
    async with database.session() as session:
        webhook = await find_webhook(session, *of)
        again = again.where(row.webhook_id == webhook.id)
        if delivery_id is None:
            again = again.where(row.state == "dead")
        else:
            again = again.where(row.id == as_uuid(delivery_id))
        again = again.returning(row.id).execution_options(synchronize_session=False)
        count = len(list(await session.scalars(again)))
    if delivery_id is not None and not count:
        raise NotFound("Delivery not found")
    return count


def body_of(event: UptimeEvent, monitor_name: str | None, incident: Incident | None) -> bytes:
    """Returns what is posted for an event."""
    body = WebhookBody(
        event_id=str(event.id),
        event_type=event.type,
        timestamp=iso_ms(event.at_us),
        noted_at=iso_ms(event.noted_us),
        project_id=str(event.project_id),
        monitor_id=event.monitor_id,
        monitor_name=monitor_name,
        incident=None if incident is None else _part(incident),
        in_maintenance=event.is_quiet,
        details=msgspec.json.decode(event.details, type=dict[str, Any]),
    )
    return msgspec.json.encode(body)


def message_of(body: bytes, event_type: str, event_id: str, at_us: int) -> Message:
    """Returns the message of the outbox that carries a body to a webhook."""
    return Message(
        subject=event_type,
        text="",
        summary="",
        at=iso_ms(at_us),
        incident_key=event_id,
        body=Raw(body),
    )


def _unhooked(limit: int) -> Any:
    of = UptimeEvent
    return select(of).where(~of.is_hooked).order_by(of.noted_us, of.id).limit(limit)


async def _around(session: AsyncSession, events: Sequence[UptimeEvent]) -> _Around:
    projects = {event.project_id for event in events}
    monitors = {event.monitor_id for event in events if event.monitor_id}
    incidents = {event.incident_id for event in events if event.incident_id}
    webhooks: dict[UUID, list[Webhook]] = {}
    for webhook in await session.scalars(select(Webhook).where(Webhook.project_id.in_(projects))):
        webhooks.setdefault(webhook.project_id, []).append(webhook)
    names = select(Monitor.id, Monitor.name).where(Monitor.id.in_(monitors))
    of_incidents = select(Incident).where(Incident.id.in_(incidents))
    return _Around(
        webhooks,
        {row[0]: row[1] for row in (await session.execute(names)).all()},
        {row.id: row for row in await session.scalars(of_incidents)},
    )


def _outgoing(event: UptimeEvent, webhook: Webhook, around: _Around) -> Outgoing:
    name = around.monitors.get(event.monitor_id or "")
    incident = around.incidents.get(event.incident_id or "")
    body = body_of(event, name, incident)
    return Outgoing(
        id=new_message_id(),
        project_id=event.project_id,
        source=SOURCE,
        key=f"webhook/{webhook.id}/{event.id}",
        message=message_of(body, event.type, str(event.id), event.at_us),
        target_kind="webhook",
        target=webhook.target,
        webhook_id=webhook.id,
    )


def _part(incident: Incident) -> IncidentPart:
    return IncidentPart(
        incident_id=incident.id,
        title=incident.title,
        severity=incident.severity,
        state=incident.state,
        started_at=iso_ms(incident.started_us),
        external_ids=msgspec.json.decode(incident.external_ids, type=dict[str, str]),
    )


def _message(row: AlertOutbox) -> WebhookMessage:
    told = msgspec.json.decode(row.payload, type=_Payload).body
    return WebhookMessage(
        delivery_id=str(row.id),
        event_id=told.event_id,
        event_type=told.event_type,
        state=cast("WebhookMessageState", row.state),
        attempts=row.attempts,
        next_attempt_us=row.next_attempt_us,
        last_status=row.last_status,
        last_error=row.last_error,
        created_us=row.created_us,
        delivered_us=row.delivered_us,
    )
