"""Judges that ask nobody: what their rules say, many calls at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from clickhouse.client import Warehouse
from controlplane.llm.judge_queue import Queued, Taken
from processors.llm.judges.judging import Done, Stopped, read_some
from processors.llm.judges.rules import TOO_DEEP, TOO_LARGE, Say, rule_of
from processors.llm.judges.texts import OfItem, expected_of, subject_of
from processors.llm.judges.words import score_word
from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import (
    ContainsRule,
    Counts,
    EqualsRule,
    Judge,
    ModelRule,
    NoVerdict,
    SimilarityRule,
    Verdict,
)
from schemas.projects import ProjectContext

AT_ONCE = 500
Expected = Callable[[ProjectContext, OfItem], Awaitable[Any]]
"""By project, dataset and item, what is expected: JSON, or `None`."""
Said = tuple[TraceAnswer, Verdict | NoVerdict]

log = structlog.get_logger(__name__)


class RuleJudges:
    """Judges by rules; see `judging.Judges`."""

    asks_model = False
    at_once = AT_ONCE

    def __init__(self, warehouse: Warehouse, expected: Expected) -> None:
        self._store = warehouse.aside
        self._expected = expected

    async def judge(self, taken: Taken, rows: Sequence[Queued], now_us: int) -> Done:
        """Judges the calls of some rows. Raises `Stopped`, and what the store does."""
        say = ready(taken.judge)
        refs = list(dict.fromkeys(one for row in rows for one in row.calls))
        words = []
        scored = skipped = failed = 0
        error = ""
        async for read in read_some(self._store, taken, refs):
            failed += read.too_large
            error = TOO_LARGE.reason if read.too_large else error
            for answer, verdict in await self._said(taken, say, read.calls):
                if isinstance(verdict, Verdict):
                    scored += 1
                    words.append(score_word(taken.judge, answer, verdict, now_us))
                elif verdict.is_failure:
                    failed, error = failed + 1, verdict.reason
                else:
                    skipped += 1
        counts = Counts(scored=scored, skipped=skipped, failed=failed)
        return Done(words=words, counts=counts, error=error)

    async def _said(self, taken: Taken, say: Say, calls: Sequence[TraceAnswer]) -> list[Said]:
        wants = wants_expected(taken.judge)
        expected = [
            await expectation(self._expected, taken.project, one) if wants else None
            for one in calls
        ]
        pairs = list(zip(calls, expected, strict=True))
        return await asyncio.to_thread(_say_all, say, pairs)


def ready(judge: Judge) -> Say:
    """Returns what a judge's rule says. Raises `Stopped` where it does not work any more."""
    try:
        return rule_of(judge.rule)
    except ValueError as error:
        raise Stopped(str(error)) from error


def wants_expected(judge: Judge) -> bool:
    """Tells whether a judge goes by what a call's item of a dataset expects."""
    rule = judge.rule
    if isinstance(rule, ModelRule):
        return "{expected}" in rule.prompt
    return isinstance(rule, (ContainsRule, EqualsRule, SimilarityRule)) and rule.expected is None


async def expectation(expected: Expected, project: ProjectContext, answer: TraceAnswer) -> Any:
    """Returns what is expected of a call: what it says itself, else what its dataset says."""
    own, of = expected_of(answer)
    if own is not None or of is None:
        return own
    return await expected(project, of)


def said_of(say: Say, answer: TraceAnswer, expected: Any) -> Verdict | NoVerdict:
    """Returns what a rule says of a call. A bug costs this call, and not those behind it."""
    try:
        return say(subject_of(answer, expected))
    except RecursionError:
        return TOO_DEEP
    except Exception as bug:
        log.exception("a judge met a bug", trace_id=answer.trace_id)
        return NoVerdict(f"a bug of ours: {type(bug).__name__}")


def _say_all(say: Say, pairs: Sequence[tuple[TraceAnswer, Any]]) -> list[Said]:
    return [(answer, said_of(say, answer, expected)) for answer, expected in pairs]
