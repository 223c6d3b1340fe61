"""Rows by many keys at once, on both databases: inserted where they are not there, looked up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")
AT_ONCE = 500
"""Keys in one statement: both databases bind some 32,000 values."""


async def insert_new(
    session: AsyncSession, model: type[Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Inserts those of the rows that are not there yet, in their order."""
    if rows:
        statement = insert_of(session, model).on_conflict_do_nothing()
        connection = await session.connection()
        await connection.execute(statement, rows)


def insert_of(session: AsyncSession, model: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """Returns an INSERT that may say what happens to rows that are there."""
    return insert_on(session.get_bind().dialect.name, model)


def insert_on(dialect: str, model: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """Returns the same for a database by its name."""
    return (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table_of(model))


def table_of(model: type[Any]) -> Table:
    """Returns the table of a model, for statements that take many rows."""
    table: Table = model.__table__
    return table


def named_so(
    project_id: InstrumentedAttribute[UUID],
    name: InstrumentedAttribute[str],
    keys: Iterable[tuple[UUID, str]],
) -> ColumnElement[bool]:
    """Returns the condition that project and name are one of these pairs.

    By project: SQLite finds no index for a list of pairs, and reads the whole table.
    """
    names: dict[UUID, list[str]] = {}
    for project, one in keys:
        names.setdefault(project, []).append(one)
    return or_(*(and_(project_id == of, name.in_(some)) for of, some in names.items()))


def parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yields keys in parts that fit into a statement."""
    for first in range(0, len(keys), AT_ONCE):
        yield keys[first : first + AT_ONCE]
