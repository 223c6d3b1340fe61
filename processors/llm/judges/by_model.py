"""Judges that ask a model: a few calls at a time, and none that has to be asked is forgotten."""

import asyncio
from collections.abc import Sequence

from clickhouse.client import Warehouse
from controlplane.llm.judge_queue import Queued, Taken, Waiting, Word
from processors.llm.judges.asking import ModelAway, OutOfCalls
from processors.llm.judges.judging import SECOND_US, Done, read_some
from processors.llm.judges.model_calls import Asking, ModelAsking, Said
from processors.llm.judges.rules import TOO_LARGE
from processors.llm.judges.words import score_word
from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import CallRef, Counts, NoVerdict, Verdict

AT_ONCE = 8
MOST_ATTEMPTS = 12
"""Rounds in which nobody said anything of a call: an hour at least, as pauses are."""


class ModelJudges:
    """Judges that ask a model; see `judging.Judges`."""

    asks_model = True
    at_once = AT_ONCE

    def __init__(self, warehouse: Warehouse, means: ModelAsking) -> None:
        self._store = warehouse.aside
        self._means = means

    async def judge(self, taken: Taken, rows: Sequence[Queued], now_us: int) -> Done:
        """Judges some calls. Raises `Stopped`, and what the stores do."""
        asking = await self._means.begin(
            taken.judge, taken.project, store=self._store, now_us=now_us
        )
        refs = list(dict.fromkeys(one for row in rows for one in row.calls))
        some = refs[: min(AT_ONCE, asking.left)]
        tally = _Tally(taken, rows, now_us)
        calls: list[TraceAnswer] = []
        async for read in read_some(self._store, taken, some):
            tally.add_too_large(read.too_large)
            calls += read.calls
        said = await asyncio.gather(*(asking.say(one) for one in calls))
        for answer, one in zip(calls, said, strict=True):
            tally.add(answer, one)
        return tally.done(asking, refs[len(some) :])


class _Tally:
    """Sorts what was said of the calls of one round."""

    def __init__(self, taken: Taken, rows: Sequence[Queued], now_us: int) -> None:
        self._taken = taken
        self._rows = {one.trace_id: row for row in rows for one in row.calls}
        self._refs = {one.trace_id: one for row in rows for one in row.calls}
        self._now_us = now_us
        self._words: list[Word] = []
        self._again: list[Waiting] = []
        self._left: list[CallRef] = []
        self._scored = self._skipped = self._failed = self._away = 0
        self._after_s = 0.0
        self._error = ""

    def add_too_large(self, count: int) -> None:
        """Adds calls that cannot be read."""
        if count:
            self._failed += count
            self._error = TOO_LARGE.reason

    def add(self, answer: TraceAnswer, said: Said) -> None:
        """Adds what was said of a call."""
        if isinstance(said, Verdict):
            self._scored += 1
            self._words.append(score_word(self._taken.judge, answer, said, self._now_us))
        elif isinstance(said, OutOfCalls):
            self._left.append(self._refs[answer.trace_id])
        elif isinstance(said, ModelAway):
            self._add_away(answer.trace_id, said)
        else:
            self._add_nothing(said)

    def _add_nothing(self, said: NoVerdict) -> None:
        if said.is_failure:
            self._failed, self._error = self._failed + 1, said.reason
        else:
            self._skipped += 1

    def _add_away(self, trace_id: str, said: ModelAway) -> None:
        self._away += 1
        self._error = str(said)
        self._after_s = max(self._after_s, said.after_s)
        row = self._rows[trace_id]
        if row.attempts + 1 >= MOST_ATTEMPTS:
            self._failed += 1
            return
        refs = [self._refs[trace_id]]
        self._again.append(Waiting(self._taken.judge.id, row.at_us, refs, row.attempts + 1))

    def done(self, asking: Asking, rest: Sequence[CallRef]) -> Done:
        """Returns what came of them; the rest keeps its turn."""
        counts = Counts(scored=self._scored, skipped=self._skipped, failed=self._failed)
        return Done(
            words=[*self._words, *asking.words],
            counts=counts.plus(asking.counts),
            error=self._error,
            again=self._again,
            left=[*self._left, *rest],
            is_away=self._away > 0 and self._scored == 0,
            pause_us=int(self._after_s * SECOND_US),
        )
