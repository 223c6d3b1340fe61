"""Who follows a status page: asked for, confirmed, ended, erased. Addresses are kept sealed.

Nobody learns who follows a page: what is asked for again, is confirmed already, or never was, is
answered alike.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict
from controlplane.models import Project
from controlplane.outbox import Outgoing, new_message_id, put_out, seal_target
from controlplane.outbox_models import AlertOutbox
from controlplane.rules import as_uuid, cleaned_email
from controlplane.uptime.page_messages import CONFIRM, LEAVE, PageAt, confirm_message
from controlplane.uptime.page_models import StatusPageRow, StatusSubscriber
from schemas.channels import ChannelConfig
from schemas.projects import ProjectId

MOST_FOLLOWERS = 1000
"""Of one page, with those who have not confirmed."""
CONFIRM_WITHIN_US = 2 * 86_400_000_000
AT_ONCE = 200
ASK_AGAIN_US = 3_600_000_000
"""An address is asked once in that time, whoever asks for it."""
# One address, with no sign by which a mail program would take it for several, or for a name.
EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?")
SAFE = str.maketrans("+/", "-_")
FULL = "This page has as many followers as it takes"


class Follower(NamedTuple):
    """Somebody who follows a page, and since when."""

    id: UUID
    kind: str
    config: ChannelConfig
    since_us: int


def checked_email(text: str) -> str:
    """Returns one address of email. Raises `BadRequest`."""
    email = cleaned_email(text)
    if EMAIL.fullmatch(email) is None:
        raise BadRequest("Invalid email")
    return email


def token_of(vault: Vault, purpose: str, subscriber_id: UUID) -> str:
    """Returns what lets its holder confirm or end a subscription.

    Nothing in it has to be quoted in a link: some mail programs, and Apprise, quote twice or never.
    """
    plain, _, signature = vault.sign(f"{purpose}-{subscriber_id}").rpartition(".")
    return f"{plain}.{signature.translate(SAFE).rstrip('=')}"


def subscriber_in(vault: Vault, purpose: str, token: str) -> UUID | None:
    """Returns whose token of this purpose it is; `None` for any other."""
    named = as_uuid(token.rpartition(".")[0].removeprefix(f"{purpose}-"))
    if named is None:
        return None
    signed = vault.signatures(f"{purpose}-{named}")
    expected = [f"{purpose}-{named}.{one.translate(SAFE).rstrip('=')}" for one in signed]
    fits = [hmac.compare_digest(token.encode(), one.encode()) for one in expected]
    return named if any(fits) else None


async def ask_by_email(
    database: Database, vault: Vault, page: tuple[str, PageAt], email: str, now_us: int
) -> None:
    """Has a message ask the owner of an address whether they want to follow a page.

    Who follows it already, and who was asked within the hour, is sent nothing. Raises `Conflict`
    for a page that has too many followers.
    """
    page_id, at = page
    digests = _digests(vault, page_id, email)
    config = ChannelConfig(recipients=(email,))
    async with database.session() as session:
        await _hold(session, page_id)
        row = await _find(session, page_id, digests)
        if row is not None and (row.is_confirmed or now_us - row.asked_us < ASK_AGAIN_US):
            return
        if row is None:
            await _refuse_full(session, page_id)
            row = _new(vault, page_id, "email", digests[0], config, now_us)
            session.add(row)
        row.asked_us = now_us
        await session.flush()
        project_id = await _project_of(session, page_id)
        message = confirm_message(at, token_of(vault, CONFIRM, row.id), now_us)
        message_id = new_message_id()
        outgoing = Outgoing(
            id=message_id,
            project_id=project_id,
            source="status",
            key=f"status/{row.id}/confirm/{now_us}",
            message=message,
            target_kind="email",
            target="a follower of a status page",
            sealed_target=seal_target(vault, message_id, config),
        )
        await put_out(session, [outgoing], now_us)


async def draft_webhook(
    database: Database, vault: Vault, page_id: str, url: str
) -> tuple[UUID, ChannelConfig]:
    """Returns the id and secret that a webhook has on a page, or will have once it has answered."""
    async with database.reading() as session:
        row = await _find(session, page_id, _digests(vault, page_id, url))
    if row is not None:
        return row.id, _config(vault, row)
    return uuid.uuid4(), ChannelConfig(url=url, secret=secrets.token_urlsafe(32))


async def add_webhook(
    database: Database, vault: Vault, page_id: str, of: tuple[UUID, ChannelConfig], now_us: int
) -> None:
    """Has a webhook follow a page, which has answered as it must. Raises `Conflict`."""
    subscriber_id, config = of
    digests = _digests(vault, page_id, config.url)
    async with database.session() as session:
        await _hold(session, page_id)
        if await _find(session, page_id, digests) is not None:
            return
        await _refuse_full(session, page_id)
        row = _new(vault, page_id, "webhook", digests[0], config, now_us, subscriber_id)
        row.is_confirmed = True
        session.add(row)


async def confirm(database: Database, page_id: str, subscriber_id: UUID, now_us: int) -> None:
    """Has somebody follow a page who was asked; of others nothing is said."""
    of = StatusSubscriber
    change = update(of).where(
        of.id == subscriber_id,
        of.page_id == page_id,
        of.is_confirmed.is_(False),
        of.asked_us > now_us - CONFIRM_WITHIN_US,
    )
    async with database.session() as session:
        await session.execute(change.values(is_confirmed=True, created_us=now_us))


async def unsubscribe(database: Database, page_id: str, subscriber_id: UUID) -> None:
    """Ends it, with what waits to be sent; a repeat changes nothing."""
    async with database.session() as session:
        of = StatusSubscriber
        query = select(of.id).where(of.id == subscriber_id, of.page_id == page_id)
        await _forget(session, list(await session.scalars(query)))


async def forget_follower(
    database: Database, vault: Vault, project_id: ProjectId, address: str
) -> int:
    """Erases an address from all pages of a project; returns from how many."""
    email = address.strip().lower()
    async with database.session() as session:
        pages = select(StatusPageRow.id).where(StatusPageRow.project_id == as_uuid(project_id))
        found_pages = await session.scalars(pages)
        digests = [one for page_id in found_pages for one in _digests(vault, page_id, email)]
        of = StatusSubscriber
        found = await session.scalars(select(of.id).where(of.target_hash.in_(digests)))
        ids = list(found)
        await _forget(session, ids)
        return len(ids)


async def forget_unconfirmed(database: Database, now_us: int) -> None:
    """Forgets who was asked and has not confirmed in time."""
    of = StatusSubscriber
    old = of.is_confirmed.is_(False) & (of.asked_us <= now_us - CONFIRM_WITHIN_US)
    query = select(of.id).where(old).order_by(of.asked_us).limit(AT_ONCE)
    async with database.reading() as session:
        if await session.scalar(query.limit(1)) is None:
            return
    async with database.session() as session:
        await _forget(session, list(await session.scalars(query)))


async def list_followers(session: AsyncSession, vault: Vault, page_id: str) -> list[Follower]:
    """Returns who is told of a page."""
    of = StatusSubscriber
    query = select(of).where(of.page_id == page_id, of.is_confirmed.is_(True))
    rows = await session.scalars(query.order_by(of.created_us, of.id).limit(MOST_FOLLOWERS))
    return [Follower(row.id, row.kind, _config(vault, row), row.created_us) for row in rows]


async def _forget(session: AsyncSession, ids: Sequence[UUID]) -> None:
    for one in ids:
        # Where a message went is sealed in it: that goes too.
        sent = AlertOutbox.dedupe_key.startswith(f"status/{one}/")
        await session.execute(delete(AlertOutbox).where(sent))
        await session.execute(delete(StatusSubscriber).where(StatusSubscriber.id == one))


async def _hold(session: AsyncSession, page_id: str) -> None:
    """Lets nobody else have an address follow a page until the transaction ends."""
    of = StatusPageRow
    await session.scalar(select(of.id).where(of.id == page_id).with_for_update())


async def _find(
    session: AsyncSession, page_id: str, digests: Sequence[str]
) -> StatusSubscriber | None:
    of = StatusSubscriber
    query = select(of).where(of.page_id == page_id, of.target_hash.in_(digests))
    return await session.scalar(query.limit(1))


async def _refuse_full(session: AsyncSession, page_id: str) -> None:
    of_page = StatusSubscriber.page_id == page_id
    if (await session.scalar(select(func.count()).where(of_page)) or 0) >= MOST_FOLLOWERS:
        raise Conflict(FULL)


async def _project_of(session: AsyncSession, page_id: str) -> UUID:
    query = select(StatusPageRow.project_id).join(Project, Project.id == StatusPageRow.project_id)
    found = await session.scalar(query.where(StatusPageRow.id == page_id))
    assert found is not None, "its followers go with a page"
    return found


def _new(
    vault: Vault,
    page_id: str,
    kind: str,
    digest: str,
    config: ChannelConfig,
    now_us: int,
    subscriber_id: UUID | None = None,
) -> StatusSubscriber:
    own_id = subscriber_id or uuid.uuid4()
    plain = msgspec.json.encode(config).decode()
    return StatusSubscriber(
        id=own_id,
        page_id=page_id,
        kind=kind,
        target_hash=digest,
        sealed_target=vault.seal(plain, bound_to=f"status subscriber {own_id}"),
        is_confirmed=False,
        asked_us=now_us,
        created_us=now_us,
    )


def _config(vault: Vault, row: StatusSubscriber) -> ChannelConfig:
    plain = vault.unseal(row.sealed_target, bound_to=f"status subscriber {row.id}")
    return msgspec.json.decode(plain, type=ChannelConfig)


def renew_digest(vault: Vault, row: StatusSubscriber) -> None:
    """Has a follower found by the installation's own secret; its target is sealed with it."""
    config = _config(vault, row)
    target = config.recipients[0] if config.recipients else config.url
    row.target_hash = _digests(vault, row.page_id, target)[0]


def _digests(vault: Vault, page_id: str, target: str) -> list[str]:
    """Returns by what an address is found; without the installation's secret nobody can guess.

    The first one is that of the secret itself, the others are those of before or after it.
    """
    plain = f"{LEAVE} {page_id} {target}"
    signed = [f"{plain}.{one}" for one in vault.signatures(plain)]
    return [hashlib.sha256(one.encode()).hexdigest() for one in signed]
