"""A connection to SQLite whose thread is asked once for a statement.

`aiosqlite` asks its thread for a cursor, for the statement, for its rows and for the cursor's end,
and each time a thread and the event loop wake each other: 50 us. That is most of what a small
statement takes.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

import aiosqlite

FIRST_ROWS = 1_000
"""Of a statement that are read with it: few have more, and those are read as they are asked for."""
Parameters = Sequence[Any]
T = TypeVar("T")


class _Done(NamedTuple):
    """What a statement came to."""

    rows: Sequence[Any] = ()
    rest: sqlite3.Cursor | None = None
    """What has more rows than were read with the statement."""
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class AtOnce:
    """A cursor as SQLAlchemy asks for it. The first rows come with the answer to the statement."""

    arraysize = 1

    def __init__(self, connection: "SqliteConnection") -> None:
        self._connection = connection
        self._done = _Done()

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        """The columns; `None` for a statement that has none."""
        return self._done.description

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        return self._done.rowcount

    @property
    def lastrowid(self) -> int | None:
        """Of the row that was inserted last."""
        return self._done.lastrowid

    async def execute(self, sql: str, parameters: Parameters = ()) -> Self:
        """Runs a statement. Raises what `sqlite3` does."""
        self._done = await self._connection.ask(partial(_executed, sql, parameters))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> Self:
        """Runs a statement with each of some parameters."""
        self._done = await self._connection.ask(partial(_executed_for_each, sql, parameters))
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Returns the rows that are left."""
        rows, rest = self._done.rows, self._done.rest
        if rest is not None:
            rows = [*rows, *await self._connection.ask(lambda _: rest.fetchall())]
        self._done = self._done._replace(rows=(), rest=None)
        return rows

    async def fetchmany(self, size: int = arraysize) -> Sequence[Any]:
        """Returns so many of the rows that are left."""
        rows, rest = self._done.rows, self._done.rest
        if len(rows) < size and rest is not None:
            missing = size - len(rows)
            rows = [*rows, *await self._connection.ask(lambda _: rest.fetchmany(missing))]
        self._done = self._done._replace(rows=rows[size:])
        return rows[:size]

    async def fetchone(self) -> Any:
        """Returns the next row; `None` at the end."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Forgets the rows."""
        rest = self._done.rest
        self._done = self._done._replace(rows=(), rest=None)
        if rest is not None:
            await self._connection.ask(lambda _: rest.close())


class SqliteConnection(aiosqlite.Connection):
    """A connection with a thread of its own."""

    _unanswered = 0
    """Of what the thread was asked: more than none after a question that was given up."""

    async def ask(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs work on the connection in its thread."""
        self._unanswered += 1
        try:
            # aiosqlite names no types here.
            done: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        except (
            Exception
        ):  # also of Python, for a number that SQLite cannot hold; not a cancellation
            self._unanswered -= 1
            raise
        self._unanswered -= 1
        return done

    def cursor(self) -> Any:
        """Returns a cursor, which takes no look at the database."""
        return AtOnce(self)

    async def rollback(self) -> None:
        """Ends a transaction, if there is one. SQLAlchemy asks for it twice each time."""
        # What was given up may be running still, or only begin.
        if self._unanswered or self._conn.in_transaction:
            await super().rollback()


def connect(database: str, **options: Any) -> SqliteConnection:
    """Returns a connection that opens when it is awaited; its thread ends with the process."""
    connection = SqliteConnection(partial(sqlite3.connect, database, **options), iter_chunk_size=64)
    connection._thread.daemon = True
    return connection


def _executed(sql: str, parameters: Parameters, connection: sqlite3.Connection) -> _Done:
    return _done(connection.execute(sql, parameters))


def _executed_for_each(
    sql: str, parameters: Iterable[Parameters], connection: sqlite3.Connection
) -> _Done:
    return _done(connection.executemany(sql, parameters))


def _done(cursor: sqlite3.Cursor) -> _Done:
    rows = cursor.fetchmany(FIRST_ROWS) if cursor.description else []
    is_all = len(rows) < FIRST_ROWS
    done = _Done(
        rows, None if is_all else cursor, cursor.description, cursor.rowcount, cursor.lastrowid
    )
    if is_all:
        cursor.close()
    return done
