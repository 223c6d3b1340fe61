"""The audit log: that a person changed something of an app. It never holds a value."""

import time
import uuid
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.rules import as_uuid
from schemas.projects import UserId

MAX_ADDRESS_CHARS = 64
MAX_AGENT_CHARS = 400


class Actor(NamedTuple):
    """Who changes something, and from where."""

    user_id: UserId | None
    """`None` for a project's token: what it does is in the events of deployments alone."""
    author: str
    """In words."""
    ip_address: str = ""
    user_agent: str = ""


class Line(NamedTuple):
    """That somebody changed something."""

    id: str
    user_id: str
    action: str
    resource: str
    resource_id: str
    details: str
    ip_address: str
    user_agent: str
    created_us: int


def note(
    session: AsyncSession, actor: Actor, what: tuple[str, str, str], **details: str | int | bool
) -> None:
    """Notes an action, on which sort of thing, and which one, within an open transaction."""
    if actor.user_id is None:
        return
    action, resource, resource_id = what
    session.add(
        models.AuditLine(
            id=uuid.uuid4(),
            user_id=as_uuid(actor.user_id),
            action=action,
            resource=resource,
            resource_id=resource_id[:64],
            details=_json(details),
            # PostgreSQL stores no NUL.
            ip_address=actor.ip_address.replace("\0", "")[:MAX_ADDRESS_CHARS],
            user_agent=actor.user_agent.replace("\0", "")[:MAX_AGENT_CHARS],
            created_us=time.time_ns() // 1000,
        )
    )


async def note_alone(
    database: Database, actor: Actor, what: tuple[str, str, str], **details: str | int | bool
) -> None:
    """Notes an action in a transaction of its own."""
    async with database.session() as session:
        note(session, actor, what, **details)


async def list_lines(database: Database, user_id: UserId, *, limit: int, offset: int) -> list[Line]:
    """Returns what a person has changed, the newest first."""
    of = models.AuditLine
    query = select(of).where(of.user_id == as_uuid(user_id))
    query = query.order_by(of.created_us.desc(), of.id).limit(limit).offset(offset)
    async with database.reading() as session:
        return [
            Line(
                str(row.id),
                str(row.user_id),
                row.action,
                row.resource,
                row.resource_id,
                row.details,
                row.ip_address,
                row.user_agent,
                row.created_us,
            )
            for row in await session.scalars(query)
        ]


def _json(details: Mapping[str, str | int | bool]) -> str:
    return msgspec.json.encode(details).decode().replace("\\u0000", "")
