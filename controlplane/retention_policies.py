"""What projects keep by kind and by rule: set, and read by who deletes."""

import time
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest
from controlplane.lookups import live_project, locked_project
from controlplane.models import Project
from controlplane.retention_models import RetentionPolicyRow
from controlplane.rules import as_uuid
from schemas.projects import ProjectId
from schemas.retention import (
    NOTHING_SET,
    NUMBERS,
    InForce,
    KeepRule,
    RetentionChange,
    RetentionPolicy,
)

GRACE_US = 24 * 3_600_000_000
"""How long after a change nothing goes by it, unless who changes it says otherwise."""
MOST_NUMBER = Decimal(10) ** 12
LEAST_NUMBER = Decimal("1e-12")
"""Of which numbers are multiples: as exact as money is. `1e-999999` is a text of a million."""


class Held(NamedTuple):
    """The policy of a project, and the one before for as long as that counts too."""

    policy: RetentionPolicy
    before: RetentionPolicy
    acts_us: int = 0
    changed_us: int = 0
    changed_by: str = ""

    def in_force(self, now_us: int) -> InForce:
        """Returns by what rows go at a moment."""
        if now_us >= self.acts_us or self.before == self.policy:
            return InForce((self.policy,))
        return InForce((self.policy, self.before))


UNSET = Held(NOTHING_SET, NOTHING_SET)


async def find_policy(database: Database, project_id: ProjectId) -> Held:
    """Return the policy of a live project; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        row = await session.get(RetentionPolicyRow, as_uuid(project_id))
        return UNSET if row is None else _held(row)


async def list_policies(database: Database) -> dict[ProjectId, Held]:
    """Return the policies of all live projects that have one."""
    query = (
        select(RetentionPolicyRow)
        .join(Project, Project.id == RetentionPolicyRow.project_id)
        .where(Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        rows = (await session.scalars(query)).all()
    return {ProjectId(str(row.project_id)): _held(row) for row in rows}


async def set_policy(
    database: Database, project_id: ProjectId, change: RetentionChange, *, by: str
) -> Held:
    """Put a policy in the place of the one before. Raises `BadRequest` and `NotFound`.

    Nothing that the one before keeps goes within `GRACE_US`, unless the change says `at_once`. Who
    changes a change within that time has the first one counted as well.
    """
    policy, now_us = checked(change), time.time_ns() // 1000
    async with database.session() as session:
        project = await locked_project(session, project_id)
        row = await session.get(RetentionPolicyRow, project.id)
        held = UNSET if row is None else _held(row)
        before = held.policy if now_us >= held.acts_us else held.before
        new = Held(policy, before, 0 if change.at_once else now_us + GRACE_US, now_us, by)
        if policy == held.policy and not change.at_once:
            return held
        await _save(session, project_id, new)
    return new


def checked(change: RetentionChange) -> RetentionPolicy:
    """Return the policy that a change means; raises `BadRequest` with the field first."""
    if (change.sample_percent < 100) != (change.sample_from_days is not None):
        raise BadRequest(
            "sample_percent: a sample of less than 100 needs sample_from_days, and the reverse"
        )
    rules = tuple(dict.fromkeys(_checked_rule(rule) for rule in change.rules))
    return msgspec.structs.replace(change.policy, rules=rules)


def _checked_rule(rule: KeepRule) -> KeepRule:
    value = rule.value.strip()
    if rule.when in NUMBERS:
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal(-1)
        if not (
            number.is_finite()
            and 0 <= number <= MOST_NUMBER
            and number == number.quantize(LEAST_NUMBER)
        ):
            raise BadRequest(
                f"rules: {rule.when} expects a number of {NUMBERS[rule.when]}, 0 to 10^12 with at"
                f" most 12 decimals, and not {value[:40]!r}"
            )
        value = f"{number.normalize():f}"
    elif rule.when == "environment":
        if not value or "\0" in value:
            raise BadRequest("rules: environment expects the name of one")
    elif value:
        raise BadRequest(f"rules: {rule.when} takes no value")
    return KeepRule(rule.when, rule.days, value)


async def _save(session: AsyncSession, project_id: ProjectId, held: Held) -> None:
    await session.merge(
        RetentionPolicyRow(
            project_id=as_uuid(project_id),
            policy=msgspec.json.encode(held.policy).decode(),
            before=msgspec.json.encode(held.before).decode(),
            acts_us=held.acts_us,
            changed_us=held.changed_us,
            changed_by=held.changed_by[:320],
        )
    )


def _held(row: RetentionPolicyRow) -> Held:
    return Held(
        msgspec.json.decode(row.policy, type=RetentionPolicy),
        msgspec.json.decode(row.before, type=RetentionPolicy),
        row.acts_us,
        row.changed_us,
        row.changed_by,
    )
