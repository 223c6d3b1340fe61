"""Projects without people, and sightings with some fields changed."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from controlplane.database import Database
from controlplane.errors.listing import list_issues
from controlplane.errors.models import IssueActivity
from controlplane.models import Membership, Project, User
from schemas.errors.issues import IssueFilter, IssueRow, Named, Sighting
from schemas.projects import ProjectId, UserId

NOON_US = 1_780_000_000_000_000
SECOND_US = 1_000_000


async def make_project(database: Database, name: str = "Shop") -> ProjectId:
    async with database.session() as session:
        project = Project(name=name)
        session.add(project)
        await session.flush()
        return ProjectId(str(project.id))


async def make_member(database: Database, project_id: ProjectId, name: str = "Ann") -> UserId:
    async with database.session() as session:
        user = User(email=f"{uuid.uuid4().hex}@example.com", name=name, password_hash=None)
        session.add(user)
        await session.flush()
        of = uuid.UUID(project_id)
        session.add(Membership(user_id=user.id, project_id=of, role="user"))
        return UserId(str(user.id))


def sighting(project_id: ProjectId, fingerprint: str = "one", **changes: Any) -> Sighting:
    """Returns what one event says that happened and arrived at noon."""
    at_us = changes.pop("at_us", NOON_US)
    release = changes.pop("release", "")
    named = Named(at_us, release) if release else None
    fields: dict[str, Any] = {
        "project_id": project_id,
        "fingerprint": fingerprint,
        "group_hash": hash_of(fingerprint),
        "first_us": at_us,
        "last_us": at_us,
        "title": "ValueError: no",
        "first_release": named,
        "last_release": named,
        "arrivals": {release: changes.pop("arrived_us", at_us)},
    }
    return Sighting(**(fields | changes))


def hash_of(fingerprint: str) -> int:
    return uuid.uuid5(uuid.NAMESPACE_OID, fingerprint).int % (1 << 64)


async def issues_of(database: Database, project_id: ProjectId) -> list[IssueRow]:
    """Returns the issues of a project, the first one first."""
    found = await list_issues(database, project_id, IssueFilter(), limit=1000)
    return sorted(found, key=lambda row: row.number)


async def only_issue(database: Database, project_id: ProjectId) -> IssueRow:
    (row,) = await issues_of(database, project_id)
    return row


async def kinds_of(database: Database, issue_id: str) -> Sequence[str]:
    """Returns what happened to an issue, in any order of one moment."""
    query = select(IssueActivity.kind).where(IssueActivity.issue_id == uuid.UUID(issue_id))
    async with database.reading() as session:
        return list(await session.scalars(query.order_by(IssueActivity.at_us, IssueActivity.kind)))
