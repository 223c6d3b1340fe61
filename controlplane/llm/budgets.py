"""Budgets of a project: listed, made, changed, removed, and read by who evaluates them."""

import time
import uuid
from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.budget_forms import checked
from controlplane.llm.budget_models import BudgetChannel, BudgetRow
from controlplane.lookups import live_project, locked_project
from controlplane.models import Project
from controlplane.outbox_models import AlertChannel
from controlplane.projects import context_of
from controlplane.rules import as_uuid
from schemas.llm.budgets import Budget, BudgetChange, BudgetForm
from schemas.projects import ProjectContext, ProjectId

MAX_BUDGETS = 50
UNCOUNTED = ("name", "channel_ids", "enabled", "refuses", "thresholds", "anomaly_minimum")
"""What may change, and what was told in this window is not told again."""


class OfProject(NamedTuple):
    """The budgets of a project that are on."""

    project: ProjectContext
    budgets: list[Budget]


async def list_budgets(database: Database, project_id: ProjectId) -> list[Budget]:
    """Return the budgets of a live project by name; raises `NotFound`."""
    query = select(BudgetRow).where(BudgetRow.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = await session.scalars(query.order_by(BudgetRow.name, BudgetRow.id))
        return await _budgets_of(session, rows)


async def list_active(database: Database) -> list[OfProject]:
    """Return the budgets of all projects that are on, by project."""
    query = (
        select(BudgetRow, Project)
        .join(Project, Project.id == BudgetRow.project_id)
        .where(BudgetRow.enabled, Project.deleted_at.is_(None))
        .order_by(BudgetRow.project_id, BudgetRow.id)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
        budgets = await _budgets_of(session, [row for row, _ in rows])
    found: dict[UUID, OfProject] = {}
    for budget, (_, project) in zip(budgets, rows, strict=True):
        of = found.setdefault(project.id, OfProject(context_of(project, key_id=None), []))
        of.budgets.append(budget)
    return list(found.values())


async def find_budget(database: Database, project_id: ProjectId, budget_id: str) -> Budget:
    """Return a budget; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        row = await _row(session, project_id, budget_id)
        return (await _budgets_of(session, [row]))[0]


async def add_budget(database: Database, project_id: ProjectId, form: BudgetForm) -> Budget:
    """Make a budget. Raises `BadRequest`, `Conflict` where there are too many, `NotFound`."""
    async with database.session() as session:
        project = await locked_project(session, project_id)
        form = checked(form, project.time_zone)
        of_project = BudgetRow.project_id == project.id
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_BUDGETS:
            raise Conflict(f"A project has at most {MAX_BUDGETS} budgets: remove some first")
        row = BudgetRow(
            id=uuid.uuid4(),
            project_id=project.id,
            revision=1,
            created_us=time.time_ns() // 1000,
        )
        _fill(row, form)
        session.add(row)
        await session.flush()
        await _link(session, row, form.channel_ids)
        return _budget(row, form.channel_ids)


async def change_budget(
    database: Database, project_id: ProjectId, budget_id: str, change: BudgetChange | BudgetForm
) -> Budget:
    """Change a budget, or put what a form says in its place. Raises as `add_budget`."""
    async with database.session() as session:
        project = await locked_project(session, project_id)
        row = await _row(session, project_id, budget_id)
        held = (await _budgets_of(session, [row]))[0]
        before = form_of(held)
        wanted = change.of(before) if isinstance(change, BudgetChange) else change
        form = checked(wanted, project.time_zone)
        if _counted(form) != _counted(before):
            row.revision += 1
        _fill(row, form)
        await session.execute(delete(BudgetChannel).where(BudgetChannel.budget_id == row.id))
        await _link(session, row, form.channel_ids)
        return _budget(row, form.channel_ids)


async def remove_budget(database: Database, project_id: ProjectId, budget_id: str) -> None:
    """Remove a budget with what it told; raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        await session.delete(await _row(session, project_id, budget_id))


def form_of(budget: Budget) -> BudgetForm:
    """Return what was written of a budget."""
    return BudgetForm(**{name: getattr(budget, name) for name in BudgetForm.__struct_fields__})


def _counted(form: BudgetForm) -> dict[str, object]:
    return {name: value for name, value in asdict(form).items() if name not in UNCOUNTED}


async def _row(session: AsyncSession, project_id: ProjectId, budget_id: str) -> BudgetRow:
    row = await session.get(BudgetRow, as_uuid(budget_id)) if as_uuid(budget_id) else None
    if row is None or row.project_id != as_uuid(project_id):
        raise NotFound("Budget not found")
    return row


async def _link(session: AsyncSession, row: BudgetRow, channel_ids: Collection[str]) -> None:
    wanted = {as_uuid(one) for one in channel_ids}
    query = select(AlertChannel.id).where(AlertChannel.project_id == row.project_id)
    if not wanted <= set(await session.scalars(query)):
        raise BadRequest("channel_ids: expected ids of this project's channels")
    if wanted:
        links = [{"budget_id": row.id, "channel_id": one} for one in wanted]
        await session.execute(insert(BudgetChannel), links)


async def _budgets_of(session: AsyncSession, rows: Iterable[BudgetRow]) -> list[Budget]:
    held = list(rows)
    query = select(BudgetChannel.budget_id, BudgetChannel.channel_id)
    query = query.where(BudgetChannel.budget_id.in_([row.id for row in held]))
    channels: dict[UUID, list[str]] = {}
    for budget_id, channel_id in (await session.execute(query)).all() if held else ():
        channels.setdefault(budget_id, []).append(str(channel_id))
    return [_budget(row, channels.get(row.id, ())) for row in held]


def _fill(row: BudgetRow, form: BudgetForm) -> None:
    row.name, row.enabled = form.name, form.enabled
    row.form = msgspec.json.encode(replace(form, channel_ids=())).decode()


def _budget(row: BudgetRow, channel_ids: Iterable[str]) -> Budget:
    form = msgspec.json.decode(row.form, type=BudgetForm)
    fields = asdict(replace(form, channel_ids=tuple(sorted(channel_ids))))
    return Budget(**fields, id=str(row.id), revision=row.revision, created_us=row.created_us)
