"""The audit log: that somebody changed something of an app. It never holds a value."""

import time
import uuid
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.models import Membership
from controlplane.rules import as_uuid
from schemas.projects import ProjectId, UserId

MAX_ADDRESS_CHARS = 64
MAX_AUTHOR_CHARS = 200
MAX_AGENT_CHARS = 400


class Actor(NamedTuple):
    """Who changes something, and from where."""

    user_id: UserId | None
    """`None` for a token of a project, and of the operator."""
    author: str
    """In words."""
    ip_address: str = ""
    user_agent: str = ""
    project_id: ProjectId | None = None
    """Whose the token is, where it is a project's."""


class Line(NamedTuple):
    """That somebody changed something."""

    id: str
    user_id: str
    """Empty for a token that is no person's."""
    author: str
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
    is_of_project = actor.user_id is None and actor.project_id is not None
    action, resource, resource_id = what
    session.add(
        models.AuditLine(
            id=uuid.uuid4(),
            user_id=None if actor.user_id is None else as_uuid(actor.user_id),
            project_id=as_uuid(actor.project_id or "") if is_of_project else None,
            author=actor.author.replace("\0", "")[:MAX_AUTHOR_CHARS],
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


class Readers(NamedTuple):
    """Who reads the log: a person, a project's token, or with neither the operator's."""

    user_id: UserId | None = None
    project_id: ProjectId | None = None


async def list_lines(
    database: Database, readers: Readers, *, limit: int, offset: int
) -> list[Line]:
    """Returns what somebody may read, the newest first.

    A person: what they did, and what tokens of the projects did of which they are an admin. A
    project's token: what tokens of its project did. The operator: what all tokens of nobody did.
    """
    of = models.AuditLine
    query = select(of).where(_read_by(readers))
    query = query.order_by(of.created_us.desc(), of.id).limit(limit).offset(offset)
    async with database.reading() as session:
        return [
            Line(
                str(row.id),
                "" if row.user_id is None else str(row.user_id),
                row.author,
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


def _read_by(readers: Readers) -> ColumnElement[bool]:
    of = models.AuditLine
    by_token = of.user_id.is_(None)
    if readers.project_id is not None:
        return by_token & (of.project_id == as_uuid(readers.project_id))
    if readers.user_id is None:
        return by_token
    user_id = as_uuid(readers.user_id)
    admin = (Membership.user_id == user_id) & (Membership.role == "admin")
    return (of.user_id == user_id) | (
        by_token & of.project_id.in_(select(Membership.project_id).where(admin))
    )


def _json(details: Mapping[str, str | int | bool]) -> str:
    return msgspec.json.encode(details).decode().replace("\\u0000", "")
