"""The rows that `/batch` answers: read by readers of their own, in turns and in parts."""

from collections.abc import Sequence

from litestar.response import Response
from msgspec import Struct

from api.outgoing import Outgoing, TooManyAnswers, answer
from api.reads import Reader, TooManyQueries, Turns
from api.rows import begin_rows
from clickhouse.client import READ_BACK_READERS, Warehouse
from clickhouse.llm.spans import SPANS
from clickhouse.llm.traces import TRACES
from clickhouse.queries.parts import of_ids
from eventlog import topics
from schemas.projects import ProjectContext
from schemas.settings import Settings

MOST_WAITING = 1000
"""Requests of one project; each holds the ids of its items."""
TABLES = {topics.TRACES.name: TRACES, topics.SPANS.name: SPANS}


class ReadBacks:
    """Answers with stored rows, by id. One per process."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.outgoing = Outgoing(settings.max_outgoing_bytes)
        self._warehouse = warehouse.read_backs
        self._turns = Turns(
            READ_BACK_READERS,
            most_waiting=MOST_WAITING,
            max_memory_bytes=settings.query_max_memory_bytes,
        )

    async def answer(
        self, project: ProjectContext, topic: str, ids: Sequence[str], shell: Struct
    ) -> Response[bytes] | None:
        """Fills `shell` with the rows in the order of their ids; `None` where it cannot now.

        An id may be missing only when its item became a dead letter.
        """
        reader = Reader(self._turns, self._warehouse, self.outgoing, project)
        try:
            rows, _ = await begin_rows(reader, of_ids(TABLES[topic], project, ids))
            return await answer(shell, rows, status_code=202)
        except (TooManyQueries, TooManyAnswers):
            return None
