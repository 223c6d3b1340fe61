"""What a rule says of a call, without asking anybody. Pure: no clock, no store.

Each is linear in what it looks at, or bounded: people write them, and senders write the calls.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import re2
from rapidfuzz.fuzz import ratio

from processors.llm.judges.schema_rule import SchemaCheck
from processors.llm.judges.texts import Subject, normalised
from schemas.llm.judges import (
    ContainsRule,
    CostRule,
    EqualsRule,
    LatencyRule,
    ModelRule,
    NoVerdict,
    RegexRule,
    Rule,
    SchemaRule,
    SimilarityRule,
    Verdict,
)

Say = Callable[[Subject], Verdict | NoVerdict]
MAX_PATTERN_MEMORY = 4 << 20
MAX_COMPARED_CHARS = 50_000
"""Two texts of so many are compared in 50 ms."""
NOTHING_EXPECTED = NoVerdict("nothing is expected of it", is_failure=False)
NO_OUTPUT = NoVerdict("it has no output", is_failure=False)
NO_COST = NoVerdict("its cost is not known", is_failure=False)
TOO_DEEP = NoVerdict("it is nested too deep to be looked at")
TOO_LARGE = NoVerdict("it is too large to be looked at")


def rule_of(rule: Rule) -> Say:
    """Returns what a rule says, made ready once for many calls of one thread.

    Raises `ValueError` for one that asks a model, or that cannot be made ready any more.
    """
    if isinstance(rule, RegexRule):
        return _regex(rule)
    if isinstance(rule, ContainsRule):
        return _expecting(rule.expected, _contains)
    if isinstance(rule, EqualsRule):
        return _expecting(rule.expected, _equals)
    if isinstance(rule, SimilarityRule):
        return _expecting(rule.expected, _similarity)
    if isinstance(rule, SchemaRule):
        check = SchemaCheck(rule.schema)
        return lambda subject: _on_output(subject, check.judge)
    if isinstance(rule, CostRule):
        return _cost(rule.usd)
    if isinstance(rule, LatencyRule):
        return _latency(rule.ms)
    assert isinstance(rule, ModelRule)
    raise ValueError("a model has to be asked")


def _regex(rule: RegexRule) -> Say:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    try:
        compiled = re2.compile(rule.pattern, options)
    except re2.error as error:
        raise ValueError(f"the pattern is not one of RE2: {error}") from error

    def find(text: str) -> Verdict:
        is_found = compiled.search(text) is not None
        return Verdict(is_found is not rule.negate)

    def say(subject: Subject) -> Verdict | NoVerdict:
        if rule.part == "input":
            return TOO_LARGE if subject.is_cut else find(subject.input)
        return _on_output(subject, find)

    return say


def _expecting(fixed: str | None, compare: Callable[[str, str], Verdict | NoVerdict]) -> Say:
    def say(subject: Subject) -> Verdict | NoVerdict:
        expected = subject.expected_text if fixed is None else fixed
        if expected is None:
            return NOTHING_EXPECTED
        return _on_output(subject, lambda output: compare(output, expected))

    return say


def _on_output(subject: Subject, say: Callable[[str], Verdict | NoVerdict]) -> Verdict | NoVerdict:
    if subject.is_cut:
        return TOO_LARGE
    return NO_OUTPUT if subject.output is None else say(subject.output)


def _contains(output: str, expected: str) -> Verdict:
    return Verdict(normalised(expected) in normalised(output))


def _equals(output: str, expected: str) -> Verdict:
    if normalised(output) == normalised(expected):
        return Verdict(True)
    form = _canonical(expected)
    return Verdict(form is not None and _canonical(output) == form)


def _canonical(text: str) -> bytes | None:
    """Returns JSON in one form; `None` where it is none, or a bare value."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if not isinstance(value, (dict, list)):
        return None
    return msgspec.json.encode(value, order="deterministic")


def _similarity(output: str, expected: str) -> Verdict | NoVerdict:
    left, right = normalised(output), normalised(expected)
    if max(len(left), len(right)) > MAX_COMPARED_CHARS:
        return NoVerdict(f"more than {MAX_COMPARED_CHARS} characters are not compared")
    return Verdict(round(ratio(left, right) / 100, 4))


def _cost(usd: Decimal) -> Say:
    def say(subject: Subject) -> Verdict | NoVerdict:
        cents = subject.answer.cost_cents
        if cents is None:
            return NO_COST
        return Verdict(Decimal(str(cents)) <= usd * 100, f"${Decimal(str(cents)) / 100:f}")

    return say


def _latency(ms: float) -> Say:
    def say(subject: Subject) -> Verdict | NoVerdict:
        took = subject.answer.latency_ms
        return Verdict(took <= ms, f"{took:g} ms")

    return say
