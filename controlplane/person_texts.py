"""What the control plane says of one person, of every system: in columns that hold who it is, and
in texts that people or events wrote.

Each system lists its tables in a `person_texts` of its own; counts, exports and erasures follow
from these lists. A text names a person where the id stands in it as a word of its own. Of the
store, `clickhouse/personal.py` says the same.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Select, or_, select

from controlplane.database import Database
from controlplane.outbox_models import AlertOutbox
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

ERASED = "[erased]"
SHORT_CHARS = 6
"""Shorter ids, such as 7, are words of any text: they count where they are all of it."""
AT_ONCE = 500

Rewrite = Callable[[str], str]


class Texts(Struct, frozen=True):
    """A table of which some columns may name people."""

    kind: str
    """As people call its rows."""
    model: Any
    columns: tuple[str, ...]
    json: tuple[str, ...] = ()
    """Columns that hold JSON, of which each text counts."""
    shaped: tuple[str, ...] = ()
    """The same of JSON that has names of ours as keys, which stay."""
    is_edited: bool = False
    """Texts of the team that mean something to programs: they are named, and admins edit them."""
    through: tuple[Any, Any, Any] | None = None
    """Of a table without a project: its key, the key of the table that has one, and its project."""


MESSAGES = Texts("messages", AlertOutbox, ("last_error",), json=("payload",))
"""Of every system: what waits to be sent, and what was."""


def without(person: str) -> Rewrite:
    """Return what leaves a person out of a text, where the id stands there as a word of its own."""
    pattern = re.compile(rf"(?<!\w){re.escape(person)}(?!\w)")
    return lambda text: pattern.sub(ERASED, text)


async def count_texts(
    database: Database, tables: Sequence[Texts], project_id: ProjectId, person: str
) -> dict[str, int]:
    """Return how many rows name a person, by kind."""
    return {
        one.kind: len([row async for row in _naming(database, one, project_id, person)])
        for one in tables
    }


async def export_texts(
    database: Database, tables: Sequence[Texts], project_id: ProjectId, person: str
) -> AsyncIterator[bytes]:
    """Yield the rows that name a person, as lines of JSON, as those of the store are."""
    for one in tables:
        async for row in _naming(database, one, project_id, person):
            values: dict[str, Any] = {"what": one.kind, **_columns(one, row)}
            yield msgspec.json.encode(values) + b"\n"


async def erase_all_texts(
    database: Database, tables: Sequence[Texts], project_id: ProjectId, person: str
) -> None:
    """Leave a person out of all of it, but for what the team edits. May be repeated."""
    rewrite = _rewrite_of(person)
    async with database.session() as session:
        for one in tables:
            if one.is_edited:
                continue
            for row in await session.scalars(_containing(one, project_id, person)):
                for column, text in _texts(one, row).items():
                    changed = _changed(one, column, text, rewrite)
                    if changed != text:
                        most = getattr(one.model, column).type.length
                        setattr(row, column, changed[:most])


def rewritten(part: Any, rewrite: Rewrite) -> Any:
    """Return a value of JSON with each of its texts rewritten."""
    if isinstance(part, dict):
        return {rewrite(key): rewritten(value, rewrite) for key, value in part.items()}
    if isinstance(part, list):
        return [rewritten(value, rewrite) for value in part]
    return rewrite(part) if isinstance(part, str) else part


def shaped_anew(part: Any, rewrite: Rewrite) -> Any:
    """Return the same with the keys as they were."""
    if isinstance(part, dict):
        return {key: shaped_anew(value, rewrite) for key, value in part.items()}
    if isinstance(part, list):
        return [shaped_anew(value, rewrite) for value in part]
    return rewrite(part) if isinstance(part, str) else part


async def _naming(
    database: Database, one: Texts, project_id: ProjectId, person: str
) -> AsyncIterator[Any]:
    rewrite, keys = _rewrite_of(person), one.model.__mapper__.primary_key
    query = _containing(one, project_id, person).order_by(*keys).limit(AT_ONCE)
    at = 0
    while True:
        async with database.reading() as session:
            rows = list(await session.scalars(query.offset(at)))
        for row in rows:
            texts = _texts(one, row).items()
            if any(_changed(one, column, text, rewrite) != text for column, text in texts):
                yield row
        if len(rows) < AT_ONCE:
            return
        at += AT_ONCE


def _containing(one: Texts, project_id: ProjectId, person: str) -> Select[Any]:
    """Rows in which the id stands somehow: most of those, and all in which it is a word."""
    own: UUID | None = as_uuid(project_id)
    if one.through is None:
        within: ColumnElement[bool] = one.model.project_id == own
    else:
        key, parent, of_project = one.through
        within = key.in_(select(parent).where(of_project == own))
    written = msgspec.json.encode(person)[1:-1].decode()
    model = one.model
    ways = [getattr(model, name).contains(person, autoescape=True) for name in one.columns]
    ways += [
        getattr(model, name).contains(written, autoescape=True) for name in (*one.json, *one.shaped)
    ]
    return select(model).where(within, or_(*ways))


def _rewrite_of(person: str) -> Rewrite:
    if len(person) >= SHORT_CHARS:
        return without(person)
    return lambda text: ERASED if text == person else text


def _texts(one: Texts, row: Any) -> Mapping[str, str]:
    found = {name: getattr(row, name) for name in (*one.columns, *one.json, *one.shaped)}
    return {name: text for name, text in found.items() if text}


def _changed(one: Texts, column: str, text: str, rewrite: Rewrite) -> str:
    if column in one.columns:
        return rewrite(text)
    before = msgspec.json.decode(text)
    after = (shaped_anew if column in one.shaped else rewritten)(before, rewrite)
    return text if after == before else msgspec.json.encode(after).decode()


def _columns(one: Texts, row: Any) -> dict[str, Any]:
    keys = {key.name: str(getattr(row, key.name)) for key in one.model.__mapper__.primary_key}
    return keys | {
        name: text if name in one.columns else msgspec.json.decode(text)
        for name, text in _texts(one, row).items()
    }
