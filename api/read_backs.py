"""The rows that `/batch` answers: read by readers of their own, in turns and in parts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from litestar.response import Response
from msgspec import Struct

from api.outgoing import Outgoing, TooManyAnswers, answer
from api.reads import Reader, TooManyQueries, Turns
from api.rows import begin_rows
from clickhouse.client import READ_BACK_READERS, Warehouse
from clickhouse.failures import WarehouseError
from clickhouse.queries.parts import Table, of_ids
from eventlog.log import TopicPartition
from schemas.projects import ProjectContext
from schemas.settings import Settings

MOST_WAITING = 1000
"""Requests of one project; each holds the ids of its items."""

WaitStored = Callable[[Mapping[TopicPartition, int]], Awaitable[object]]


class ReadBacks:
    """Answers with stored rows, by id. One per process."""

    def __init__(
        self,
        warehouse: Warehouse,
        tables: Mapping[str, Table],
        settings: Settings,
        wait_stored: WaitStored,
    ) -> None:
        self.outgoing = Outgoing(settings.max_outgoing_bytes)
        self._warehouse = warehouse.read_backs
        self._wait_stored = wait_stored
        self._timeout_s = settings.read_back_timeout_s
        self._tables = tables
        self._turns = Turns(
            READ_BACK_READERS,
            most_waiting=MOST_WAITING,
            max_memory_bytes=settings.query_max_memory_bytes,
        )

    async def read_back(
        self,
        project: ProjectContext,
        kind: str,
        ids: Sequence[str],
        offsets: Mapping[TopicPartition, int],
        shell: Struct,
    ) -> Response[bytes] | None:
        """Waits until the records are stored; fills `shell` with their rows in the order of ids.

        Returns `None` where it cannot now. An id may be missing only when its item became a dead
        letter.
        """
        reader = Reader(self._turns, self._warehouse, self.outgoing, project)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._wait_stored(offsets)
                rows, _ = await begin_rows(reader, of_ids(self._tables[kind], project, ids))
                return await answer(shell, rows, status_code=202)
        except (TimeoutError, WarehouseError, TooManyQueries, TooManyAnswers):
            return None
