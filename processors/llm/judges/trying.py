"""What a judge says of one call that somebody names. Nothing is scored."""

from clickhouse.client import Warehouse
from clickhouse.llm.judged import find_call, matches, read_calls
from controlplane.database import Database
from processors.llm.judges.by_rules import Expected, expectation, ready, wants_expected
from processors.llm.judges.judging import Stopped
from processors.llm.judges.rules import TOO_LARGE
from processors.llm.judges.texts import Subject, subject_of
from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import Judge, JudgedCalls, NoVerdict, TryAnswer, Verdict
from schemas.projects import ProjectContext


class Trying:
    """Tries judges, in each process that answers people."""

    def __init__(self, database: Database, expected: Expected) -> None:
        self.models: tuple[str, ...] = ()
        self._database = database
        self._expected = expected

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
        said: Verdict | NoVerdict = TOO_LARGE
        if found:
            said = await self._say(project, judge, found[0])
        if isinstance(said, NoVerdict):
            return TryAnswer(matches=fits, value=None, comment="", reason=said.reason)
        return TryAnswer(matches=fits, value=said.value, comment=said.comment, reason=None)

    async def _say(
        self, project: ProjectContext, judge: Judge, answer: TraceAnswer
    ) -> Verdict | NoVerdict:
        expected = None
        if wants_expected(judge):
            expected = await expectation(self._expected, project, answer)
        subject = subject_of(answer, expected)
        try:
            return self._by_rule(judge, subject)
        except Stopped as stopped:
            return NoVerdict(str(stopped))

    def _by_rule(self, judge: Judge, subject: Subject) -> Verdict | NoVerdict:
        return ready(judge)(subject)
