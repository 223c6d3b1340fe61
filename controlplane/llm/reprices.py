"""Runs that price stored rows anew: asked for, taken by one process, and how far they are."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update

from controlplane.database import Database
from controlplane.errors import NotFound
from controlplane.lookups import live_project
from controlplane.models import Project, ProjectPrices, RepriceRun
from controlplane.rules import as_uuid
from schemas.llm.reprices import Progress, Run, State
from schemas.projects import ProjectId

ATTENDED_S = 10.0
"""A process that works on a run says so every second."""
OPEN: tuple[State, ...] = ("waiting", "running")


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
        row = None if key is None else await session.get(RepriceRun, key)
    if row is None:
        raise NotFound(f"There is no reprice run {run_id}")
    return _run(row)


async def take_run(database: Database, owner: str) -> Run | None:
    """Take the oldest run that is not done over for `owner`; `None` where there is none.

    Whoever had it before is told so by its next `save_progress`.
    """
    oldest = (
        select(RepriceRun)
        .where(RepriceRun.state.in_(OPEN))
        .order_by(RepriceRun.created_at, RepriceRun.id)
        .limit(1)
    )
    async with database.reading() as session:  # nearly always there is none: lock nothing
        if await session.scalar(oldest) is None:
            return None
    async with database.session() as session:
        row = await session.scalar(oldest.with_for_update())
        if row is None:
            return None
        row.owner, row.state, row.seen_at = owner, "running", datetime.now(UTC)
    return _run(row)


async def save_progress(
    database: Database, run_id: str, owner: str, progress: Progress, state: State = "running"
) -> bool:
    """Write how far a run is; `False` where another process has taken it over."""
    mine = (RepriceRun.id == UUID(run_id), RepriceRun.owner == owner)
    now = datetime.now(UTC)
    query = update(RepriceRun).where(*mine).returning(RepriceRun.id)
    values = {"state": state, "progress": msgspec.json.encode(progress), "seen_at": now}
    async with database.session() as session:
        return await session.scalar(query.values(**values)) is not None


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


def _run(row: RepriceRun) -> Run:
    seen = row.seen_at
    return Run(
        run_id=str(row.id),
        project_id=None if row.project_id is None else ProjectId(str(row.project_id)),
        from_us=row.from_us,
        to_us=row.to_us,
        state=msgspec.convert(row.state, State),
        progress=msgspec.json.decode(row.progress, type=Progress),
        is_attended=seen is not None and datetime.now(UTC) - seen < timedelta(seconds=ATTENDED_S),
    )
