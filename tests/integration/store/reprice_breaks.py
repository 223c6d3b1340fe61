"""A store and a control plane that fail at a call, and a copy of the store that is behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from clickhouse.client import QueryResult, Warehouse
from controlplane.database import Database

NONE = "CREATE TABLE IF NOT EXISTS no_changes AS cost_changes ENGINE = Memory"


class Bug(Exception):
    """What nobody foresaw."""


class Fuse:
    """Counts calls that change something, and fails with one: before it is made, or after."""

    def __init__(self, number: int, error: Exception, *, after: bool) -> None:
        self.left = number
        self.has_failed = self.is_store = False
        """`is_store`: whether it was the store whose call failed."""
        self._error = error
        self._after = after

    @asynccontextmanager
    async def around(self, *, is_store: bool) -> AsyncIterator[None]:
        self.left -= 1
        fails = self.left == 0
        self.has_failed |= fails
        self.is_store |= fails and is_store
        if fails and not self._after:
            raise self._error
        yield
        if fails:
            raise self._error


class FusedStore:
    """A store with a fuse in each call that changes it."""

    def __init__(self, warehouse: Warehouse, fuse: Fuse) -> None:
        self._warehouse = warehouse
        self._fuse = fuse

    @property
    def aside(self) -> "FusedStore":
        return self

    async def query(self, *arguments: Any, **named: Any) -> QueryResult:
        return await self._warehouse.query(*arguments, **named)

    async def command(self, *arguments: Any, **named: Any) -> None:
        async with self._fuse.around(is_store=True):
            await self._warehouse.command(*arguments, **named)

    async def insert(self, *arguments: Any) -> None:
        async with self._fuse.around(is_store=True):
            await self._warehouse.insert(*arguments)


class FusedDatabase(Database):
    """A control plane with a fuse in each change of it."""

    fuse: Fuse | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        if self.fuse is None:
            async with super().session() as session:
                yield session
            return
        async with self.fuse.around(is_store=False), super().session() as session:
            yield session


class Behind:
    """A server that has not taken over yet what others know of changes."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.insert = warehouse.insert
        self.insert_past_views = warehouse.insert_past_views
        warehouse.command_now(NONE, None, {})

    @property
    def aside(self) -> "Behind":
        return self

    async def query(self, sql: str, *arguments: Any, **named: Any) -> QueryResult:
        return await self._warehouse.query(_behind(sql), *arguments, **named)

    async def command(self, sql: str, *arguments: Any, **named: Any) -> None:
        await self._warehouse.command(_behind(sql), *arguments, **named)


def _behind(sql: str) -> str:
    return sql.replace("FROM cost_changes", "FROM no_changes")
