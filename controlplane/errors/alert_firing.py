"""What evaluation reads and writes: rules, happenings that nobody has looked at, firings.

Each write is one transaction that only one of several processes wins, so an alert goes out once.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Update, delete, exists, func, select, update

from controlplane.database import Database
from controlplane.errors.alert_models import (
    AlertHit,
    AlertRule,
    AlertRuleChannel,
)
from controlplane.errors.alert_rules import rules_of
from controlplane.errors.models import UNSEEN, Issue, IssueActivity, IssueFingerprint
from controlplane.many_rows import insert_new
from controlplane.models import Project
from controlplane.outbox import Outgoing, new_message_id, put_out
from controlplane.rules import as_uuid
from schemas.errors.alerts import Rule, RuleState
from schemas.errors.hashes import unsigned_hash
from schemas.messages import Message
from schemas.projects import ProjectId

AT_ONCE = 200
MOST_TITLES = 5


class Happened(NamedTuple):
    """A new issue, or one that came back, of which no alert has been thought yet."""

    id: str
    project_id: ProjectId
    kind: str
    at_us: int
    title: str
    level: str
    group_hashes: tuple[int, ...]


class Hit(NamedTuple):
    """A happening that a rule is to tell of."""

    rule_id: str
    happened: Happened


class Waiting(NamedTuple):
    """What a rule has to tell of: how many hits, and the first titles."""

    hits: int
    titles: tuple[str, ...]


async def list_active_rules(database: Database) -> list[Rule]:
    """Returns the rules of all live projects that are enabled and have a channel."""
    told = exists().where(AlertRuleChannel.rule_id == AlertRule.id)
    query = (
        select(AlertRule)
        .join(Project, Project.id == AlertRule.project_id)
        .where(Project.deleted_at.is_(None), AlertRule.enabled, told)
    )
    async with database.reading() as session:
        return await rules_of(session, await session.scalars(query.order_by(AlertRule.id)))


async def list_unseen(database: Database) -> list[Happened]:
    """Returns what happened to issues and nobody has looked at: the first ones, `AT_ONCE`."""
    of = IssueActivity
    query = (
        select(of.id, of.project_id, of.kind, of.at_us, of.issue_id, Issue.title, Issue.level)
        .join(Issue, Issue.id == of.issue_id)
        .where(UNSEEN)
        .order_by(of.at_us)
        .limit(AT_ONCE)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
        issue_ids = {row.issue_id for row in rows}
        pairs = select(IssueFingerprint.issue_id, IssueFingerprint.group_hash)
        pairs = pairs.where(IssueFingerprint.issue_id.in_(issue_ids))
        hashes: dict[UUID, list[int]] = {}
        for issue_id, group_hash in (await session.execute(pairs)).all() if rows else ():
            hashes.setdefault(issue_id, []).append(unsigned_hash(group_hash))
    return [
        Happened(
            str(row.id),
            ProjectId(str(row.project_id)),
            row.kind,
            row.at_us,
            row.title,
            row.level,
            tuple(hashes.get(row.issue_id, ())),
        )
        for row in rows
    ]


async def note_looks(
    database: Database, looked: Sequence[Happened], hits: Sequence[Hit], now_us: int
) -> None:
    """Marks happenings as looked at, and keeps the hits for their rules, in one transaction.

    A happening that another process has looked at meanwhile leaves no hits.
    """
    mark = (
        update(IssueActivity)
        .where(IssueActivity.id.in_([UUID(one.id) for one in looked]))
        .where(IssueActivity.looked_us.is_(None))
        .values(looked_us=now_us)
        .returning(IssueActivity.id)
        .execution_options(synchronize_session=False)
    )
    async with database.session() as session:
        ours = {str(one) for one in await session.scalars(mark)}
        rules = set(await session.scalars(select(AlertRule.id)))
        rows = [
            {
                "rule_id": UUID(hit.rule_id),
                "activity_id": UUID(hit.happened.id),
                "title": hit.happened.title,
                "made_us": now_us,
            }
            for hit in hits
            if hit.happened.id in ours and UUID(hit.rule_id) in rules
        ]
        await insert_new(session, AlertHit, rows)


async def read_waiting(database: Database, rule: Rule) -> Waiting:
    """Returns what a rule has to tell of."""
    of_rule = AlertHit.rule_id == as_uuid(rule.id)
    first = select(AlertHit.title).where(of_rule).order_by(AlertHit.made_us).limit(MOST_TITLES)
    async with database.reading() as session:
        titles = tuple(await session.scalars(first))
        count = await session.scalar(select(func.count()).where(of_rule)) if titles else 0
    return Waiting(count or 0, titles)


async def forget_hits(database: Database, rule: Rule, before_us: int) -> None:
    """Drops what a rule has not told of since then."""
    async with database.session() as session:
        await session.execute(
            delete(AlertHit).where(
                AlertHit.rule_id == as_uuid(rule.id), AlertHit.made_us < before_us
            )
        )


async def set_state(database: Database, rule: Rule, state: RuleState) -> None:
    """Notes how a rule stands, unless it has changed meanwhile."""
    async with database.session() as session:
        await session.execute(_if_unchanged(rule).values(state=state))


async def fire(database: Database, rule: Rule, message: Message, now_us: int) -> bool:
    """Writes a message for each channel of a rule, in one transaction with when it last fired.

    Returns `False`, and writes nothing, where another process has fired it meanwhile.
    """
    change = _if_unchanged(rule).values(last_fired_us=now_us, state="firing")
    rule_id = UUID(rule.id)
    async with database.session() as session:
        won = await session.scalar(change.returning(AlertRule.id))
        if won is None:
            return False
        await session.execute(delete(AlertHit).where(AlertHit.rule_id == rule_id))
        links = select(AlertRuleChannel.channel_id).where(AlertRuleChannel.rule_id == rule_id)
        messages = [
            Outgoing(
                id=new_message_id(),
                project_id=UUID(rule.project_id),
                source="errors",
                key=f"{rule.id}/{now_us}/{channel_id}",
                message=message,
                channel_id=channel_id,
                rule_id=rule_id,
            )
            for channel_id in await session.scalars(links)
        ]
        await put_out(session, messages, now_us)
    return True


def _if_unchanged(rule: Rule) -> Update:
    """Returns an UPDATE of a rule that stands as it was read."""
    return (
        update(AlertRule)
        .where(
            AlertRule.id == as_uuid(rule.id),
            AlertRule.enabled,
            AlertRule.state == rule.state,
            AlertRule.last_fired_us.is_not_distinct_from(rule.last_fired_us),
        )
        .execution_options(synchronize_session=False)
    )
