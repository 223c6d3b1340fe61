"""Alert rules of a project: listed, made, replaced, removed."""

import time
import uuid
from collections.abc import Collection, Iterable
from typing import cast
from uuid import UUID

import msgspec
from msgspec.structs import asdict
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.alert_models import (
    MAX_DESCRIPTION_CHARS,
    MAX_ENVIRONMENT_CHARS,
    MAX_RULE_NAME_CHARS,
    AlertHit,
    AlertRule,
    AlertRuleChannel,
)
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.outbox_models import AlertChannel
from controlplane.rules import as_uuid
from schemas.errors.alerts import HAPPENINGS, Rule, RuleForm, RuleQuery, RuleState, RuleType
from schemas.projects import ProjectId

MAX_RULES = 100
MOST_MINUTES = 10_080
MOST_COUNT = 100_000
MOST_VALUES = 20
MAX_VALUE_CHARS = 200


async def list_rules(database: Database, project_id: ProjectId) -> list[Rule]:
    """Returns the rules of a live project by name; raises `NotFound`."""
    query = select(AlertRule).where(AlertRule.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = await session.scalars(query.order_by(AlertRule.name, AlertRule.id))
        return await rules_of(session, rows)


async def list_rules_of(database: Database, project_ids: Collection[ProjectId]) -> list[Rule]:
    """Returns the rules of some projects by project and name."""
    of = AlertRule.project_id.in_([as_uuid(one) for one in project_ids])
    query = select(AlertRule).where(of)
    async with database.reading() as session:
        order = (AlertRule.project_id, AlertRule.name, AlertRule.id)
        return await rules_of(session, await session.scalars(query.order_by(*order)))


async def switch_rule(
    database: Database, project_id: ProjectId, rule_id: str, *, enabled: bool
) -> None:
    """Switches a rule on or off; on, it is evaluated as a new one. Raises `NotFound`."""
    async with database.session() as session:
        row = await _find(session, project_id, rule_id)
        if row.enabled != enabled:
            row.enabled, row.state = enabled, "unknown"
            await session.execute(delete(AlertHit).where(AlertHit.rule_id == row.id))


async def add_rule(database: Database, project_id: ProjectId, form: RuleForm) -> str:
    """Makes a rule and returns its id. Raises `BadRequest`, `Conflict`, `NotFound`."""
    checked = _checked(form)
    rule_id = uuid.uuid4()
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = AlertRule.project_id == project.id
        count = await session.scalar(select(func.count()).where(of_project))
        if (count or 0) >= MAX_RULES:
            raise Conflict(f"A project has at most {MAX_RULES} alert rules: remove some first")
        row = AlertRule(id=rule_id, project_id=project.id, created_us=time.time_ns() // 1000)
        _fill(row, checked)
        session.add(row)
        await session.flush()
        await _link(session, project.id, rule_id, checked.channel_ids)
    return str(rule_id)


async def replace_rule(
    database: Database, project_id: ProjectId, rule_id: str, form: RuleForm
) -> None:
    """Changes a rule to what the form says: it is evaluated as a new one. Raises as `add_rule`."""
    checked = _checked(form)
    async with database.session() as session:
        row = await _find(session, project_id, rule_id)
        _fill(row, checked)
        await session.execute(delete(AlertHit).where(AlertHit.rule_id == row.id))
        await session.execute(delete(AlertRuleChannel).where(AlertRuleChannel.rule_id == row.id))
        await _link(session, row.project_id, row.id, checked.channel_ids)


async def remove_rule(database: Database, project_id: ProjectId, rule_id: str) -> None:
    """Removes a rule with its messages; raises `NotFound`."""
    async with database.session() as session:
        await session.delete(await _find(session, project_id, rule_id))


async def rules_of(session: AsyncSession, rows: Iterable[AlertRule]) -> list[Rule]:
    """Returns rows with the channels that they tell."""
    held = list(rows)
    query = select(AlertRuleChannel.rule_id, AlertRuleChannel.channel_id)
    query = query.where(AlertRuleChannel.rule_id.in_([row.id for row in held]))
    channels: dict[UUID, list[str]] = {}
    for rule_id, channel_id in (await session.execute(query)).all() if held else ():
        channels.setdefault(rule_id, []).append(str(channel_id))
    return [_rule(row, sorted(channels.get(row.id, ()))) for row in held]


async def _find(session: AsyncSession, project_id: ProjectId, rule_id: str) -> AlertRule:
    project = await locked_project(session, project_id)
    row = await session.get(AlertRule, as_uuid(rule_id)) if as_uuid(rule_id) else None
    if row is None or row.project_id != project.id:
        raise NotFound("Alert rule not found")
    return row


async def _link(
    session: AsyncSession, project_id: UUID, rule_id: UUID, channel_ids: Collection[str]
) -> None:
    wanted = {as_uuid(one) for one in channel_ids}
    query = select(AlertChannel.id).where(AlertChannel.project_id == project_id)
    known = set(await session.scalars(query))
    if not wanted <= known:
        raise BadRequest("channelIds: expected ids of this project's channels")
    if wanted:
        links = [{"rule_id": rule_id, "channel_id": one} for one in wanted]
        await session.execute(insert(AlertRuleChannel), links)


def _fill(row: AlertRule, form: RuleForm) -> None:
    fields = asdict(form)
    del fields["channel_ids"], fields["query"]
    for name, value in fields.items():
        setattr(row, name, value)
    row.query = msgspec.json.encode(form.query).decode()
    row.state = "unknown"


def _rule(row: AlertRule, channel_ids: Collection[str]) -> Rule:
    return Rule(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        name=row.name,
        description=row.description,
        rule_type=cast("RuleType", row.rule_type),
        query=msgspec.json.decode(row.query, type=RuleQuery),
        threshold_window=row.threshold_window,
        threshold_count=row.threshold_count,
        environment=row.environment,
        enabled=row.enabled,
        cooldown_minutes=row.cooldown_minutes,
        channel_ids=tuple(channel_ids),
        state=cast("RuleState", row.state),
        last_fired_us=row.last_fired_us,
        created_us=row.created_us,
    )


def _checked(form: RuleForm) -> RuleForm:
    name = form.name.strip()
    _in_chars("name", name, 1, MAX_RULE_NAME_CHARS)
    _in_chars("description", form.description, 0, MAX_DESCRIPTION_CHARS)
    _in_chars("environment", form.environment, 0, MAX_ENVIRONMENT_CHARS)
    _in_range("thresholdWindow", form.threshold_window, 1, MOST_MINUTES)
    _in_range("thresholdCount", form.threshold_count, 1, MOST_COUNT)
    _in_range("cooldownMinutes", form.cooldown_minutes, 0, MOST_MINUTES)
    if form.rule_type == "transaction.error_rate":
        _in_range("thresholdCount", form.threshold_count, 1, 100)
    query = form.query
    for field, count, texts in (
        ("levels", len(query.levels), query.levels),
        ("environments", len(query.environments), query.environments),
        ("tags", len(query.tags), (*query.tags, *query.tags.values())),
        ("transactionName", 0, (query.transaction_name or "",)),
    ):
        _in_range(f"query.{field}: number of values", count, 0, MOST_VALUES)
        for text in texts:
            _in_chars(f"query.{field}: a value", text, 0, MAX_VALUE_CHARS)
    if query.levels and form.rule_type.startswith("transaction."):
        raise BadRequest("query.levels: transactions have no level")
    if query.tags and "" in query.tags:
        raise BadRequest("query.tags: expected keys that are not empty")
    return msgspec.structs.replace(form, name=name)


def _in_chars(field: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most or "\0" in text:
        raise BadRequest(f"{field}: expected {least} to {most} characters")


def _in_range(field: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise BadRequest(f"{field}: expected {least} to {most}")


def awaits_happenings(rule: Rule) -> bool:
    """Tells whether a rule waits for something to happen to an issue."""
    return rule.rule_type in HAPPENINGS
