"""Whose turn it is to read: one project's queries never take every thread of the store.

The requests of a project take turns, one fewer at once than the store has threads for reading. An
answer may ask several statements at a time, so these too have no more threads than that.

Their statements are bounded in memory, and in the bytes that they answer.

TooManyQueries   the project's own queries leave no turn for one more (429)
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, cast
from weakref import WeakValueDictionary

from litestar import Request

from api.outgoing import Outgoing
from clickhouse.client import QueryResult, Warehouse
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings

# Enough for a page that asks for much at once, less than clients wait for an answer.
WAIT_S = 10.0
# Requests of one project: each keeps a connection and its parameters while it waits.
MOST_WAITING = 100
LONGEST_WAIT_S = 60.0
"""Of an answer that has begun: the alternative is to break it off."""
RETRY_AFTER_S = 2
RESULT_BYTES = 16 << 20
"""Of one statement's answer, where it does not say so itself. In Python it takes several times
that."""


class TooManyQueries(Exception):
    """Raised when a project has too many queries under way, or waiting, for one more."""


class Turns:
    """The turns of all projects; one per process. A project that asks nothing takes no memory."""

    def __init__(
        self,
        threads: int,
        *,
        wait_s: float = WAIT_S,
        most_waiting: int = MOST_WAITING,
        max_memory_bytes: int = Settings().query_max_memory_bytes,
    ) -> None:
        self._at_once = max(1, threads - 1)
        self._wait_s = wait_s
        self._most_waiting = most_waiting
        self._bounds = {
            "max_memory_usage": max_memory_bytes,
            "max_bytes_before_external_group_by": max_memory_bytes // 2,
            "max_bytes_before_external_sort": max_memory_bytes // 2,
            "max_result_bytes": RESULT_BYTES,
        }
        self._shares: WeakValueDictionary[ProjectId, _Share] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(
        self, project_id: ProjectId, warehouse: Warehouse, *, wait_s: float | None = None
    ) -> AsyncIterator[Warehouse]:
        """Wait for a turn and hold it; only what this yields is to be asked meanwhile.

        Raises `TooManyQueries` when no turn comes in time.
        """
        share = self._shares.get(project_id)
        if share is None:
            share = self._shares[project_id] = _Share(self._at_once, self._most_waiting)
        await share.wait(self._wait_s if wait_s is None else wait_s)
        try:
            yield cast("Warehouse", _Reads(warehouse, share, self._bounds))
        finally:
            share.turns.release()


class Reader(NamedTuple):
    """How one request reads the store, and where its answer's bytes are counted."""

    turns: Turns
    warehouse: Warehouse
    outgoing: Outgoing
    project: ProjectContext

    def turn(self) -> AbstractAsyncContextManager[Warehouse]:
        """Return the store for some queries, as soon as it is the project's turn."""
        return self.turns.taken(self.project.project_id, self.warehouse)

    def next_turn(self) -> AbstractAsyncContextManager[Warehouse]:
        """Return it for an answer that has begun."""
        project_id = self.project.project_id
        return self.turns.taken(project_id, self.warehouse, wait_s=LONGEST_WAIT_S)


def reader_of(request: Request[Any, Any, Any], project: ProjectContext) -> Reader:
    """Return how a request reads.

    Reads `app.state`: `warehouse`, and `turns` and `outgoing`, which are made as the settings'
    defaults say when absent.
    """
    state = request.app.state
    if state.get("turns") is None:
        state["turns"] = Turns(state.get("query_threads", Settings().query_threads))
    if state.get("outgoing") is None:
        state["outgoing"] = Outgoing(Settings().max_outgoing_bytes)
    return Reader(state.turns, state.warehouse, state.outgoing, project)


class _Share:
    """The turns of one project: lives as long as one of its requests or statements holds it."""

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self.turns = asyncio.Semaphore(at_once)
        self.threads = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._waiting = 0

    async def wait(self, seconds: float) -> None:
        if self._waiting >= self._most_waiting:
            raise TooManyQueries
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self.turns.acquire()
        except TimeoutError as error:
            raise TooManyQueries from error
        finally:
            self._waiting -= 1


class _Reads:
    """What the queries use of a warehouse, within the threads of one project."""

    def __init__(self, warehouse: Warehouse, share: _Share, bounds: Mapping[str, int]) -> None:
        self._warehouse = warehouse
        self._share = share
        self._bounds = bounds

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_bytes: Sequence[str] = (),
        **settings: Any,
    ) -> QueryResult:
        # No wait is too long here: whoever has a turn waits for no statements but its project's.
        async with self._share.threads:
            bounds = {**self._bounds, **settings}
            return await self._warehouse.query(sql, parameters, as_bytes=as_bytes, **bounds)

    async def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        """For the note of what is asked for, which has the threads of writes."""
        await self._warehouse.command(sql, parameters, **settings)
