"""The rows of `/batch`: whose threads they take, and what comes when there are too many."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from api.read_backs import MOST_WAITING, ReadBacks
from clickhouse.client import READ_BACK_READERS, QueryResult, Warehouse
from clickhouse.llm.traces import TRACES
from eventlog.log import TopicPartition
from schemas.kinds import TRACE
from schemas.llm.answers import SessionTraces
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings

BUSY, OTHER = ProjectContext(ProjectId("busy")), ProjectContext(ProjectId("other"))
SHELL = SessionTraces("s", [])


class Store:
    """Answers nothing until it is let go. Its other threads are not to be asked."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.running = 0

    @property
    def read_backs(self) -> "Store":
        return self

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> QueryResult:
        self.running += 1
        await self.go.wait()
        self.running -= 1
        return QueryResult((), [])


async def stored(offsets: Mapping[TopicPartition, int]) -> None:
    """Everything is stored."""


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_read_backs_of_one_project_leave_a_thread_to_those_of_others() -> None:
    store = Store()
    backs = ReadBacks(cast("Warehouse", store), {TRACE.name: TRACES}, Settings(), stored)
    asked = [
        asyncio.create_task(backs.read_back(BUSY, TRACE.name, ["a"], {}, SHELL)) for _ in range(20)
    ]
    await settle()
    assert store.running == READ_BACK_READERS - 1

    other = asyncio.create_task(backs.read_back(OTHER, TRACE.name, ["a"], {}, SHELL))
    await settle()

    assert store.running == READ_BACK_READERS
    store.go.set()
    answers = await asyncio.gather(other, *asked)
    assert {answer.content for answer in answers if answer} == {b'{"sessionId":"s","traces":[]}'}
    assert {answer.status_code for answer in answers if answer} == {202}


async def test_more_read_backs_than_may_wait_come_again_later() -> None:
    store = Store()
    backs = ReadBacks(cast("Warehouse", store), {TRACE.name: TRACES}, Settings(), stored)
    asked = [
        asyncio.create_task(backs.read_back(BUSY, TRACE.name, ["a"], {}, SHELL))
        for _ in range(READ_BACK_READERS - 1 + MOST_WAITING)
    ]
    await settle()

    assert await backs.read_back(BUSY, TRACE.name, ["a"], {}, SHELL) is None
    store.go.set()
    assert None not in await asyncio.gather(*asked)
