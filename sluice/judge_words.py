"""Has what judges say become items of the log: in every process that has one."""

import time
from collections.abc import Sequence

from controlplane.database import Database
from controlplane.llm.judge_queue import KeptWord, drop_words, list_words
from eventlog.log import EventLog
from eventlog.producer import Items, produce
from schemas.kinds import SCORE, TRACE
from schemas.projects import ProjectId
from sluice.process import Process

EVERY_S = 1.0
AT_ONCE = 500
KINDS = {one.name: one for one in (SCORE, TRACE)}


class JudgeWords:
    """Takes what is kept for the log, and appends it."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database = database
        self._log = log

    async def work(self) -> None:
        """Appends all that is kept. Several may do it: an item that comes twice is one."""
        while await self._append_some() == AT_ONCE:
            pass

    async def _append_some(self) -> int:
        words = await list_words(self._database, AT_ONCE)
        if not words:
            return 0
        for project_id, items in _by_project(words).items():
            await produce(self._log, project_id, items, time.time_ns())
        await drop_words(self._database, [one.id for one in words])
        return len(words)


def add_judge_words(process: Process, database: Database, log: EventLog) -> None:
    """Adds what appends the words of judges."""
    process.upkeep.append((EVERY_S, JudgeWords(database, log).work))


def _by_project(words: Sequence[KeptWord]) -> dict[ProjectId, list[Items]]:
    found: dict[ProjectId, dict[str, tuple[list[bytes], list[str]]]] = {}
    for _, project_id, word in words:
        bodies, ids = found.setdefault(project_id, {}).setdefault(word.kind, ([], []))
        bodies.append(word.body)
        ids.append(word.item_id)
    return {
        project_id: [Items(KINDS[kind], *pair) for kind, pair in kinds.items()]
        for project_id, kinds in found.items()
    }
