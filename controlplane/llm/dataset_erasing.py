"""Items of datasets that say something of a person: found, read for an export, erased.

An item is a person's if it says so itself, or if the call that it was made of is theirs. It goes in
all its versions: an older one may say what the newest does not.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Raw, json
from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.llm.dataset_models import DatasetItemRow, DatasetRow
from controlplane.many_rows import parts
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

NAMES = ("userId", "user_id")
"""Keys of the metadata that name a person, as in calls."""
AT_ONCE = 500
ROWS_AT_ONCE = 20
"""Of 256 KiB each."""
SOURCES_AT_ONCE = 5_000


class Sources(NamedTuple):
    """What items of a project are of, in any version, or which of these are a person's."""

    calls: Sequence[str]
    sessions: Sequence[str]
    """Of items of which no person is known: of a session that names one person, they are theirs."""


class ItemKey(NamedTuple):
    """One version of an item."""

    dataset: str
    dataset_id: UUID
    item_id: str
    since: int


async def list_sources(database: Database, project_id: ProjectId) -> AsyncIterator[Sources]:
    """Yield the calls that items of a project were made of, and their sessions, in parts.

    A part is of `SOURCES_AT_ONCE` versions of items at most. A call may be in several.
    """
    of_project = DatasetRow.project_id == as_uuid(project_id)
    async with database.reading() as session:
        datasets = list(await session.scalars(select(DatasetRow.id).where(of_project)))
    for dataset_id in datasets:
        after: tuple[str, int] | None = ("", 0)
        while after is not None:
            found, after = await _sources_after(database, dataset_id, after)
            if found.calls or found.sessions:
                yield found


async def _sources_after(
    database: Database, dataset_id: UUID, after: tuple[str, int]
) -> tuple[Sources, tuple[str, int] | None]:
    """Return those of the next versions by their key, and where these end."""
    of, (item_id, since) = DatasetItemRow, after
    query = (
        select(of.item_id, of.since, of.trace_id, of.session_id, of.user_id)
        .where(
            of.dataset_id == dataset_id,
            of.item_id >= item_id,
            or_(of.item_id > item_id, of.since > since),
        )
        .order_by(of.item_id, of.since)
        .limit(SOURCES_AT_ONCE)
    )
    # Each for itself: all of them together would take seconds in which nobody else is answered.
    async with database.reading() as session:
        rows = list(await session.execute(query))
    calls = {row.trace_id for row in rows if row.trace_id}
    sessions = {row.session_id for row in rows if row.session_id and not row.user_id}
    is_whole = len(rows) < SOURCES_AT_ONCE
    end = None if is_whole else (rows[-1].item_id, rows[-1].since)
    return Sources(sorted(calls), sorted(sessions)), end


async def find_items(
    database: Database, project_id: ProjectId, person: str, sources: Sources
) -> list[ItemKey]:
    """Return all versions of the items of a person, whose calls and sessions these are."""
    of = DatasetItemRow
    found = []
    async with database.reading() as session:
        query = select(DatasetRow).where(DatasetRow.project_id == as_uuid(project_id))
        for dataset in list(await session.scalars(query.order_by(DatasetRow.name))):
            theirs = sorted(await _theirs(session, dataset.id, person, sources))
            for some in parts(theirs):
                keys = select(of.item_id, of.since).where(
                    of.dataset_id == dataset.id, of.item_id.in_(some)
                )
                for key in await session.execute(keys.order_by(of.item_id, of.since)):
                    found.append(ItemKey(dataset.name, dataset.id, *key))
    return found


async def read_rows(database: Database, keys: Sequence[ItemKey]) -> AsyncIterator[dict[str, Any]]:
    """Yield what these versions say. Those that are gone meanwhile are left out."""
    for first in range(0, len(keys), ROWS_AT_ONCE):
        some = keys[first : first + ROWS_AT_ONCE]
        async with database.reading() as session:
            rows = [await session.get(DatasetItemRow, key[1:]) for key in some]
        for key, row in zip(some, rows, strict=True):
            if row is not None:
                yield {"dataset": key.dataset, **_told(row)}


async def erase_items(
    database: Database, project_id: ProjectId, person: str, sources: Sources
) -> None:
    """Remove the items of a person, whose calls and sessions these are, in all versions.

    May be repeated. Versions keep their numbers.
    """
    async with database.session() as session:
        query = select(DatasetRow).where(DatasetRow.project_id == as_uuid(project_id))
        for dataset in list(await session.scalars(query.with_for_update())):
            theirs = sorted(await _theirs(session, dataset.id, person, sources))
            own = DatasetItemRow.dataset_id == dataset.id
            for some in parts(theirs):
                gone = delete(DatasetItemRow).where(own, DatasetItemRow.item_id.in_(some))
                await session.execute(gone)
            if theirs:
                await _count_anew(session, dataset)


async def _theirs(
    session: AsyncSession, dataset_id: UUID, person: str, sources: Sources
) -> set[str]:
    of = DatasetItemRow
    own = of.dataset_id == dataset_id
    theirs = await _naming(session, dataset_id, person)
    for some in parts(sources.calls):
        made = select(of.item_id).where(own, of.trace_id.in_(some))
        theirs |= set(await session.scalars(made))
    for some in parts(sources.sessions):
        made = select(of.item_id).where(own, of.user_id == "", of.session_id.in_(some))
        theirs |= set(await session.scalars(made))
    return theirs


async def _naming(session: AsyncSession, dataset_id: UUID, person: str) -> set[str]:
    of = DatasetItemRow
    query = select(of.item_id, of.user_id, of.details).where(
        of.dataset_id == dataset_id, or_(of.user_id == person, of.details.like('%"user%'))
    )
    # One by one: all of them together may have hundreds of megabytes.
    rows = await session.stream(query.execution_options(yield_per=AT_ONCE))
    return {
        item_id
        async for item_id, user_id, details in rows
        if user_id == person or _names(json.decode(details), person)
    }


def _names(details: Any, person: str) -> bool:
    return any(str(details.get(name)) == person for name in NAMES if name in details)


def _told(row: DatasetItemRow) -> dict[str, Any]:
    return {
        "id": row.item_id,
        "version": row.since,
        "input": Raw(row.input.encode()),
        "expected_output": Raw(row.expected.encode()),
        "metadata": Raw(row.details.encode()),
        "trace_id": row.trace_id or None,
        "user_id": row.user_id or None,
        "session_id": row.session_id or None,
    }


async def _count_anew(session: AsyncSession, dataset: DatasetRow) -> None:
    query = select(func.count(), func.coalesce(func.sum(DatasetItemRow.size), 0))
    own = DatasetItemRow.dataset_id == dataset.id
    dataset.revisions, dataset.bytes = (await session.execute(query.where(own))).one()
