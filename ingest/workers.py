"""Threads for what takes longer than the event loop may be held up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from schemas.projects import ProjectId

T = TypeVar("T")
THREADS = 2


class Workers:
    """Does work in threads, and of each project one thing at a time.

    So the large bodies of one project wait for each other, and those of others for a step of it at
    most. The threads end with the process.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest")
        self._turns: WeakValueDictionary[ProjectId, asyncio.Lock] = WeakValueDictionary()

    async def run(self, project_id: ProjectId, work: Callable[..., T], *arguments: Any) -> T:
        """Returns what the work returns, and raises what it raises."""
        turn = self._turns.get(project_id)
        if turn is None:
            turn = self._turns[project_id] = asyncio.Lock()
        async with turn:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work, *arguments)
