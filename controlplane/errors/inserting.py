"""Inserting rows of which some may be there, on both databases."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

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
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return (sqlite.insert if is_sqlite else postgresql.insert)(table_of(model))


def table_of(model: type[Any]) -> Table:
    """Returns the table of a model, for statements that take many rows."""
    table: Table = model.__table__
    return table


def parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yields keys in parts that fit into a statement."""
    for first in range(0, len(keys), AT_ONCE):
        yield keys[first : first + AT_ONCE]
