"""Items of datasets that say something of a person who is erased."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from msgspec import json
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.llm.dataset_models import DatasetItemRow, DatasetRow
from controlplane.many_rows import parts
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

NAMES = ("userId", "user_id")
"""Keys of the metadata that name a person, as in calls."""
AT_ONCE = 500


async def list_sources(database: Database, project_id: ProjectId) -> list[str]:
    """Return the ids of the calls that items of a project were made of, in any version."""
    query = (
        select(DatasetItemRow.trace_id)
        .join(DatasetRow, DatasetRow.id == DatasetItemRow.dataset_id)
        .where(DatasetRow.project_id == as_uuid(project_id), DatasetItemRow.trace_id != "")
        .distinct()
    )
    async with database.reading() as session:
        return list(await session.scalars(query))


async def erase_items(
    database: Database, project_id: ProjectId, calls: Collection[str], person: str
) -> None:
    """Remove items that were made of these calls, or name the person, in all versions.

    May be repeated. Versions keep their numbers.
    """
    async with database.session() as session:
        query = select(DatasetRow).where(DatasetRow.project_id == as_uuid(project_id))
        for dataset in list(await session.scalars(query.with_for_update())):
            theirs = await _naming(session, dataset.id, person)
            own = DatasetItemRow.dataset_id == dataset.id
            for some in parts(sorted(calls)):
                made = select(DatasetItemRow.item_id).where(own, DatasetItemRow.trace_id.in_(some))
                theirs |= set(await session.scalars(made))
            for some in parts(sorted(theirs)):
                gone = delete(DatasetItemRow).where(own, DatasetItemRow.item_id.in_(some))
                await session.execute(gone)
            if theirs:
                await _count_anew(session, dataset)


async def _naming(session: AsyncSession, dataset_id: UUID, person: str) -> set[str]:
    query = select(DatasetItemRow.item_id, DatasetItemRow.details).where(
        DatasetItemRow.dataset_id == dataset_id, DatasetItemRow.details.like('%"user%')
    )
    # One by one: all of them together may have hundreds of megabytes.
    rows = await session.stream(query.execution_options(yield_per=AT_ONCE))
    return {item_id async for item_id, details in rows if _names(json.decode(details), person)}


def _names(details: Any, person: str) -> bool:
    return any(str(details.get(name)) == person for name in NAMES if name in details)


async def _count_anew(session: AsyncSession, dataset: DatasetRow) -> None:
    query = select(func.count(), func.coalesce(func.sum(DatasetItemRow.size), 0))
    own = DatasetItemRow.dataset_id == dataset.id
    dataset.revisions, dataset.bytes = (await session.execute(query.where(own))).one()
