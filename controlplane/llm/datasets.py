"""Datasets of a project: listed, made, changed, removed, and the runs that were announced."""

import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, Raw
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import Conflict, NotFound
from controlplane.llm.dataset_forms import (
    check_dataset,
    check_description,
    check_run,
    details_text,
)
from controlplane.llm.dataset_models import NO_END, DatasetItemRow, DatasetRow, DatasetRunRow
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from schemas.llm.datasets import DATASET_NAME, ITEM_ID, Dataset, DatasetChange, DatasetForm, RunForm
from schemas.projects import ProjectId
from schemas.times import iso_ms

MOST_DATASETS = 200
MOST_RUNS = 1_000
"""That are announced, of one dataset."""


class KnownRun(NamedTuple):
    """A run that was announced."""

    name: str
    description: str
    metadata: Raw | None
    """`None` of a run that was not announced."""
    version: int
    created_us: int


async def list_datasets(database: Database, project_id: ProjectId) -> list[Dataset]:
    """Return the datasets of a live project by name; raises `NotFound`."""
    query = select(DatasetRow).where(DatasetRow.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = list(await session.scalars(query.order_by(DatasetRow.name)))
        counts = await _counts(session, [row.id for row in rows])
        return [_dataset(row, counts.get(row.id, 0)) for row in rows]


async def find_dataset(database: Database, project_id: ProjectId, name: str) -> Dataset:
    """Return a dataset; raises `NotFound`."""
    async with database.reading() as session:
        row = await row_of(session, project_id, name)
        return await _answer(session, row)


async def add_dataset(database: Database, project_id: ProjectId, form: DatasetForm) -> Dataset:
    """Make a dataset. Raises `BadRequest`, and `Conflict` where it is there, or there are too many.

    Raises `NotFound` for a project that is deleted.
    """
    async with database.session() as session:
        return _dataset(await new_row(session, project_id, form), 0)


async def new_row(session: AsyncSession, project_id: ProjectId, form: DatasetForm) -> DatasetRow:
    """Add the row of a dataset; raises as `add_dataset`."""
    check_dataset(form)
    now_us = time.time_ns() // 1000
    project = await locked_project(session, project_id)
    of_project = DatasetRow.project_id == project.id
    names = set(await session.scalars(select(DatasetRow.name).where(of_project)))
    if form.name in names:
        raise Conflict(f"There is a dataset {form.name}")
    if len(names) >= MOST_DATASETS:
        raise Conflict(f"A project has at most {MOST_DATASETS} datasets: remove some first")
    row = DatasetRow(
        id=uuid.uuid4(),
        project_id=project.id,
        name=form.name,
        description=form.description,
        details=details_text(form.metadata),
        **dict.fromkeys(("version", "revisions", "bytes"), 0),
        **dict.fromkeys(("created_us", "changed_us"), now_us),
    )
    session.add(row)
    await session.flush()
    return row


async def change_dataset(
    database: Database, project_id: ProjectId, name: str, change: DatasetChange
) -> Dataset:
    """Change what is given of a dataset. Raises `BadRequest` and `NotFound`."""
    async with database.session() as session:
        row = await row_of(session, project_id, name, locked=True)
        if change.description is not UNSET:
            check_description(change.description)
            row.description = change.description
        if change.metadata is not UNSET:
            row.details = details_text(change.metadata)
        row.changed_us = time.time_ns() // 1000
        await session.flush()
        return await _answer(session, row)


async def remove_dataset(database: Database, project_id: ProjectId, name: str) -> None:
    """Remove a dataset with all versions of its items; raises `NotFound`."""
    async with database.session() as session:
        await session.delete(await row_of(session, project_id, name, locked=True))


async def announce_run(
    database: Database, project_id: ProjectId, name: str, form: RunForm
) -> KnownRun:
    """Note a run, or say something else of it: its version stays. Raises as `add_dataset`."""
    check_run(form)
    async with database.session() as session:
        dataset = await row_of(session, project_id, name, locked=True)
        row = await session.get(DatasetRunRow, (dataset.id, form.name))
        if row is None:
            own = select(func.count()).where(DatasetRunRow.dataset_id == dataset.id)
            if (await session.scalar(own) or 0) >= MOST_RUNS:
                raise Conflict(f"A dataset has at most {MOST_RUNS} runs that are announced")
            row = DatasetRunRow(
                dataset_id=dataset.id,
                name=form.name,
                version=dataset.version,
                created_us=time.time_ns() // 1000,
            )
            session.add(row)
        row.description, row.details = form.description, details_text(form.metadata)
        await session.flush()
        return _run(row)


async def list_known_runs(database: Database, project_id: ProjectId, name: str) -> list[KnownRun]:
    """Return the runs of a dataset that were announced; raises `NotFound`."""
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        query = select(DatasetRunRow).where(DatasetRunRow.dataset_id == dataset.id)
        return [_run(row) for row in await session.scalars(query)]


async def datasets_with_item(
    database: Database, project_id: ProjectId, item_id: str
) -> Sequence[str]:
    """Return the names of two datasets at most that have an item of this id now, if any."""
    if not ITEM_ID.fullmatch(item_id):  # of another, PostgreSQL makes an error
        return ()
    query = (
        select(DatasetRow.name)
        .join(DatasetItemRow, DatasetItemRow.dataset_id == DatasetRow.id)
        .where(
            DatasetRow.project_id == as_uuid(project_id),
            DatasetItemRow.item_id == item_id,
            DatasetItemRow.until == NO_END,
        )
    )
    async with database.reading() as session:
        await live_project(session, project_id)
        return list(await session.scalars(query.limit(2)))


async def row_of(
    session: AsyncSession, project_id: ProjectId, name: str, *, locked: bool = False
) -> DatasetRow:
    """Find a dataset, and if `locked` let nobody else change it; raises `NotFound`."""
    await live_project(session, project_id)
    query = select(DatasetRow).where(
        DatasetRow.project_id == as_uuid(project_id), DatasetRow.name == name
    )
    row = None
    if DATASET_NAME.fullmatch(name):  # of another, PostgreSQL makes an error
        row = await session.scalar(query.with_for_update() if locked else query)
    if row is None:
        raise NotFound("Dataset not found")
    return row


async def _answer(session: AsyncSession, row: DatasetRow) -> Dataset:
    return _dataset(row, (await _counts(session, [row.id])).get(row.id, 0))


async def _counts(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, int]:
    if not ids:
        return {}
    query = (
        select(DatasetItemRow.dataset_id, func.count())
        .where(
            DatasetItemRow.dataset_id.in_(ids),
            DatasetItemRow.until == NO_END,
            DatasetItemRow.archived.is_(False),
        )
        .group_by(DatasetItemRow.dataset_id)
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


def _dataset(row: DatasetRow, items: int) -> Dataset:
    return Dataset(
        name=row.name,
        description=row.description,
        metadata=Raw(row.details.encode()),
        version=row.version,
        items=items,
        created_at=iso_ms(row.created_us),
        changed_at=iso_ms(row.changed_us),
    )


def _run(row: DatasetRunRow) -> KnownRun:
    details = Raw(row.details.encode())
    return KnownRun(row.name, row.description, details, row.version, row.created_us)
