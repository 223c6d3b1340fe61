"""Webhooks of a project: made, listed, changed, removed."""

import secrets
import time
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane import webhook_models as models
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from controlplane.uptime.ids import new_id
from controlplane.webhook_secrets import open_sealed, seal_webhook
from schemas.projects import ProjectId
from schemas.uptime.events import EventType
from schemas.uptime.webhooks import MAX_WEBHOOKS, Webhook, WebhookForm
from schemas.webhooks import WebhookSecret

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


async def add_webhook(
    database: Database, vault: Vault, project_id: ProjectId, form: WebhookForm
) -> tuple[Webhook, str]:
    """Makes a webhook; returns it with its secret, which nobody is told again.

    Raises `BadRequest`, `Conflict` where there are too many, `NotFound`.
    """
    target = _target(form.url)
    secret = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    webhook_id = new_id("whk")
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = models.Webhook.project_id == project.id
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_WEBHOOKS:
            raise Conflict(f"A project has at most {MAX_WEBHOOKS} webhooks: remove one first")
        row = models.Webhook(
            id=webhook_id,
            project_id=project.id,
            sealed_secret=seal_webhook(vault, webhook_id, WebhookSecret(form.url, secret)),
            target=target,
            events=_written(form.events),
            description=form.description,
            created_us=time.time_ns() // 1000,
        )
        session.add(row)
    return _webhook(row), secret


async def list_webhooks(database: Database, project_id: ProjectId) -> list[Webhook]:
    """Returns the webhooks of a live project, the oldest first; raises `NotFound`."""
    of = models.Webhook
    query = select(of).where(of.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = await session.scalars(query.order_by(of.created_us, of.id))
        return [_webhook(row) for row in rows]


async def get_webhook(database: Database, project_id: ProjectId, webhook_id: str) -> Webhook:
    """Returns a webhook of a live project; raises `NotFound`."""
    async with database.reading() as session:
        return _webhook(await find_webhook(session, project_id, webhook_id))


async def open_webhook(
    database: Database, vault: Vault, project_id: ProjectId, webhook_id: str
) -> tuple[Webhook, WebhookSecret]:
    """Returns a webhook with where it leads and its secret, for who posts; raises `NotFound`."""
    async with database.reading() as session:
        row = await find_webhook(session, project_id, webhook_id)
        return _webhook(row), open_sealed(vault, row.id, row.sealed_secret)


async def replace_webhook(
    database: Database, vault: Vault, of: tuple[ProjectId, str], form: WebhookForm
) -> Webhook:
    """Changes a webhook; its secret stays. Raises `BadRequest`, `NotFound`."""
    target = _target(form.url)
    async with database.session() as session:
        row = await find_webhook(session, *of)
        held = open_sealed(vault, row.id, row.sealed_secret)
        row.sealed_secret = seal_webhook(vault, row.id, WebhookSecret(form.url, held.secret))
        row.target, row.events = target, _written(form.events)
        row.description = form.description
    return _webhook(row)


async def remove_webhook(database: Database, project_id: ProjectId, webhook_id: str) -> None:
    """Removes a webhook with its deliveries; raises `NotFound`."""
    async with database.session() as session:
        await session.delete(await find_webhook(session, project_id, webhook_id))


async def find_webhook(
    session: AsyncSession, project_id: ProjectId, webhook_id: str
) -> models.Webhook:
    """Returns the row of a webhook of a live project; raises `NotFound`."""
    project = await live_project(session, project_id)
    of = models.Webhook
    query = select(of).where(of.id == webhook_id, of.project_id == project.id)
    row = await session.scalar(query) if webhook_id.isascii() and "\0" not in webhook_id else None
    if row is None:
        raise NotFound("Webhook not found")
    return row


def wants(row: models.Webhook, event_type: str) -> bool:
    """Tells whether events of a type are posted there."""
    events = _read(row.events)
    return not events or event_type in events


def _webhook(row: models.Webhook) -> Webhook:
    return Webhook(
        webhook_id=row.id,
        target=row.target,
        events=_read(row.events),
        description=row.description,
        created_us=row.created_us,
    )


def _written(events: list[EventType]) -> str:
    return msgspec.json.encode(sorted(set(events))).decode()


def _read(text: str) -> list[EventType]:
    return msgspec.json.decode(text, type=list[EventType])


def _target(url: str) -> str:
    """Says where a URL leads. Raises `BadRequest` for one that nothing can be posted to."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not (url.isascii() and url.isprintable() and " " not in url):
        raise BadRequest("url: expected an http or https URL, such as https://example.com/hook")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[: models.MAX_TARGET_CHARS]
