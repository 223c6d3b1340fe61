"""What a judge says of one call that somebody names. Nothing is scored."""

import time

from clickhouse.client import Warehouse
from clickhouse.llm.judged import find_call, matches, read_calls
from controlplane.llm.judge_queue import note_asked
from processors.llm.judges.by_rules import expectation, ready, said_of, wants_expected
from processors.llm.judges.judging import Stopped
from processors.llm.judges.model_calls import ModelAsking
from processors.llm.judges.rules import TOO_LARGE
from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import Judge, JudgedCalls, NoVerdict, TryAnswer, Verdict
from schemas.projects import ProjectContext


class Trying:
    """Tries judges, in each process that answers people."""

    def __init__(self, means: ModelAsking) -> None:
        self.models = means.asker.access.models
        self._means = means

    async def try_on(
        self, warehouse: Warehouse, project: ProjectContext, judge: Judge, trace_id: str
    ) -> TryAnswer | None:
        """Returns what a judge says of a call; `None` where the project has no such call."""
        ref = await find_call(warehouse, project, trace_id)
        if ref is None:
            return None
        fits = await matches(warehouse, project, judge.calls, ref)
        found: list[TraceAnswer] = []
        async for read in read_calls(warehouse, project, JudgedCalls(), [ref]):
            found += read.calls
        try:
            said = await self._say(warehouse, project, judge, found[0]) if found else TOO_LARGE
        except Stopped as stopped:
            said = NoVerdict(str(stopped))
        if isinstance(said, NoVerdict):
            return TryAnswer(matches=fits, value=None, comment="", reason=said.reason)
        return TryAnswer(matches=fits, value=said.value, comment=said.comment, reason=None)

    async def _say(
        self, warehouse: Warehouse, project: ProjectContext, judge: Judge, answer: TraceAnswer
    ) -> Verdict | NoVerdict:
        if judge.asks_model:
            return await self._ask(warehouse, project, judge, answer)
        expected = None
        if wants_expected(judge):
            expected = await expectation(self._means.expected, project, answer)
        return said_of(ready(judge), answer, expected)

    async def _ask(
        self, warehouse: Warehouse, project: ProjectContext, judge: Judge, answer: TraceAnswer
    ) -> Verdict | NoVerdict:
        now_us = time.time_ns() // 1000
        asking = await self._means.begin(judge, project, store=warehouse, now_us=now_us)
        said = await asking.say(answer)
        # It cost what it cost, whatever it is for.
        await note_asked(self._means.database, judge, asking.words, asking.counts, now_us)
        if isinstance(said, (Verdict, NoVerdict)):
            return said
        return NoVerdict(f"the model does not answer: {said}")
