"""Runs that price stored rows anew: asked for, taken by one process, and how far they are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import exists, func, select, update

from controlplane.database import Database
from controlplane.erasure_models import PersonErasure
from controlplane.failures import Conflict, NotFound
from controlplane.lookups import live_project, lock_rewriting
from controlplane.models import Project, ProjectPrices, RepriceRun
from controlplane.rewriting import take_turn
from controlplane.rules import as_uuid
from schemas.llm.reprices import OPEN, Progress, Run, State
from schemas.projects import ProjectId

ATTENDED_S = 10.0
"""A process that works on a run says so every second."""
LISTED_RUNS = 100
ERASING = PersonErasure.state == "running"


async def request_run(
    database: Database, project_id: ProjectId | None, from_us: int, to_us: int
) -> str:
    """Ask for a run over one project or all of them, and return its id; raises `NotFound`."""
    async with database.session() as session:
        if project_id is not None:
            await live_project(session, project_id)
        run = RepriceRun(
            project_id=None if project_id is None else as_uuid(project_id),
            from_us=from_us,
            to_us=to_us,
            state="waiting",
            owner="",
            progress=msgspec.json.encode(Progress()),
        )
        session.add(run)
        await session.flush()
        return str(run.id)


async def find_run(database: Database, run_id: str) -> Run:
    """Return a run as it stands; raises `NotFound`."""
    key = as_uuid(run_id)
    async with database.reading() as session:
        return _run(_found(None if key is None else await session.get(RepriceRun, key), run_id))


async def list_runs(database: Database) -> list[Run]:
    """Return the newest runs, the last one first."""
    newest = select(RepriceRun).order_by(RepriceRun.created_at.desc(), RepriceRun.id)
    async with database.reading() as session:
        return [_run(row) for row in await session.scalars(newest.limit(LISTED_RUNS))]


async def cancel_run(database: Database, run_id: str) -> Run:
    """End a run where it is, and return it; raises `NotFound`, `Conflict` where it has ended.

    A chunk that may be half done is finished first: the run is `cancelling` until then.
    """
    key = as_uuid(run_id)
    query = select(RepriceRun).where(RepriceRun.id == key).with_for_update()
    async with database.session() as session:
        row = _found(None if key is None else await session.scalar(query), run_id)
        if row.state not in OPEN:
            raise Conflict(f"Reprice run {run_id} has ended already: {row.state}")
        pending = msgspec.json.decode(row.progress, type=Progress).pending
        row.state = "cancelled" if pending is None else "cancelling"
        return _run(row)


async def take_run(database: Database, owner: str) -> Run | None:
    """Take the oldest run that is not done over for `owner`; `None` where there is none.

    One that is in the middle of a chunk comes before all others: these would reckon with what it
    has left half done. Whoever had it before is told so by its next `save_progress`. While a
    person is erased there is none: `controlplane.erasures`.
    """
    oldest = (
        select(RepriceRun)
        .where(RepriceRun.state.in_(OPEN))
        .order_by(RepriceRun.changes.is_(None), RepriceRun.created_at, RepriceRun.id)
        .limit(1)
    )
    async with database.reading() as session:  # nearly always there is none: lock nothing
        if await session.scalar(oldest) is None:
            return None
    async with database.session() as session:
        await lock_rewriting(session)
        row = await session.scalar(oldest.with_for_update())
        if row is None or await session.scalar(select(exists().where(ERASING))):
            return None
        row.owner, row.seen_at = owner, datetime.now(UTC)
        row.state = "cancelling" if row.state == "cancelling" else "running"
        return _run(row)


async def read_changes(database: Database, run_id: str) -> bytes | None:
    """Return the changes of the pending chunk, as they were saved."""
    query = select(RepriceRun.changes).where(RepriceRun.id == UUID(run_id))
    async with database.reading() as session:
        return await session.scalar(query)


async def save_progress(
    database: Database,
    run_id: str,
    owner: str,
    progress: Progress,
    *,
    end: State | None = None,
    changes: bytes | None = None,
    turn: int | None = None,
) -> State | None:
    """Write how far a run is, and return its state; `None` where it is no longer the owner's.

    `changes` are those of a chunk that is pending from now on; they are kept as long as it is.
    `turn` was read before the rows that they are of. Raises `TurnTaken` where these may be others.
    """
    mine = (
        RepriceRun.id == UUID(run_id),
        RepriceRun.owner == owner,
        RepriceRun.state.in_(OPEN),
    )
    values: dict[str, Any] = {
        "progress": msgspec.json.encode(progress),
        "seen_at": datetime.now(UTC),
    }
    if end is not None:
        values["state"] = end
    if progress.pending is None or changes is not None:
        values["changes"] = changes
    query = update(RepriceRun).where(*mine).values(**values).returning(RepriceRun.state)
    async with database.session() as session:
        if changes is not None:
            await take_turn(session, turn)
        state = await session.scalar(query)
    return None if state is None else msgspec.convert(state, State)


async def last_price_change(database: Database) -> datetime | None:
    """Return when any project last set a price."""
    async with database.reading() as session:
        return await session.scalar(select(func.max(ProjectPrices.changed_at)))


async def live_projects(database: Database, project_id: ProjectId | None) -> list[ProjectId]:
    """Return the projects that a run is about, in the order of their ids as texts."""
    query = select(Project.id).where(Project.deleted_at.is_(None))
    if project_id is not None:
        query = query.where(Project.id == as_uuid(project_id))
    async with database.reading() as session:
        return sorted(ProjectId(str(one)) for one in await session.scalars(query))


def _found(row: RepriceRun | None, run_id: str) -> RepriceRun:
    if row is None:
        raise NotFound(f"There is no reprice run {run_id}: sluice reprice --list shows them")
    return row


def _run(row: RepriceRun) -> Run:
    seen = row.seen_at
    return Run(
        run_id=str(row.id),
        project_id=None if row.project_id is None else ProjectId(str(row.project_id)),
        asked_at=row.created_at,
        from_us=row.from_us,
        to_us=row.to_us,
        state=msgspec.convert(row.state, State),
        progress=msgspec.json.decode(row.progress, type=Progress),
        is_attended=seen is not None and datetime.now(UTC) - seen < timedelta(seconds=ATTENDED_S),
    )
