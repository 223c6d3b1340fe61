"""The items of datasets: written as versions, and read as they were in one of them."""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import NamedTuple

from msgspec import UNSET, Raw, UnsetType, json
from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.dataset_forms import Written, written
from controlplane.llm.dataset_models import NO_END, DatasetItemRow, DatasetRow
from controlplane.llm.datasets import new_row, row_of
from controlplane.many_rows import parts, table_of
from schemas.llm.datasets import (
    ITEM_ID,
    MOST_AT_ONCE,
    DatasetForm,
    DatasetVersion,
    Item,
    ItemChange,
    ItemForm,
    ItemList,
    VersionList,
    WrittenItems,
)
from schemas.projects import ProjectId
from schemas.times import iso_ms

MOST_ITEMS = 10_000
"""Of one dataset, archived ones too."""
MOST_REVISIONS = 50_000
"""Of one dataset: rows of all versions."""
MOST_BYTES = 1 << 30
"""Of all datasets of a project, in all versions."""
PAGE_BYTES = 8 << 20
"""Of a page's texts: one that would have more ends before."""
CUT_CHARS = 1_000
"""Of an item's texts where it is one of many."""
MOST_VERSIONS = 100
"""That are listed."""


class Texts(NamedTuple):
    """How an item begins."""

    input: str
    expected: str
    """`null` where nothing is expected."""


class Asked(NamedTuple):
    """Which items of a dataset."""

    version: int | None = None
    at_us: int | None = None
    """The version of a moment; both `None`: the newest."""
    archived: bool = False
    """Whether those that are archived are answered too."""
    limit: int = 100
    after: int = -1
    """The place at which the page before ended."""
    skipped: int = 0
    """How many more are left out."""


async def write_items(
    database: Database, project_id: ProjectId, name: str, forms: Sequence[ItemForm]
) -> WrittenItems:
    """Make items, or put what is sent in the place of those with the same ids.

    All of them or none. What is as it was makes no new version. Raises `BadRequest` and `NotFound`;
    `Conflict` where there would be too much.
    """
    sent = _sent(forms)
    async with database.session() as session:
        dataset = await row_of(session, project_id, name, locked=True)
        changed = await _write(session, dataset, await _still_known(session, dataset, sent))
        return WrittenItems(
            version=dataset.version, ids=[one.item_id for one in sent], changed=changed
        )


async def make_filled(
    database: Database, project_id: ProjectId, form: DatasetForm, forms: Sequence[ItemForm]
) -> None:
    """Make a dataset and its first items: both or neither.

    Raises as `add_dataset` and `write_items`.
    """
    sent = _sent(forms)
    async with database.session() as session:
        await _write(session, await new_row(session, project_id, form), sent)


async def change_item(
    database: Database, project_id: ProjectId, name: str, item_id: str, change: ItemChange
) -> Item:
    """Change what is given of an item. Raises as `write_items`."""
    async with database.session() as session:
        dataset = await row_of(session, project_id, name, locked=True)
        row = await _row(session, dataset, item_id, NO_END - 1)
        form = ItemForm(
            id=row.item_id,
            input=_given(change.input, row.input),
            expected_output=_given(change.expected_output, row.expected),
            metadata=json.decode(row.details) if change.metadata is UNSET else change.metadata,
            archived=row.archived if change.archived is UNSET else change.archived,
            trace_id=row.trace_id,
            user_id=row.user_id if change.user_id is UNSET else change.user_id,
            session_id=row.session_id,
        )
        await _write(session, dataset, [written(form)])
        return _item(await _row(session, dataset, item_id, NO_END - 1))


async def list_items(
    database: Database, project_id: ProjectId, name: str, asked: Asked
) -> ItemList:
    """Return a page of the items of a version; raises `NotFound`."""
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        version = await _version(session, dataset, asked)
        where = [*_in_version(dataset, version), DatasetItemRow.place > asked.after]
        if not asked.archived:
            where.append(DatasetItemRow.archived.is_(False))
        places = select(DatasetItemRow.place, DatasetItemRow.size).where(*where)
        places = places.order_by(DatasetItemRow.place).offset(asked.skipped)
        found = [
            (place, size)
            for place, size in (await session.execute(places.limit(asked.limit + 1))).all()
        ]
        count = _fitting([size for _, size in found[: asked.limit]])
        if not count:
            return ItemList(version=version, items=[])
        first, last = found[0][0], found[count - 1][0]
        where.append(DatasetItemRow.place.between(first, last))
        rows = select(DatasetItemRow).where(*where)
        items = [_item(row) for row in await session.scalars(rows.order_by(DatasetItemRow.place))]
        cursor = str(last) if count < len(found) else None
        return ItemList(version=version, items=items, next_cursor=cursor)


async def find_item(
    database: Database, project_id: ProjectId, name: str, item_id: str, asked: Asked
) -> Item:
    """Return an item as it was in a version; raises `NotFound`."""
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        version = await _version(session, dataset, asked)
        return _item(await _row(session, dataset, item_id, version))


async def read_texts(
    database: Database, project_id: ProjectId, name: str, ids: Sequence[str], version: int
) -> dict[str, Texts]:
    """Return how those of these items begin that were there in a version, archived or not."""
    cut = [
        func.substr(one, 1, CUT_CHARS) for one in (DatasetItemRow.input, DatasetItemRow.expected)
    ]
    found = {}
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        for some in parts([one for one in ids if ITEM_ID.fullmatch(one)]):
            where = (*_in_version(dataset, version), DatasetItemRow.item_id.in_(some))
            for item_id, *texts in (
                await session.execute(select(DatasetItemRow.item_id, *cut).where(*where))
            ).all():
                found[item_id] = Texts(*texts)
    return found


async def count_items(
    database: Database, project_id: ProjectId, name: str, versions: Collection[int]
) -> dict[int, int]:
    """Return how many items versions had that were not archived; raises `NotFound`."""
    of = DatasetItemRow
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        query = select(of.since, of.until, func.count()).where(
            of.dataset_id == dataset.id, of.archived.is_(False)
        )
        rows = (await session.execute(query.group_by(of.since, of.until))).all()
    changes: Counter[int] = Counter()
    for since, until, count in rows:
        changes[since] += count
        changes[until] -= count
    moments = sorted(changes)
    sums = [0, *accumulate(changes[one] for one in moments)]
    return {version: sums[bisect_right(moments, version)] for version in versions}


async def list_versions(database: Database, project_id: ProjectId, name: str) -> VersionList:
    """Return the newest versions of a dataset; raises `NotFound`."""
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        query = (
            select(DatasetItemRow.since, func.min(DatasetItemRow.at_us), func.count())
            .where(DatasetItemRow.dataset_id == dataset.id)
            .group_by(DatasetItemRow.since)
            .order_by(DatasetItemRow.since.desc())
            .limit(MOST_VERSIONS)
        )
        rows = (await session.execute(query)).all()
        return VersionList(
            versions=[
                DatasetVersion(version=version, at=iso_ms(at_us), changed=count)
                for version, at_us, count in rows
            ]
        )


async def version_at(database: Database, project_id: ProjectId, name: str, at_us: int) -> int:
    """Return which version a dataset had at a moment, before that the first; raises `NotFound`."""
    async with database.reading() as session:
        dataset = await row_of(session, project_id, name)
        found = await _version(session, dataset, Asked(at_us=at_us))
        return found or min(1, dataset.version)


def _sent(forms: Sequence[ItemForm]) -> list[Written]:
    if len(forms) > MOST_AT_ONCE:
        raise BadRequest(f"Expected at most {MOST_AT_ONCE} items in one request")
    return [written(form, number) for number, form in enumerate(forms)]


async def _still_known(
    session: AsyncSession, dataset: DatasetRow, sent: Sequence[Written]
) -> list[Written]:
    """Returns items with whom their calls were of when they were sent before: these may be gone."""
    of = DatasetItemRow
    known: dict[tuple[str, str], tuple[str, str]] = {}
    for some in parts([one.item_id for one in sent if one.trace_id and not one.user_id]):
        query = select(of.item_id, of.trace_id, of.user_id, of.session_id).where(
            of.dataset_id == dataset.id, of.until == NO_END, of.item_id.in_(some)
        )
        for item_id, trace_id, user_id, session_id in await session.execute(query):
            known[item_id, trace_id] = user_id, session_id
    found = []
    for one in sent:
        if not one.user_id and (caller := known.get((one.item_id, one.trace_id))):
            user_id, session_id = caller
            one = one._replace(user_id=user_id, session_id=one.session_id or session_id)
        found.append(one)
    return found


async def _write(session: AsyncSession, dataset: DatasetRow, sent: Sequence[Written]) -> int:
    """Write items of which each id counts once, the last; returns how many are new or other."""
    wanted = {one.item_id: one for one in sent}
    now = await _now(session, dataset, list(wanted))
    others = [one for key, one in wanted.items() if key not in now or now[key][0] != one]
    if not others:
        return 0
    last = await _check_room(session, dataset, others, sum(key not in now for key in wanted))
    version, at_us = dataset.version + 1, time.time_ns() // 1000
    for some in parts([one.item_id for one in others if one.item_id in now]):
        ended = (
            DatasetItemRow.dataset_id == dataset.id,
            DatasetItemRow.until == NO_END,
            DatasetItemRow.item_id.in_(some),
        )
        await session.execute(update(DatasetItemRow).where(*ended).values(until=version))
    rows = []
    for one in others:
        if one.item_id in now:
            place = now[one.item_id][1]
        else:
            last += 1
            place = last
        rows.append(
            one._asdict()
            | {"dataset_id": dataset.id, "since": version, "until": NO_END, "place": place}
            | {"size": one.size, "at_us": at_us}
        )
    connection = await session.connection()
    await connection.execute(insert(table_of(DatasetItemRow)), rows)
    dataset.version, dataset.changed_us = version, at_us
    dataset.revisions += len(others)
    dataset.bytes += sum(one.size for one in others)
    await session.flush()
    return len(others)


async def _now(
    session: AsyncSession, dataset: DatasetRow, ids: Sequence[str]
) -> dict[str, tuple[Written, int]]:
    """Returns how these items are now, with their places."""
    columns = [getattr(DatasetItemRow, name) for name in Written._fields]
    found = {}
    for some in parts(ids):
        query = select(*columns, DatasetItemRow.place).where(
            DatasetItemRow.dataset_id == dataset.id,
            DatasetItemRow.until == NO_END,
            DatasetItemRow.item_id.in_(some),
        )
        for row in (await session.execute(query)).all():
            found[row[0]] = (Written(*row[:-1]), row[-1])
    return found


async def _check_room(
    session: AsyncSession, dataset: DatasetRow, others: Sequence[Written], added: int
) -> int:
    """Returns the last place of a dataset; raises `Conflict` where there would be too much."""
    own = DatasetItemRow.dataset_id == dataset.id
    query = select(func.count(), func.max(DatasetItemRow.place))
    count, last = (await session.execute(query.where(own, DatasetItemRow.until == NO_END))).one()
    if count + added > MOST_ITEMS:
        raise Conflict(f"A dataset has at most {MOST_ITEMS} items: make another")
    if dataset.revisions + len(others) > MOST_REVISIONS:
        raise Conflict(f"A dataset has at most {MOST_REVISIONS} changes of items: make another")
    of_project = select(func.sum(DatasetRow.bytes)).where(
        DatasetRow.project_id == dataset.project_id
    )
    held = int(await session.scalar(of_project) or 0)
    if held + sum(one.size for one in others) > MOST_BYTES:
        raise Conflict(f"The datasets of a project have at most {MOST_BYTES >> 20} MiB")
    return -1 if last is None else int(last)


async def _version(session: AsyncSession, dataset: DatasetRow, asked: Asked) -> int:
    if asked.version is not None:
        if not 0 <= asked.version <= dataset.version:
            raise NotFound(f"Version not found: the newest is {dataset.version}")
        return asked.version
    if asked.at_us is None:
        return dataset.version
    query = select(func.max(DatasetItemRow.since)).where(
        DatasetItemRow.dataset_id == dataset.id, DatasetItemRow.at_us <= asked.at_us
    )
    return await session.scalar(query) or 0


async def _row(
    session: AsyncSession, dataset: DatasetRow, item_id: str, version: int
) -> DatasetItemRow:
    where = (*_in_version(dataset, version), DatasetItemRow.item_id == item_id)
    row = None
    if ITEM_ID.fullmatch(item_id):
        row = await session.scalar(select(DatasetItemRow).where(*where))
    if row is None:
        raise NotFound("Item not found")
    return row


def _in_version(dataset: DatasetRow, version: int) -> tuple[ColumnElement[bool], ...]:
    return (
        DatasetItemRow.dataset_id == dataset.id,
        DatasetItemRow.since <= version,
        DatasetItemRow.until > version,
    )


def _given(given: Raw | UnsetType, held: str) -> Raw:
    return Raw(held.encode()) if given is UNSET else given


def _fitting(sizes: Sequence[int]) -> int:
    """Returns how many items of these sizes one page has."""
    size = 0
    for count, one in enumerate(sizes):
        size += one
        if count and size > PAGE_BYTES:
            return count
    return len(sizes)


def _item(row: DatasetItemRow) -> Item:
    return Item(
        id=row.item_id,
        input=Raw(row.input.encode()),
        expected_output=Raw(row.expected.encode()),
        metadata=Raw(row.details.encode()),
        archived=row.archived,
        trace_id=row.trace_id or None,
        user_id=row.user_id or None,
        session_id=row.session_id or None,
        version=row.since,
        changed_at=iso_ms(row.at_us),
    )
