"""Judges of a project: listed, made, changed, removed, and read by who works for them."""

import asyncio
import time
import uuid

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import Conflict, NotFound
from controlplane.llm.judge_forms import check_model, checked
from controlplane.llm.judge_models import JudgeRow
from controlplane.llm.judge_troubles import begin_anew, tell_removed
from controlplane.lookups import live_project, locked_project
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.llm.judges import Judge, JudgeChange, JudgeForm, ModelRule
from schemas.projects import ProjectId

MAX_JUDGES = 20


async def list_judges(database: Database, project_id: ProjectId) -> list[Judge]:
    """Return the judges of a live project by name; raises `NotFound`."""
    query = select(JudgeRow).where(JudgeRow.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = await session.scalars(query.order_by(JudgeRow.name))
        return [judge_of(row) for row in rows]


async def list_enabled(database: Database) -> list[Judge]:
    """Return the judges of all live projects that are on."""
    query = (
        select(JudgeRow)
        .join(Project, Project.id == JudgeRow.project_id)
        .where(JudgeRow.enabled, Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        return [judge_of(row) for row in await session.scalars(query)]


async def find_judge(database: Database, project_id: ProjectId, judge_id: str) -> Judge:
    """Return a judge; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        return judge_of(await _row(session, project_id, judge_id))


async def add_judge(
    database: Database, project_id: ProjectId, form: JudgeForm, models: tuple[str, ...] = ()
) -> Judge:
    """Make a judge; `models` are those that it may ask.

    Raises `BadRequest`, `Conflict` where there are too many or one of its name, `NotFound`.
    """
    form = await asyncio.to_thread(checked, form)
    check_model(form, models)
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = JudgeRow.project_id == project.id
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_JUDGES:
            raise Conflict(f"A project has at most {MAX_JUDGES} judges: remove some first")
        now_us = time.time_ns() // 1000
        row = JudgeRow(
            id=uuid.uuid4(),
            project_id=project.id,
            revision=1,
            created_us=now_us,
            owner="",
            error="",
            error_us=None,
        )
        _fill(row, form, now_us)
        await _check_name(session, row)
        session.add(row)
        await session.flush()
        return judge_of(row)


async def change_judge(
    database: Database,
    project_id: ProjectId,
    judge_id: str,
    change: JudgeChange | JudgeForm,
    models: tuple[str, ...] = (),
) -> Judge:
    """Change a judge, or put what a form says in its place. Raises as `add_judge`."""
    while True:
        before = form_of(await find_judge(database, project_id, judge_id))
        wanted = change.of(before) if isinstance(change, JudgeChange) else change
        form = await asyncio.to_thread(checked, wanted)
        check_model(form, models)
        async with database.session() as session:
            await locked_project(session, project_id)
            row = await _row(session, project_id, judge_id)
            if form_of(judge_of(row)) != before:
                continue  # somebody else has changed it meanwhile
            if (form.name, form.rule) != (before.name, before.rule):
                row.revision += 1
            _fill(row, form, time.time_ns() // 1000)
            await _check_name(session, row)
            return judge_of(row)


async def remove_judge(database: Database, project_id: ProjectId, judge_id: str) -> None:
    """Remove a judge with what waits for it; the scores that it gave stay. Raises `NotFound`.

    Where people know that it fails, they are told that this is over.
    """
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _row(session, project_id, judge_id)
        await session.refresh(row, with_for_update=True)
        await tell_removed(session, row, time.time_ns() // 1000)
        await session.delete(row)


def form_of(judge: Judge) -> JudgeForm:
    """Return what was written of a judge."""
    return JudgeForm(**{name: getattr(judge, name) for name in JudgeForm.__struct_fields__})


def judge_of(row: JudgeRow) -> Judge:
    """Return a judge as it is kept."""
    form = msgspec.json.decode(row.form, type=JudgeForm)
    return Judge(
        **{name: getattr(form, name) for name in JudgeForm.__struct_fields__},
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        revision=row.revision,
        created_us=row.created_us,
    )


async def _row(session: AsyncSession, project_id: ProjectId, judge_id: str) -> JudgeRow:
    row = await session.get(JudgeRow, as_uuid(judge_id)) if as_uuid(judge_id) else None
    if row is None or row.project_id != as_uuid(project_id):
        raise NotFound("Judge not found")
    return row


async def _check_name(session: AsyncSession, row: JudgeRow) -> None:
    others = (JudgeRow.project_id == row.project_id, JudgeRow.id != row.id)
    query = select(JudgeRow.id).where(*others, JudgeRow.name == row.name).limit(1)
    with session.no_autoflush:
        if await session.scalar(query) is not None:
            raise Conflict(f"name: there is a judge {row.name} already")


def _fill(row: JudgeRow, form: JudgeForm, now_us: int) -> None:
    row.name, row.enabled = form.name, form.enabled
    row.asks_model = isinstance(form.rule, ModelRule)
    row.form = msgspec.json.encode(form).decode()
    # Whatever it waited for may be another now. Who has it finds out when the round ends.
    row.failures, row.stopped = 0, ""
    begin_anew(row)
    if not row.owner:
        row.next_us = now_us
