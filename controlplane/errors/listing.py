"""Issues of one project: lists by pages, one of them, how many there are of each status."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.among import among
from controlplane.errors.models import Issue, IssueFingerprint
from controlplane.errors.rows import issue_row
from controlplane.failures import NotFound
from controlplane.models import User
from controlplane.rules import as_uuid
from schemas.errors.hashes import signed_hash, unsigned_hash
from schemas.errors.issues import STATUSES, IssueFilter, IssueRow, Status
from schemas.projects import ProjectId

MOST_SORTED = 10_000
"""Issues that are put in an order that only the store knows: of more, those seen last."""
SORTS = {"last_seen": Issue.last_seen_us, "first_seen": Issue.first_seen_us}


class Place(NamedTuple):
    """The last issue of the page before: what it is sorted by, and its id."""

    at_us: int
    issue_id: str


class Found(NamedTuple):
    """An issue of many, and what the store knows its events by."""

    issue_id: str
    group_hashes: tuple[int, ...]


async def list_issues(
    database: Database,
    project_id: ProjectId,
    wanted: IssueFilter,
    *,
    sort: str = "last_seen",
    after: Place | None = None,
    limit: int = 25,
) -> list[IssueRow]:
    """Returns issues, the last ones first, by `last_seen` or `first_seen`; those after a place."""
    by = SORTS[sort]
    found: list[Any] = []
    async with database.reading() as session:
        # Each status has its issues in order in an index; of several, all would have to be sorted.
        for status in wanted.statuses:
            query = _query(session, project_id, replace(wanted, statuses=(status,)))
            if after is not None:
                last = as_uuid(after.issue_id) or UUID(int=0)
                query = query.where(tuple_(by, Issue.id) < (after.at_us, last))
            query = query.order_by(by.desc(), Issue.id.desc()).limit(limit)
            found += (await session.execute(query)).all()
        found.sort(key=lambda row: (getattr(row[0], by.key), row[0].id), reverse=True)
        return await _told(session, found[:limit])


async def find_all(
    database: Database, project_id: ProjectId, wanted: IssueFilter, *, most: int = MOST_SORTED
) -> list[Found]:
    """Returns all matching issues, of more than `most` those that were seen last."""
    async with database.reading() as session:
        conditions = _conditions(session, project_id, wanted)
        query = select(Issue.id).where(*conditions).order_by(Issue.last_seen_us.desc()).limit(most)
        chosen = query.subquery()
        pairs = (
            select(IssueFingerprint.issue_id, IssueFingerprint.group_hash)
            .join(chosen, chosen.c.id == IssueFingerprint.issue_id)
            .limit(4 * most)
        )
        rows = (await session.execute(pairs)).all()
    found: dict[UUID, list[int]] = {}
    for issue_id, group_hash in rows:
        found.setdefault(issue_id, []).append(unsigned_hash(group_hash))
    return [Found(str(issue_id), tuple(hashes)) for issue_id, hashes in found.items()]


async def read_issues(
    database: Database, project_id: ProjectId, issue_ids: Sequence[str]
) -> list[IssueRow]:
    """Returns issues of the project in the order given; those that are merged are left out."""
    ids = [as_uuid(one) for one in issue_ids]
    query = _with_people().where(
        Issue.project_id == as_uuid(project_id), Issue.status != "merged", Issue.id.in_(ids)
    )
    async with database.reading() as session:
        rows = {row.id: row for row in await _told(session, (await session.execute(query)).all())}
    return [rows[one] for one in issue_ids if one in rows]


async def get_issue(database: Database, project_id: ProjectId, issue_id: str) -> IssueRow:
    """Returns one issue with its fingerprints; of a merged one the issue that has its events.

    Raises `NotFound`. `issue_id` may be the issue's number too.
    """
    async with database.reading() as session:
        row = await _one(session, project_id, issue_id)
        # One question for both: each takes 2 ms of processor time, most of it SQLAlchemy's.
        known = await session.execute(
            select(IssueFingerprint.fingerprint, IssueFingerprint.group_hash)
            .where(IssueFingerprint.issue_id == row[0].id)
            .order_by(IssueFingerprint.fingerprint)
            .limit(MOST_SORTED)
        )
        pairs = known.all()
        hashes = tuple(unsigned_hash(group_hash) for _, group_hash in pairs)
        return issue_row(row[0], row[1], hashes, tuple(fingerprint for fingerprint, _ in pairs))


async def find_project_of(
    database: Database, project_ids: Iterable[ProjectId], issue_id: str
) -> ProjectId:
    """Returns which of some projects an issue belongs to; raises `NotFound`."""
    ids = [as_uuid(one) for one in project_ids]
    query = select(Issue.project_id).where(Issue.id == as_uuid(issue_id), Issue.project_id.in_(ids))
    async with database.reading() as session:
        found = await session.scalar(query)
    if found is None:
        raise NotFound("Issue not found")
    return ProjectId(str(found))


async def count_statuses(
    database: Database, project_ids: Sequence[ProjectId]
) -> dict[ProjectId, dict[Status, int]]:
    """Returns how many issues of each status some projects have."""
    ids = [as_uuid(one) for one in project_ids]
    query = (
        select(Issue.project_id, Issue.status, func.count())
        .where(Issue.project_id.in_(ids), Issue.status != "merged")
        .group_by(Issue.project_id, Issue.status)
    )
    found: dict[ProjectId, dict[Status, int]] = {
        one: dict.fromkeys(STATUSES, 0) for one in project_ids
    }
    async with database.reading() as session:
        for project_id, status, count in (await session.execute(query)).all():
            found[ProjectId(str(project_id))][cast("Status", status)] = count
    return found


async def issues_of(
    database: Database, project_id: ProjectId, fingerprints: Sequence[str]
) -> dict[str, IssueRow]:
    """Returns the issues that fingerprints belong to: what an event leads to."""
    of = IssueFingerprint
    query = select(of.fingerprint, of.issue_id).where(
        of.project_id == as_uuid(project_id), of.fingerprint.in_(fingerprints[:500])
    )
    async with database.reading() as session:
        pairs = {name: str(issue_id) for name, issue_id in (await session.execute(query)).all()}
    rows = await read_issues(database, project_id, list(set(pairs.values())))
    by_id = {row.id: row for row in rows}
    return {name: by_id[one] for name, one in pairs.items() if one in by_id}


async def _one(session: AsyncSession, project_id: ProjectId, issue_id: str) -> Any:
    key = as_uuid(issue_id)
    is_number = issue_id.isascii() and issue_id.isdigit() and len(issue_id) < 10
    which = Issue.number == int(issue_id) if is_number else Issue.id == key
    for _ in range(100):  # a merged issue may have been merged again
        query = _with_people().where(Issue.project_id == as_uuid(project_id), which)
        row = (await session.execute(query)).one_or_none()
        if row is None:
            break
        if row[0].merged_into is None:
            return row
        which = Issue.id == row[0].merged_into
    raise NotFound("Issue not found")


def _with_people() -> Any:
    return select(Issue, User.name).outerjoin(User, User.id == Issue.assignee_id)


def _query(session: AsyncSession, project_id: ProjectId, wanted: IssueFilter) -> Any:
    return _with_people().where(*_conditions(session, project_id, wanted))


async def _told(session: AsyncSession, rows: Sequence[Any]) -> list[IssueRow]:
    ids = [row[0].id for row in rows]
    query = select(IssueFingerprint.issue_id, IssueFingerprint.group_hash).where(
        IssueFingerprint.issue_id.in_(ids)
    )
    hashes: dict[UUID, list[int]] = {}
    if ids:
        for issue_id, group_hash in (await session.execute(query.limit(4 * MOST_SORTED))).all():
            hashes.setdefault(issue_id, []).append(unsigned_hash(group_hash))
    return [issue_row(row[0], row[1], tuple(hashes.get(row[0].id, ()))) for row in rows]


def _conditions(
    session: AsyncSession, project_id: ProjectId, wanted: IssueFilter
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        Issue.project_id == as_uuid(project_id),
        Issue.status.in_(wanted.statuses),
    ]
    lists: Mapping[Any, Sequence[str]] = {
        Issue.level: wanted.levels,
        Issue.platform: wanted.platforms,
        Issue.type: wanted.types,
    }
    found += [column.in_(values) for column, values in lists.items() if values]
    if wanted.without_levels:
        found.append(Issue.level.not_in(wanted.without_levels))
    if wanted.first_release is not None:
        found.append(Issue.first_release == wanted.first_release)
    if wanted.regressed:
        found.append(Issue.regressed_us.is_not(None))
    if wanted.assignee == "any":
        found.append(Issue.assignee_id.is_not(None))
    elif wanted.assignee == "none":
        found.append(Issue.assignee_id.is_(None))
    elif wanted.assignee is not None:
        found.append(Issue.assignee_id == as_uuid(wanted.assignee))
    found += [_has(text) for text in wanted.texts]
    found += [~_has(text) for text in wanted.without_texts]
    found += _moments(wanted)
    if wanted.group_hashes is not None:
        hashes = [signed_hash(one) for one in wanted.group_hashes]
        of = select(IssueFingerprint.issue_id).where(
            IssueFingerprint.project_id == as_uuid(project_id),
            among(session, IssueFingerprint.group_hash, hashes),
        )
        found.append(Issue.id.in_(of))
    return found


def _moments(wanted: IssueFilter) -> list[ColumnElement[bool]]:
    bounds = (
        (wanted.first_seen_from_us, Issue.first_seen_us.__ge__),
        (wanted.first_seen_to_us, Issue.first_seen_us.__le__),
        (wanted.last_seen_from_us, Issue.last_seen_us.__ge__),
        (wanted.last_seen_to_us, Issue.last_seen_us.__le__),
    )
    return [is_within(moment) for moment, is_within in bounds if moment is not None]


def _has(text: str) -> ColumnElement[bool]:
    """Tells whether a text stands in what people read of an issue, in capitals or not."""
    words = (Issue.title, Issue.type, Issue.culprit)
    return or_(*(word.icontains(text.replace("\0", ""), autoescape=True) for word in words))
