"""The messages of alerts of errors, told as a history."""

from typing import cast

import msgspec
from msgspec import Struct
from sqlalchemy import select

from controlplane.database import Database
from controlplane.errors.alert_models import AlertRule
from controlplane.lookups import live_project
from controlplane.outbox_models import AlertChannel, AlertOutbox
from controlplane.rules import as_uuid
from schemas.errors.alerts import Delivery
from schemas.messages import DeliveryState
from schemas.projects import ProjectId

MOST_TOLD = 200


class _Headed(Struct):
    """What is shown of a payload; those of older versions have it too."""

    subject: str


async def list_deliveries(
    database: Database, project_id: ProjectId, limit: int = MOST_TOLD
) -> list[Delivery]:
    """Returns a project's newest messages, the newest first; raises `NotFound`."""
    query = (
        select(AlertOutbox, AlertRule, AlertChannel)
        .join(AlertRule, AlertRule.id == AlertOutbox.rule_id)
        .join(AlertChannel, AlertChannel.id == AlertOutbox.channel_id)
        .where(AlertOutbox.project_id == as_uuid(project_id))
        .order_by(AlertOutbox.created_us.desc(), AlertOutbox.id)
        .limit(min(limit, MOST_TOLD))
    )
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = (await session.execute(query)).all()
    return [_delivery(row, rule, channel) for row, rule, channel in rows]


def _delivery(row: AlertOutbox, rule: AlertRule, channel: AlertChannel) -> Delivery:
    return Delivery(
        id=str(row.id),
        rule_id=str(rule.id),
        rule_name=rule.name,
        channel_id=str(channel.id),
        channel_name=channel.name,
        state=cast("DeliveryState", row.state),
        attempts=row.attempts,
        next_attempt_us=row.next_attempt_us,
        last_status=row.last_status,
        last_error=row.last_error,
        created_us=row.created_us,
        delivered_us=row.delivered_us,
        subject=msgspec.json.decode(row.payload, type=_Headed).subject,
    )
