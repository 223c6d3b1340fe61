"""The outbox: messages are put in by whoever has something to say, and taken by who delivers.

A message is put in within the transaction that keeps what it tells of, under a key that no other
message has: so it is in the outbox once, whatever crashes.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import cast
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Select, bindparam, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.channels import unseal_config
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.many_rows import insert_new
from controlplane.outbox_models import MAX_ERROR_CHARS, AlertChannel, AlertOutbox
from controlplane.rules import as_uuid
from controlplane.webhook_models import Webhook
from controlplane.webhook_secrets import open_sealed
from schemas.channels import ChannelConfig, ChannelKind
from schemas.messages import DeliveryState, Due, Message, Sent, Source

_BEFORE = aliased(AlertOutbox)
DUE = select(AlertOutbox.id).where(
    AlertOutbox.state == "pending",
    AlertOutbox.next_attempt_us <= bindparam("now_us", type_=BigInteger),
    ~exists().where(_BEFORE.id == AlertOutbox.after_id, _BEFORE.state == "pending"),
)
FIRST_DUE = DUE.limit(1)
"""Made once: it is asked every half second, and to put it together takes longer."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """A message that is put into the outbox; it has a channel, a webhook or a sealed target."""

    id: UUID
    project_id: UUID
    source: Source
    key: str
    message: Message
    channel_id: UUID | None = None
    webhook_id: str | None = None
    target_kind: str = ""
    target: str = ""
    sealed_target: bytes | None = None
    rule_id: UUID | None = None
    after_id: UUID | None = None


async def put_out(session: AsyncSession, messages: Sequence[Outgoing], now_us: int) -> None:
    """Puts messages into the outbox; those whose key is in it already are left out."""
    rows = [
        {
            "id": one.id,
            "project_id": one.project_id,
            "source": one.source,
            "rule_id": one.rule_id,
            "channel_id": one.channel_id,
            "webhook_id": one.webhook_id,
            "target_kind": one.target_kind,
            "target": one.target,
            "sealed_target": one.sealed_target,
            "after_id": one.after_id,
            "dedupe_key": one.key,
            "payload": msgspec.json.encode(one.message).decode(),
            "state": "pending",
            "attempts": 0,
            "next_attempt_us": now_us,
            "last_error": "",
            "created_us": now_us,
        }
        for one in messages
    ]
    await insert_new(session, AlertOutbox, rows)


def seal_target(vault: Vault, message_id: UUID, config: ChannelConfig) -> bytes:
    """Seals where a message without a channel goes; it opens for that message alone."""
    return vault.seal(msgspec.json.encode(config).decode(), bound_to=_bound_to(message_id))


def open_target(vault: Vault, message_id: UUID, sealed: bytes) -> ChannelConfig:
    """Opens what `seal_target` made; raises `UnsealError`."""
    plain = vault.unseal(sealed, bound_to=_bound_to(message_id))
    return msgspec.json.decode(plain, type=ChannelConfig)


async def claim(
    database: Database,
    vault: Vault,
    now_us: int,
    *,
    lease_us: int,
    limit: int,
    busy: Collection[str] = (),
) -> list[Due]:
    """Takes messages that are due, and holds them for the lease: others leave them alone.

    A message that has to come after another one to the same target waits until that is through.
    Projects of which messages are on their way, `busy`, come after others: one whose receivers do
    not answer keeps no other waiting. Who follows a status page comes last of all: anybody may.
    """
    async with database.reading() as session:
        if await session.scalar(FIRST_DUE, {"now_us": now_us}) is None:
            return []
    locked = (
        _due_by(now_us, limit, busy)
        .with_for_update(skip_locked=True, of=AlertOutbox)
        .scalar_subquery()
    )
    take = (
        update(AlertOutbox)
        .where(AlertOutbox.id.in_(locked))
        .values(attempts=AlertOutbox.attempts + 1, next_attempt_us=now_us + lease_us)
        .returning(AlertOutbox.id)
        .execution_options(synchronize_session=False)
    )
    async with database.session() as session:
        taken = list(await session.scalars(take))
        query = (
            select(AlertOutbox, AlertChannel, Webhook)
            .outerjoin(AlertChannel, AlertChannel.id == AlertOutbox.channel_id)
            .outerjoin(Webhook, Webhook.id == AlertOutbox.webhook_id)
            .where(AlertOutbox.id.in_(taken))
        )
        rows = (await session.execute(query)).all()
    return [_due(vault, *row) for row in rows]


def _due_by(now_us: int, limit: int, busy: Collection[str]) -> Select[UUID]:
    return (
        DUE.params(now_us=now_us)
        .order_by(
            AlertOutbox.source == "status",
            AlertOutbox.project_id.in_([as_uuid(one) for one in busy]),
            AlertOutbox.next_attempt_us,
        )
        .limit(limit)
    )


async def forget_old(database: Database, before_us: int) -> None:
    """Deletes messages that were made before then and are not to be sent any more."""
    old = delete(AlertOutbox).where(
        AlertOutbox.state != "pending", AlertOutbox.created_us < before_us
    )
    async with database.session() as session:
        await session.execute(old)


async def settle(
    database: Database, due: Due, sent: Sent, now_us: int, after: int | DeliveryState
) -> None:
    """Notes what an attempt came to, unless its lease was lost: the next holder notes it then.

    Of one that failed, `after` is when the message is due again, or what it is from now on.
    """
    values = {"last_status": sent.status, "last_error": sent.error[:MAX_ERROR_CHARS]}
    if not sent.error:
        change = values | {"state": "delivered", "delivered_us": now_us}
    elif isinstance(after, int):
        change = values | {"next_attempt_us": after}
    else:
        change = values | {"state": after}
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


def new_message_id() -> UUID:
    """Returns the id of a message that is to be put into the outbox."""
    return uuid.uuid4()


def _bound_to(message_id: UUID) -> str:
    return f"alert message {message_id}"


def _due(
    vault: Vault, message: AlertOutbox, channel: AlertChannel | None, webhook: Webhook | None
) -> Due:
    if channel is not None:
        kind, config = channel.kind, unseal_config(vault, channel.id, channel.sealed_config)
    elif webhook is not None:
        held = open_sealed(vault, webhook.id, webhook.sealed_secret)
        kind, config = message.target_kind, ChannelConfig(url=held.url, secret=held.secret)
    else:
        kind = message.target_kind
        config = open_target(vault, message.id, message.sealed_target or b"")
    return Due(
        id=str(message.id),
        attempt=message.attempts,
        source=cast("Source", message.source),
        key=message.dedupe_key,
        kind=cast("ChannelKind", kind),
        config=config,
        message=msgspec.json.decode(message.payload, type=Message),
        project_id=str(message.project_id),
    )
