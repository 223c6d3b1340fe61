"""The messages that alerts send: taken by who delivers them, and told as a history."""

import msgspec
from sqlalchemy import delete, select, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors.alert_channels import unseal_config
from controlplane.errors.alert_models import AlertChannel, AlertRule
from controlplane.errors.outbox_models import MAX_ERROR_CHARS, AlertOutbox
from controlplane.lookups import live_project
from controlplane.rules import as_uuid
from schemas.errors.alerts import Alert, Delivery, Due, Sent
from schemas.projects import ProjectId

AT_ONCE = 10
MOST_TOLD = 200


async def claim(database: Database, vault: Vault, now_us: int, lease_us: int) -> list[Due]:
    """Takes messages that are due, and holds them for the lease: others leave them alone."""
    due = (
        select(AlertOutbox.id)
        .where(AlertOutbox.state == "pending", AlertOutbox.next_attempt_us <= now_us)
        .order_by(AlertOutbox.next_attempt_us)
        .limit(AT_ONCE)
    )
    locked = due.with_for_update(skip_locked=True).scalar_subquery()
    take = (
        update(AlertOutbox)
        .where(AlertOutbox.id.in_(locked))
        .values(attempts=AlertOutbox.attempts + 1, next_attempt_us=now_us + lease_us)
        .returning(AlertOutbox.id)
        .execution_options(synchronize_session=False)
    )
    async with database.reading() as session:
        if await session.scalar(due.limit(1)) is None:
            return []
    async with database.session() as session:
        taken = list(await session.scalars(take))
        query = (
            select(AlertOutbox, AlertChannel)
            .join(AlertChannel, AlertChannel.id == AlertOutbox.channel_id)
            .where(AlertOutbox.id.in_(taken))
        )
        rows = (await session.execute(query)).all()
    return [_due(vault, message, channel) for message, channel in rows]


async def forget_old(database: Database, before_us: int) -> None:
    """Deletes messages that were made before then and are not to be sent any more."""
    old = delete(AlertOutbox).where(
        AlertOutbox.state != "pending", AlertOutbox.created_us < before_us
    )
    async with database.session() as session:
        await session.execute(old)


async def settle(
    database: Database, due: Due, sent: Sent, now_us: int, retry_us: int | None
) -> None:
    """Notes what an attempt came to, unless its lease was lost: the next holder notes it then.

    With `retry_us` the message is due again at that time; else it was delivered, or has failed.
    """
    values = {"last_status": sent.status, "last_error": sent.error[:MAX_ERROR_CHARS]}
    if not sent.error:
        change = values | {"state": "delivered", "delivered_us": now_us}
    elif retry_us is None:
        change = values | {"state": "failed"}
    else:
        change = values | {"next_attempt_us": retry_us}
    async with database.session() as session:
        await session.execute(
            update(AlertOutbox)
            .where(
                AlertOutbox.id == as_uuid(due.id),
                AlertOutbox.state == "pending",
                AlertOutbox.attempts == due.attempt,
            )
            .values(change)
            .execution_options(synchronize_session=False)
        )


async def list_deliveries(
    database: Database, project_id: ProjectId, limit: int = MOST_TOLD
) -> list[Delivery]:
    """Returns a project's newest messages, the newest first; raises `NotFound`."""
    query = (
        select(AlertOutbox, AlertRule.name, AlertChannel.name)
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


def _due(vault: Vault, message: AlertOutbox, channel: AlertChannel) -> Due:
    return Due(
        id=str(message.id),
        attempt=message.attempts,
        key=message.dedupe_key,
        kind=channel.kind,  # type: ignore[arg-type]  # one of its values was stored
        config=unseal_config(vault, channel.id, channel.sealed_config),
        alert=msgspec.json.decode(message.payload, type=Alert),
    )


def _delivery(row: AlertOutbox, rule_name: str, channel_name: str) -> Delivery:
    return Delivery(
        id=str(row.id),
        rule_id=str(row.rule_id),
        rule_name=rule_name,
        channel_id=str(row.channel_id),
        channel_name=channel_name,
        state=row.state,  # type: ignore[arg-type]  # one of its values was stored
        attempts=row.attempts,
        next_attempt_us=row.next_attempt_us,
        last_status=row.last_status,
        last_error=row.last_error,
        created_us=row.created_us,
        delivered_us=row.delivered_us,
        subject=msgspec.json.decode(row.payload, type=Alert).subject,
    )
