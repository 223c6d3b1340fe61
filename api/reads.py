"""Whose turn it is to read: one project's queries never take every thread of the store.

The requests of a project take turns, one fewer at once than the store has threads for reading. An
answer may ask several statements at a time, so these too have no more threads than that.

TooManyQueries   the project's own queries leave no turn for one more (429)
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast
from weakref import WeakValueDictionary

from litestar import Request

from clickhouse.client import Answer, Warehouse
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings

# Enough for a page that asks for much at once, less than clients wait for an answer.
WAIT_S = 10.0
# Requests of one project: each keeps a connection and its parameters while it waits.
MOST_WAITING = 100
RETRY_AFTER_S = 2


class TooManyQueries(Exception):
    """Raised when a project has too many queries under way, or waiting, for one more."""


class Turns:
    """The turns of all projects; one per process. A project that asks nothing takes no memory."""

    def __init__(self, threads: int, *, wait_s: float = WAIT_S) -> None:
        self._at_once = max(1, threads - 1)
        self._wait_s = wait_s
        self._lanes: WeakValueDictionary[ProjectId, _Lane] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, project_id: ProjectId, warehouse: Warehouse) -> AsyncIterator[Warehouse]:
        """Wait for a turn and hold it; only what this yields is to be asked meanwhile.

        Raises `TooManyQueries` when no turn comes in time.
        """
        lane = self._lanes.get(project_id)
        if lane is None:
            lane = self._lanes[project_id] = _Lane(self._at_once)
        await lane.wait(self._wait_s)
        try:
            yield cast("Warehouse", _Reads(warehouse, lane))
        finally:
            lane.turns.release()


def reading(
    request: Request[Any, Any, Any], project: ProjectContext
) -> AbstractAsyncContextManager[Warehouse]:
    """Return the store for the queries of one request, as soon as it is the project's turn.

    Reads `app.state`: `warehouse` and `query_threads`, which is the setting's default when absent.
    """
    state = request.app.state
    turns: Turns | None = state.get("turns")
    if turns is None:
        turns = state["turns"] = Turns(state.get("query_threads", Settings().query_threads))
    return turns.taken(project.project_id, state.warehouse)


class _Lane:
    """The turns of one project: lives as long as one of its requests or statements holds it."""

    def __init__(self, at_once: int) -> None:
        self.turns = asyncio.Semaphore(at_once)
        self.threads = asyncio.Semaphore(at_once)
        self._waiting = 0

    async def wait(self, seconds: float) -> None:
        if self._waiting >= MOST_WAITING:
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

    def __init__(self, warehouse: Warehouse, lane: _Lane) -> None:
        self._warehouse = warehouse
        self._lane = lane

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> Answer:
        # No wait is too long here: whoever has a turn waits for no statements but its project's.
        async with self._lane.threads:
            return await self._warehouse.query(sql, parameters, **settings)
