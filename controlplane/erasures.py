"""Erasures of people's data: asked for, taken by one process, and how far they are."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy import exists, func, select, update
from sqlalchemy.engine import CursorResult

from controlplane.database import Database
from controlplane.erasure_models import PersonErasure
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, lock_rewriting, locked_project
from controlplane.models import RepriceRun
from controlplane.rewriting import is_billing, take_turn
from controlplane.rules import as_uuid
from schemas.persons import MAX_PERSON_CHARS, OPEN, Done, Erasure, ErasureState, hash_of
from schemas.projects import ProjectId, UserId

LISTED = 100
MOST_OPEN = 100
"""Of one project: each rewrites parts of tables."""
REPRICING = ("running", "cancelling")
WAITS = "waits until the reprice run has ended"
WAITS_FOR_BILLS = "waits until a change of bills is done"


def cleaned_person(text: str) -> str:
    """Trim the id of a person; raises `BadRequest` when nobody can be called so."""
    person = text.strip()
    if not person or len(person) > MAX_PERSON_CHARS or "\0" in person:
        raise BadRequest(f"person: expected an id of 1 to {MAX_PERSON_CHARS} characters")
    return person


async def request_erasure(
    database: Database, project_id: ProjectId, person: str, *, by: UserId | None
) -> Erasure:
    """Ask for the data of a person to be erased that came until now.

    Raises `BadRequest`, `NotFound`, and `Conflict` where the same is under way, or too much is.
    """
    person = cleaned_person(person)
    now = datetime.now(UTC)
    named = hash_of(project_id, person)
    async with database.session() as session:
        await locked_project(session, project_id)
        open_ones = (PersonErasure.project_id == as_uuid(project_id), PersonErasure.state.in_(OPEN))
        query = select(PersonErasure.person_hash).where(*open_ones)
        waiting = list(await session.scalars(query))
        if named in waiting:
            raise Conflict("An erasure of this person is under way: wait until it is done")
        if len(waiting) >= MOST_OPEN:
            raise Conflict(f"There are {MOST_OPEN} erasures under way: wait until some are done")
        row = PersonErasure(
            project_id=as_uuid(project_id),
            person=person,
            person_hash=named,
            asked_by=None if by is None else as_uuid(by),
            until_us=int(now.timestamp() * 1_000_000),
            state="waiting",
            owner="",
            done=msgspec.json.encode(Done()),
        )
        session.add(row)
        await session.flush()
        return _erasure(row)


async def list_erasures(database: Database, project_id: ProjectId | None) -> list[Erasure]:
    """Return the newest erasures of a project, or of all, the last one first."""
    newest = select(PersonErasure).order_by(PersonErasure.created_at.desc(), PersonErasure.id)
    async with database.reading() as session:
        if project_id is not None:
            await live_project(session, project_id)
            newest = newest.where(PersonErasure.project_id == as_uuid(project_id))
        return [_erasure(row) for row in await session.scalars(newest.limit(LISTED))]


async def find_erasure(database: Database, erasure_id: str) -> Erasure:
    """Return one as it stands; raises `NotFound`."""
    key = as_uuid(erasure_id)
    async with database.reading() as session:
        row = None if key is None else await session.get(PersonErasure, key)
        if row is None:
            raise NotFound(f"There is no erasure {erasure_id}: sluice person list shows them")
        return _erasure(row)


async def cancel_erasure(database: Database, erasure_id: str) -> None:
    """Take back one that has not begun; raises `NotFound`, and `Conflict` where it has."""
    await find_erasure(database, erasure_id)
    waiting = (PersonErasure.id == as_uuid(erasure_id), PersonErasure.state == "waiting")
    values = {"state": "cancelled", "person": None, "finished_at": datetime.now(UTC)}
    async with database.session() as session:
        result = await session.execute(update(PersonErasure).where(*waiting).values(**values))
        assert isinstance(result, CursorResult)
        if not result.rowcount:
            raise Conflict(f"Erasure {erasure_id} has begun, and is finished: nobody can undo it")


async def take_erasure(database: Database, owner: str) -> Erasure | None:
    """Take over for `owner` the one that was left alone longest; `None` where there is none.

    And none while rows are priced anew: what that has read of a person would come back with it.
    Nor does a reprice run begin while one of these runs.
    """
    tried = func.coalesce(PersonErasure.tried_at, PersonErasure.created_at)
    first = (
        select(PersonErasure)
        .where(PersonErasure.state.in_(OPEN))
        .order_by(tried, PersonErasure.id)
        .limit(1)
    )
    async with database.reading() as session:  # nearly always there is none: lock nothing
        if await session.scalar(first) is None:
            return None
    async with database.session() as session:
        await lock_rewriting(session)
        row = await session.scalar(first.with_for_update())
        if row is None:
            return None
        row.owner, row.tried_at = owner, datetime.now(UTC)
        waits = ""
        if await session.scalar(select(exists().where(RepriceRun.state.in_(REPRICING)))):
            waits = WAITS
        elif await is_billing(session):
            waits = WAITS_FOR_BILLS
        if waits:
            done = msgspec.json.decode(row.done, type=Done)
            row.done = msgspec.json.encode(replace(done, failure=waits))
            return None
        await take_turn(session)
        row.state = "running"
        return _erasure(row)


async def save_erasure(
    database: Database, erasure_id: str, owner: str, done: Done, *, state: ErasureState = "running"
) -> bool:
    """Write how far one is; tells whether it is the owner's still. At the end the id goes."""
    mine = (
        PersonErasure.id == UUID(erasure_id),
        PersonErasure.owner == owner,
        PersonErasure.state == "running",
    )
    values: dict[str, Any] = {"done": msgspec.json.encode(done), "state": state}
    if state == "done":
        values |= {"person": None, "finished_at": datetime.now(UTC)}
    async with database.session() as session:
        result = await session.execute(update(PersonErasure).where(*mine).values(**values))
        assert isinstance(result, CursorResult)
        return bool(result.rowcount)


def _erasure(row: PersonErasure) -> Erasure:
    return Erasure(
        erasure_id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        person=row.person,
        person_hash=row.person_hash,
        asked_at=row.created_at,
        until_us=row.until_us,
        state=msgspec.convert(row.state, ErasureState),
        done=msgspec.json.decode(row.done, type=Done),
        finished_at=row.finished_at,
    )
