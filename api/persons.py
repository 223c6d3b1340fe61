"""`/api/v1/projects/:id/persons`: what is stored of one person, to look at, take away and erase.

For admins, by a token of scope admin; the page of the settings does the same.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import Meta, Struct

from api.account_forms import iso_ms, read_form
from api.auth import AnyRequest, services
from api.declared import takes
from api.holders import project_in
from api.parameters import InvalidParameters, read, values_of
from api.reads import Reader, reader_of
from api.rows import one
from clickhouse.client import QueryResult, Warehouse
from clickhouse.person_rows import BYTES_AT_ONCE, export_lines
from clickhouse.persons import Asked, Whose, count_rows
from controlplane.database import Database
from controlplane.erasures import cleaned_person, list_erasures, request_erasure
from controlplane.failures import BadRequest
from controlplane.person_texts import Texts, count_texts, export_texts
from schemas.described import describes
from schemas.persons import (
    MAX_PERSON_CHARS,
    Erasure,
    ErasureAnswer,
    ErasureList,
    PersonCounts,
    hash_of,
)
from schemas.projects import ProjectId

PERSONS = "/projects/{project_id:str}/persons"
END_OF_TIME_US = 9 * 10**15
"""In the year 2255: times of the store end some years later."""
BAD_ERASURE = "expected person and confirm, both with the id of the person"


class PersonQuery(Struct, frozen=True, kw_only=True):
    """Whose data."""

    person: Annotated[str, Meta(min_length=1, max_length=MAX_PERSON_CHARS)]


class Beside(Protocol):
    """What the control plane holds of a person's rows: the store says whose they are."""

    @property
    def kind(self) -> str:
        """As people call it."""
        ...

    async def count(self, database: Database, store: Asked, whose: Whose) -> int:
        """Returns how much of it there is."""
        ...

    def rows(
        self, database: Database, store: Asked, whose: Whose
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Yields it, for an export."""
        ...


class Told(NamedTuple):
    """Where the control plane may name people."""

    database: Database
    texts: Sequence[Texts]
    beside: Sequence[Beside]


class ErasureForm(Struct, frozen=True):
    """Whose data to erase, twice: nobody does so by a slip."""

    person: str = ""
    confirm: str = ""


@get(PERSONS, opt={**takes(PersonQuery), **describes(answer=PersonCounts, asks="token")})
async def count_person(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer how many rows name a person, by kind, for admins."""
    _, reached = await project_in(request, project_id, needs="admin")
    project = reached.access.project
    whose = whose_data(project.project_id, _person(request))

    async def ask(warehouse: Warehouse) -> PersonCounts:
        return await counted(warehouse, told_of(request), whose)

    return await one(reader_of(request, project), ask)


@get(
    f"{PERSONS}/export",
    opt={**takes(PersonQuery), **describes(answer=str, asks="token")},
)
async def export_person(request: AnyRequest, project_id: FromPath[str]) -> Response[Any]:
    """Answer all rows that name a person as lines of JSON, for admins. They are not bounded."""
    _, reached = await project_in(request, project_id, needs="admin")
    project = reached.access.project
    whose = whose_data(project.project_id, _person(request))
    return export(reader_of(request, project), told_of(request), whose)


@get(f"{PERSONS}/erasures", opt=describes(answer=ErasureList, asks="token"))
async def show_erasures(request: AnyRequest, project_id: FromPath[str]) -> ErasureList:
    """Answer the 100 newest erasures, for admins, without whom they are about."""
    _, reached = await project_in(request, project_id, needs="admin")
    found = await list_erasures(services(request).database, reached.access.project.project_id)
    return ErasureList([erasure_answer(each) for each in found])


@post(
    f"{PERSONS}/erasures",
    status_code=HTTP_202_ACCEPTED,
    opt=describes(
        body=ErasureForm,
        example={"person": "ann@example.com", "confirm": "ann@example.com"},
        asks="token",
        errors=(409,),
    ),
)
async def ask_for_erasure(request: AnyRequest, project_id: FromPath[str]) -> ErasureAnswer:
    """Ask for all that names a person to be erased, for admins. It begins within seconds."""
    holder, reached = await project_in(request, project_id, needs="admin")
    form = await read_form(request, ErasureForm, otherwise=BAD_ERASURE)
    if not form.person or form.person != form.confirm:
        raise BadRequest(BAD_ERASURE)
    found = await request_erasure(
        services(request).database,
        reached.access.project.project_id,
        form.person,
        by=holder.user_id,
    )
    await services(request).forget_address(reached.access.project.project_id, form.person)
    return erasure_answer(found)


HANDLERS = (count_person, export_person, show_erasures, ask_for_erasure)


def told_of(request: AnyRequest) -> Told:
    """Returns where the control plane may name people: `person_texts` and `person_items`."""
    state = request.app.state
    texts, beside = state.get("person_texts") or (), state.get("person_items") or ()
    return Told(services(request).database, texts, beside)


def whose_data(project_id: ProjectId, person: str) -> Whose:
    """Returns what is asked for of a person: all that is there."""
    return Whose(project_id, person, END_OF_TIME_US)


async def counted(warehouse: Warehouse, told: Told, whose: Whose) -> PersonCounts:
    """Returns how much is stored of a person."""
    rows = await count_rows(warehouse, whose)
    for held in told.beside:
        rows[held.kind] = await held.count(told.database, warehouse, whose)
    rows |= await count_texts(told.database, told.texts, whose.project_id, whose.person)
    return PersonCounts(hash_of(whose.project_id, whose.person), rows, sum(rows.values()))


def export(reader: Reader, told: Told, whose: Whose) -> Response[Any]:
    """Answers a file of lines of JSON. Some megabytes of it are held at a time."""
    name = f"person-{hash_of(whose.project_id, whose.person)}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = _lines(reader, told, whose)
    return Stream(lines, media_type="application/x-ndjson", headers=headers)


def erasure_answer(one_of: Erasure) -> ErasureAnswer:
    """Returns an erasure as it is answered."""
    return ErasureAnswer(
        id=one_of.erasure_id,
        person_hash=one_of.person_hash,
        state=one_of.state,
        asked_at=iso_ms(one_of.asked_at),
        finished_at=None if one_of.finished_at is None else iso_ms(one_of.finished_at),
        rows=one_of.done.rows,
        problem=one_of.done.failure,
    )


class _InTurn:
    """The store, with a turn of the project for each statement: who reads slowly keeps none."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_bytes: Sequence[str] = (),
        **settings: Any,
    ) -> QueryResult:
        async with self._reader.next_turn() as warehouse:
            return await warehouse.query(sql, parameters, as_bytes=as_bytes, **settings)


async def _lines(reader: Reader, told: Told, whose: Whose) -> AsyncGenerator[bytes]:
    async with reader.outgoing.taken(reader.project.project_id, BYTES_AT_ONCE) as share:
        try:
            async for lines in export_lines(_InTurn(reader), whose):
                yield lines
            for held in told.beside:
                async for row in held.rows(told.database, _InTurn(reader), whose):
                    yield msgspec.json.encode({"what": held.kind, **row}) + b"\n"
            texts = (told.database, told.texts, whose.project_id, whose.person)
            async for line in export_texts(*texts):
                yield line
        finally:
            share.give_back()


def _person(request: AnyRequest) -> str:
    person = read(values_of(request), PersonQuery).person
    try:
        return cleaned_person(person)
    except BadRequest as error:
        raise InvalidParameters(error.message) from error
