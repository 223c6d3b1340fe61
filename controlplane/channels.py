"""Channels of a project: where its alerts go. What they send to is sealed, and never told again."""

import re
import time
import uuid
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.outbox_models import MAX_CHANNEL_NAME_CHARS, AlertChannel
from controlplane.rules import as_uuid, cleaned_email
from schemas.channels import Channel, ChannelConfig, ChannelForm, ChannelKind
from schemas.projects import ProjectId

MAX_CHANNELS = 50
MAX_URL_CHARS = 500
MAX_SECRET_CHARS = 200
MAX_RECIPIENTS = 50
MAX_TARGET_CHARS = 200
PLAIN = re.compile(r"[!-~]+")
SCHEME = re.compile(r"[a-z][a-z0-9]{1,30}")
FIELDS = {
    "slack": {"webhook_url"},
    "discord": {"webhook_url"},
    "msteams": {"webhook_url"},
    "webhook": {"url", "secret"},
    "pagerduty": {"integration_key"},
    "email": {"recipients"},
    "apprise": {"url"},
}


async def list_channels(database: Database, project_id: ProjectId) -> list[Channel]:
    """Returns the channels of a live project by name; raises `NotFound`."""
    query = select(AlertChannel).where(AlertChannel.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = await session.scalars(query.order_by(AlertChannel.name, AlertChannel.id))
        return [_channel(row) for row in rows]


async def add_channel(
    database: Database, vault: Vault, project_id: ProjectId, form: ChannelForm
) -> Channel:
    """Makes a channel. Raises `BadRequest`, `Conflict` where there are too many, `NotFound`."""
    name, config = _checked(form)
    channel_id = uuid.uuid4()
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = AlertChannel.project_id == project.id
        count = await session.scalar(select(func.count()).where(of_project))
        if (count or 0) >= MAX_CHANNELS:
            raise Conflict(f"A project has at most {MAX_CHANNELS} channels: remove some first")
        row = AlertChannel(
            id=channel_id,
            project_id=project.id,
            name=name,
            kind=form.kind,
            target=_target(form.kind, config),
            sealed_config=_seal(vault, channel_id, config),
            created_us=time.time_ns() // 1000,
        )
        session.add(row)
        return _channel(row)


async def replace_channel(
    database: Database, vault: Vault, project_id: ProjectId, channel_id: str, form: ChannelForm
) -> Channel:
    """Changes a channel. Raises as `add_channel`.

    What is empty in the configuration stays as it is: nobody can read it to send it again. A
    channel of another kind begins anew.
    """
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _find(session, project_id, channel_id)
        if row.kind == form.kind:
            held = unseal_config(vault, row.id, row.sealed_config)
            given = {name: value for name, value in asdict(form.config).items() if value}
            form = replace(form, config=replace(held, **given))
        name, config = _checked(form)
        row.name, row.kind, row.target = name, form.kind, _target(form.kind, config)
        row.sealed_config = _seal(vault, row.id, config)
        return _channel(row)


async def remove_channel(database: Database, project_id: ProjectId, channel_id: str) -> None:
    """Removes a channel with its messages; raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        await session.delete(await _find(session, project_id, channel_id))


async def open_channel(
    database: Database, vault: Vault, project_id: ProjectId, channel_id: str
) -> tuple[Channel, ChannelConfig]:
    """Returns a channel with what it sends to, for who sends; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        row = await _find(session, project_id, channel_id)
        return _channel(row), unseal_config(vault, row.id, row.sealed_config)


def unseal_config(vault: Vault, channel_id: UUID, sealed: bytes) -> ChannelConfig:
    """Opens what was sealed for a channel; raises `UnsealError`."""
    plain = vault.unseal(sealed, bound_to=_bound_to(channel_id))
    return msgspec.json.decode(plain, type=ChannelConfig)


async def _find(session: AsyncSession, project_id: ProjectId, channel_id: str) -> AlertChannel:
    query = select(AlertChannel).where(
        AlertChannel.project_id == as_uuid(project_id), AlertChannel.id == as_uuid(channel_id)
    )
    row = await session.scalar(query) if as_uuid(channel_id) else None
    if row is None:
        raise NotFound("Channel not found")
    return row


def _seal(vault: Vault, channel_id: UUID, config: ChannelConfig) -> bytes:
    return vault.seal(msgspec.json.encode(config).decode(), bound_to=_bound_to(channel_id))


def _bound_to(channel_id: UUID) -> str:
    return f"alert channel {channel_id}"


def _channel(row: AlertChannel) -> Channel:
    kind = cast("ChannelKind", row.kind)
    return Channel(str(row.id), row.name, kind, row.target, row.created_us)


def _checked(form: ChannelForm) -> tuple[str, ChannelConfig]:
    name, config = form.name.strip(), form.config
    if not 1 <= len(name) <= MAX_CHANNEL_NAME_CHARS or "\0" in name:
        raise BadRequest(f"name: expected 1 to {MAX_CHANNEL_NAME_CHARS} characters")
    given = {field for field in config.__struct_fields__ if getattr(config, field)}
    if given - FIELDS[form.kind] or not given - {"secret"}:
        expected = ", ".join(sorted(_spelled(field) for field in FIELDS[form.kind]))
        raise BadRequest(f"config: expected {expected} for a channel of kind {form.kind}")
    if form.kind == "email":
        _check_count(config)
        return name, ChannelConfig(recipients=tuple(map(_recipient, config.recipients)))
    for field, text in (("webhookUrl", config.webhook_url), ("url", config.url)):
        if text:
            _check_url(field, text, web=form.kind != "apprise")
    for field, text in (("secret", config.secret), ("integrationKey", config.integration_key)):
        if text and not (len(text) <= MAX_SECRET_CHARS and PLAIN.fullmatch(text)):
            raise BadRequest(f"{field}: expected at most {MAX_SECRET_CHARS} signs without blanks")
    return name, config


def _check_count(config: ChannelConfig) -> None:
    if len(config.recipients) > MAX_RECIPIENTS:
        raise BadRequest(f"recipients: expected 1 to {MAX_RECIPIENTS} emails")


def _recipient(text: str) -> str:
    email = cleaned_email(text)
    # What a URL or a list of addresses would read as more than one address.
    if not PLAIN.fullmatch(email) or any(sign in email for sign in ',;<>()[]\\"/?#&%:'):
        raise BadRequest("recipients: expected emails such as ann@example.com")
    return email


def _check_url(field: str, text: str, *, web: bool) -> None:
    try:
        parts = urlsplit(text)
        host = parts.hostname
        port_is_fine = parts.port != 0
    except ValueError:
        raise BadRequest(f"{field}: expected a URL") from None
    fits = len(text) <= MAX_URL_CHARS and PLAIN.fullmatch(text) and port_is_fine
    known = parts.scheme in ("http", "https") and host if web else SCHEME.fullmatch(parts.scheme)
    if not fits or not known:
        sort = "http(s) URL" if web else "URL of Apprise"
        raise BadRequest(f"{field}: expected an {sort} of at most {MAX_URL_CHARS} characters")


def _target(kind: ChannelKind, config: ChannelConfig) -> str:
    """Says where a channel leads. Paths, queries and user parts of URLs are often secrets."""
    if kind == "email":
        return ", ".join(config.recipients)[:MAX_TARGET_CHARS]
    if kind == "pagerduty":
        return "events.pagerduty.com"
    if kind == "apprise":
        # Its schemes put tokens where others have a host.
        return f"{urlsplit(config.url).scheme}://"
    parts = urlsplit(config.webhook_url or config.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:MAX_TARGET_CHARS]


def _spelled(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(part.title() for part in others)
