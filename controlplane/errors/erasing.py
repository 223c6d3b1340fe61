"""What issues and messages of alerts say of a person who is erased: titles are texts of events."""

from collections.abc import Collection

import msgspec
from sqlalchemy import select

from controlplane.database import Database
from controlplane.errors.alert_models import AlertHit, AlertRule
from controlplane.errors.models import Issue, IssueFingerprint
from controlplane.outbox_models import AlertOutbox
from controlplane.person_texts import rewritten, without
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

AT_ONCE = 500


async def erase_texts(
    database: Database, project_id: ProjectId, fingerprints: Collection[str], person: str
) -> None:
    """Leave a person out of titles and messages. May be repeated."""
    await erase_titles(database, project_id, fingerprints, person)
    await erase_alerts(database, project_id, person)


async def erase_titles(
    database: Database, project_id: ProjectId, fingerprints: Collection[str], person: str
) -> None:
    """Leave a person out of the titles of issues with these fingerprints. May be repeated."""
    rewrite, known = without(person), list(fingerprints)
    for at in range(0, len(known), AT_ONCE):
        of = IssueFingerprint
        ids = select(of.issue_id).where(
            of.project_id == as_uuid(project_id), of.fingerprint.in_(known[at : at + AT_ONCE])
        )
        query = select(Issue).where(Issue.project_id == as_uuid(project_id), Issue.id.in_(ids))
        async with database.session() as session:
            for row in await session.scalars(query.with_for_update()):
                row.title, row.culprit = rewrite(row.title), rewrite(row.culprit)


async def erase_alerts(database: Database, project_id: ProjectId, person: str) -> None:
    """Leave a person out of the messages of a project that were sent, or wait. May be repeated."""
    rewrite = without(person)
    written = msgspec.json.encode(person)[1:-1].decode()
    async with database.session() as session:
        messages = select(AlertOutbox).where(
            AlertOutbox.project_id == as_uuid(project_id),
            AlertOutbox.payload.contains(written, autoescape=True),
        )
        for message in await session.scalars(messages):
            payload = rewritten(msgspec.json.decode(message.payload), rewrite)
            message.payload = msgspec.json.encode(payload).decode()
        rules = select(AlertRule.id).where(AlertRule.project_id == as_uuid(project_id))
        hits = select(AlertHit).where(
            AlertHit.rule_id.in_(rules), AlertHit.title.contains(person, autoescape=True)
        )
        for hit in await session.scalars(hits):
            hit.title = rewrite(hit.title)
