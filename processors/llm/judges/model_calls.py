"""What a judge asks a model: within its limits and the project's budgets, told as calls."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import uuid4

import msgspec
from msgspec import Struct

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.llm.judge_queue import Word, read_spent
from processors.llm.cost.own import Book, Prices
from processors.llm.judges.asking import (
    Ask,
    Asker,
    Attempt,
    ModelAway,
    ModelRefuses,
    OutOfCalls,
    messages_of,
    prompt_of,
)
from processors.llm.judges.by_rules import Expected, expectation, wants_expected
from processors.llm.judges.judging import Stopped
from processors.llm.judges.rules import TOO_DEEP
from processors.llm.judges.texts import subject_of
from processors.llm.traces import decode_trace, trace_row
from schemas.kinds import TRACE
from schemas.llm.answers import TraceAnswer
from schemas.llm.budgets import Called
from schemas.llm.judges import ENVIRONMENT, Counts, Judge, ModelRule, NoVerdict, Verdict
from schemas.projects import ProjectContext
from schemas.times import iso_ms

PICO = 10**12
MAX_USAGE_BYTES = 4096
NOT_SET = "this server asks no model: SLUICE_JUDGE_URL is not set"
Exceeded = Callable[[Warehouse, ProjectContext, Called], Awaitable[str | None]]
"""The name of a budget that refuses a call; `None` where none does."""
Said = Verdict | NoVerdict | ModelAway | OutOfCalls


class ModelAsking(Struct, frozen=True, kw_only=True):
    """How this process asks models for judges."""

    database: Database
    asker: Asker
    prices: Callable[[], Prices]
    expected: Expected
    exceeded: Exceeded

    async def begin(
        self, judge: Judge, project: ProjectContext, *, store: Warehouse, now_us: int
    ) -> "Asking":
        """Returns who asks for a judge. Raises `Stopped` where it may not ask now."""
        rule, access = judge.rule, self.asker.access
        assert isinstance(rule, ModelRule)
        if not access.url:
            raise Stopped(NOT_SET)
        if rule.model not in access.models:
            raise Stopped(f"this server asks no model {rule.model}")
        today, month, _ = await read_spent(self.database, judge.id, now_us)
        if today.model_calls >= rule.max_calls_day:
            raise Stopped(f"its limit of {rule.max_calls_day} calls a day is reached")
        spends = ((rule.max_usd_day, today, "day"), (rule.max_usd_month, month, "month"))
        for usd, spent, named in spends:
            if usd is not None and Decimal(spent.cost_pico) / PICO >= usd:
                raise Stopped(f"its limit of ${usd:f} a {named} is reached")
        called = Called(model=rule.model, environment=ENVIRONMENT)
        budget = await self.exceeded(store, project, called)
        if budget is not None:
            raise Stopped(f"the budget {budget} is exceeded")
        return Asking(self, judge, project, rule.max_calls_day - today.model_calls)


class Asking:
    """Asks of some calls of one judge, and keeps what is to be told of that."""

    def __init__(
        self, means: ModelAsking, judge: Judge, project: ProjectContext, left: int
    ) -> None:
        assert isinstance(judge.rule, ModelRule)
        self.left = left
        """How often it may ask."""
        self.words: list[Word] = []
        self.counts = Counts()
        self._means = means
        self._judge = judge
        self._rule = judge.rule
        self._project = project
        self._book = means.prices().of(project.project_id)

    async def say(self, answer: TraceAnswer) -> Said:
        """Returns what the model says of a call, or why it does not."""
        expected = None
        if wants_expected(self._judge):
            expected = await expectation(self._means.expected, self._project, answer)
        try:
            prompt = prompt_of(self._rule, subject_of(answer, expected))
        except RecursionError:
            return TOO_DEEP
        if isinstance(prompt, NoVerdict):
            return prompt

        def tell(attempt: Attempt) -> None:
            self._tell(answer.trace_id, attempt)

        ask = Ask(rule=self._rule, prompt=prompt, take=self._take, tell=tell)
        try:
            return await self._means.asker.ask(ask)
        except (ModelAway, OutOfCalls) as error:
            return error
        except ModelRefuses as error:
            return NoVerdict(str(error))

    def _take(self) -> None:
        if self.left <= 0:
            raise OutOfCalls("its limit of calls is reached")
        self.left -= 1

    def _tell(self, trace_id: str, attempt: Attempt) -> None:
        word = call_word(self._judge, trace_id, attempt, self._means.asker.access.provider)
        cost = cost_of(word, self._book, self._project)
        is_unpriced = cost is None and attempt.usage is not None
        counts = Counts(model_calls=1, cost_pico=cost or 0, unpriced=int(is_unpriced))
        self.counts = self.counts.plus(counts)
        self.words.append(word)


def call_word(judge: Judge, trace_id: str, attempt: Attempt, provider: str) -> Word:
    """Returns a call of a judge, as any other call is told.

    It has the prompt as it was written: what the judged call says stands in that one alone, so that
    it is found, and erased, in one place.
    """
    rule = judge.rule
    assert isinstance(rule, ModelRule)
    call_id = str(uuid4())
    item: dict[str, object] = {
        "trace_id": call_id,
        "timestamp": iso_ms(attempt.at_us),
        "provider": provider,
        "model_requested": rule.model,
        "request_body": {"model": rule.model, "messages": messages_of(rule, rule.prompt)},
        "status": "error" if attempt.error else "success",
        "latency_ms": attempt.latency_ms,
        "metadata": {
            "environment": ENVIRONMENT,
            "judge.name": judge.name,
            "judge.id": judge.id,
            "judge.trace_id": trace_id,
        },
    }
    if attempt.model_used:
        item["model_used"] = attempt.model_used
    if attempt.error:
        item["error"] = {"message": attempt.error}
    if attempt.said:
        item["output_text"] = attempt.said
    if attempt.usage and len(msgspec.json.encode(attempt.usage)) <= MAX_USAGE_BYTES:
        item["response_body"] = {"model": attempt.model_used, "usage": attempt.usage}
    return Word(TRACE.name, call_id, msgspec.json.encode(item))


def cost_of(word: Word, book: Book, project: ProjectContext) -> int | None:
    """Returns what a call costs, as its row will say; `None` where that is not known."""
    row = trace_row(decode_trace(word.body), book)
    reported, computed = row.reported_cost_pico, row.computed_cost_pico
    if project.cost_preference == "computed":
        return reported if computed is None else computed
    return computed if reported is None else reported
