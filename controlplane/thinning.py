"""How far the thinning of each day is, from which day on rows are whole, and what was deleted."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.many_rows import insert_of
from controlplane.models import Project
from controlplane.retention_models import RemovedRows, ThinnedDay
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

REMEMBERED_DAYS = 400
"""Of lines of what was deleted."""
LISTED = 1_000


class Thinned(NamedTuple):
    """The thinning of one day: under way, or done."""

    day: date
    stage: str
    run_id: str
    counts: Mapping[str, int]
    """How many rows go, by kind."""
    is_done: bool


class Removed(NamedTuple):
    """What went on a day by a rule."""

    removed_on: date
    kind: str
    rule: str
    rows: int


async def advance_rows_from(database: Database, days: Mapping[ProjectId, date]) -> bool:
    """Say from which day on the rows of projects are whole; tells whether any day is a later one.

    To be said before a row goes: who reads must know first.
    """
    changed = False
    async with database.session() as session:
        for project_id, day in days.items():
            found = update(Project).where(
                Project.id == as_uuid(project_id),
                or_(Project.rows_from.is_(None), Project.rows_from < day),
            )
            changed |= bool(_count(await session.execute(found.values(rows_from=day))))
    return changed


async def find_rows_from(database: Database, project_id: ProjectId) -> date | None:
    """Return from which day on the rows of a project are whole, `None` for always."""
    query = select(Project.rows_from).where(Project.id == as_uuid(project_id))
    async with database.reading() as session:
        return await session.scalar(query)


async def list_thinned(database: Database, project_id: ProjectId) -> dict[date, Thinned]:
    """Return the days of a project that were thinned, or are being."""
    query = select(ThinnedDay).where(ThinnedDay.project_id == as_uuid(project_id))
    async with database.reading() as session:
        return {row.day: _thinned(row) for row in await session.scalars(query)}


async def begin_day(database: Database, project_id: ProjectId, wanted: Thinned) -> Thinned | None:
    """Note what goes of a day, and return what is under way there: this, or of whoever was first.

    Returns `None` where the project is gone.
    """
    key = as_uuid(project_id)
    values = {
        "stage": wanted.stage,
        "run_id": wanted.run_id,
        "counts": msgspec.json.encode(dict(wanted.counts)).decode(),
        "is_done": False,
    }
    async with database.session() as session:
        if not await session.scalar(
            select(exists().where(Project.id == key, Project.deleted_at.is_(None)))
        ):
            return None
        new = insert_of(session, ThinnedDay).values(project_id=key, day=wanted.day, **values)
        await session.execute(
            new.on_conflict_do_update(
                index_elements=["project_id", "day"],
                set_=values,
                where=ThinnedDay.is_done & (ThinnedDay.stage != wanted.stage),
            )
        )
        row = await session.get(ThinnedDay, (key, wanted.day), populate_existing=True)
        return None if row is None else _thinned(row)


async def end_day(
    database: Database, project_id: ProjectId, thinned: Thinned, today: date, rule: str
) -> bool:
    """Note that a day is done, and what went; tells whether nobody had before."""
    mine = (
        ThinnedDay.project_id == as_uuid(project_id),
        ThinnedDay.day == thinned.day,
        ThinnedDay.run_id == thinned.run_id,
        ThinnedDay.is_done.is_(False),
    )
    async with database.session() as session:
        is_first = bool(
            _count(await session.execute(update(ThinnedDay).where(*mine).values(is_done=True)))
        )
        if is_first:
            for kind, count in thinned.counts.items():
                await _add(session, project_id, Removed(today, kind, rule, count))
        return is_first


async def forget_days(database: Database, project_id: ProjectId, before: date) -> None:
    """Forget days of which no row is left."""
    gone = (ThinnedDay.project_id == as_uuid(project_id), ThinnedDay.day < before)
    async with database.session() as session:
        await session.execute(delete(ThinnedDay).where(*gone, ThinnedDay.is_done))


async def note_removed(database: Database, lines: Mapping[ProjectId, Removed]) -> None:
    """Add up what went, by project. A project that is gone has no lines."""
    async with database.session() as session:
        live = select(Project.id).where(Project.id.in_([as_uuid(one) for one in lines]))
        known = {ProjectId(str(one)) for one in await session.scalars(live)}
        for project_id, line in lines.items():
            if project_id in known:
                await _add(session, project_id, line)
        for day in {line.removed_on for line in lines.values()}:
            old = RemovedRows.removed_on < day - timedelta(days=REMEMBERED_DAYS)
            await session.execute(delete(RemovedRows).where(old))


async def list_removed(database: Database, project_id: ProjectId, limit: int) -> list[Removed]:
    """Return what went of a project, the last first."""
    query = (
        select(RemovedRows)
        .where(RemovedRows.project_id == as_uuid(project_id))
        .order_by(RemovedRows.removed_on.desc(), RemovedRows.kind, RemovedRows.rule)
        .limit(min(limit, LISTED))
    )
    async with database.reading() as session:
        return [
            Removed(row.removed_on, row.kind, row.rule, row.count)
            for row in await session.scalars(query)
        ]


async def _add(session: AsyncSession, project_id: ProjectId, line: Removed) -> None:
    if not line.rows:
        return
    key = {"project_id": as_uuid(project_id), "removed_on": line.removed_on}
    new = insert_of(session, RemovedRows).values(
        **key, kind=line.kind, rule=line.rule, count=line.rows
    )
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["project_id", "removed_on", "kind", "rule"],
            set_={"count": RemovedRows.count + line.rows},
        )
    )


def _count(result: object) -> int:
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def _thinned(row: ThinnedDay) -> Thinned:
    counts = msgspec.json.decode(row.counts, type=dict[str, int])
    return Thinned(row.day, row.stage, row.run_id, counts, row.is_done)
