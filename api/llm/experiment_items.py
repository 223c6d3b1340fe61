"""What items came to in runs, and how two runs differ item by item. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clickhouse.llm.experiment_scores import ItemScore
from clickhouse.llm.experiments import ItemSums, Output
from clickhouse.queries.values import number, quotient, without_noise
from schemas.answers import Number
from schemas.chances import holm
from schemas.llm.experiments import MeasureDifference, Result, ScoreWord
from schemas.llm.paired import LEVEL, Difference, paired, paired_amounts

SCORE = "score."
AMOUNTS = ("cost", "latency", "tokens")
PLAIN = (*AMOUNTS, "failures")
NO_OUTPUT = Output("", "")

Measures = Mapping[str, float]


class Run(NamedTuple):
    """The items of one run: what they add up to, their scores, and all of it as measures."""

    sums: Mapping[str, ItemSums]
    scores: Mapping[str, Sequence[ItemScore]]
    measures: Mapping[str, Measures]
    """By item; what is not known is not there."""


class Compared(NamedTuple):
    """How two runs differ."""

    measures: list[MeasureDifference]
    sorted_by: str
    order: list[str]
    """Items, the greatest loss first; those without a difference last, by id."""


def run_of(sums: Mapping[str, ItemSums], scores: Iterable[ItemScore]) -> Run:
    """Returns a run, without the scores of items that have no call that is billed."""
    by_item: dict[str, list[ItemScore]] = {item_id: [] for item_id in sums}
    for one in scores:
        if one.item_id in by_item:
            by_item[one.item_id].append(one)
    measures = {key: _measures(one, by_item[key]) for key, one in sums.items()}
    return Run(sums, by_item, measures)


def compare(a: Run, b: Run, wanted: str | None) -> Compared:
    """Compares the items that both runs have; `wanted` is what they are sorted by."""
    both = sorted(a.measures.keys() & b.measures.keys())
    found: dict[str, Difference] = {}
    for name in _names(a, b, both):
        pairs = [
            (a.measures[key][name], b.measures[key][name])
            for key in both
            if name in a.measures[key] and name in b.measures[key]
        ]
        compared = paired_amounts if name in AMOUNTS else paired
        difference = compared([one for one, _ in pairs], [two for _, two in pairs])
        if difference is not None:
            found[name] = difference
    chances = holm({name: one.chance for name, one in found.items() if one.chance is not None})
    measures = [_answer(name, one, chances.get(name)) for name, one in found.items()]
    sorted_by = wanted or next(iter(found), "cost")
    return Compared(measures, sorted_by, _order(a, b, sorted_by))


def differences(a: Measures, b: Measures) -> dict[str, Number]:
    """Returns b minus a of the measures that both have."""
    return {
        name: without_noise(float(b[name] - value), value, b[name])
        for name, value in a.items()
        if name in b
    }


def result_of(run: Run, item_id: str, outputs: Mapping[str, Output]) -> Result | None:
    """Returns what an item came to; `None` where the run has no call of it."""
    sums = run.sums.get(item_id)
    if sums is None:
        return None
    output = outputs.get(sums.last_id, NO_OUTPUT)
    measures = run.measures[item_id]
    named = {name.removeprefix(SCORE): one for name, one in measures.items() if _is_score(name)}
    return Result(
        tries=sums.tries,
        calls=sums.calls,
        failed=sums.failed,
        cost_cents=number(measures["cost"]) if "cost" in measures else None,
        tokens=number(sums.tokens),
        latency_ms=number(sums.latency_ms),
        trace_id=sums.last_id,
        output=output.text,
        error=output.error,
        scores={name: number(one) for name, one in named.items()},
        words=[
            ScoreWord(name=one.name, text=one.text)
            for one in run.scores[item_id]
            if one.value is None
        ],
    )


def _measures(sums: ItemSums, scores: Sequence[ItemScore]) -> dict[str, float]:
    found = {SCORE + one.name: one.value for one in scores if one.value is not None}
    if not sums.unpriced:
        found["cost"] = float(quotient(sums.cost.scaleb(2), sums.tries))
    found["latency"] = sums.latency_ms
    found["tokens"] = sums.tokens
    found["failures"] = sums.failed / sums.tries
    return found


def _names(a: Run, b: Run, both: Sequence[str]) -> list[str]:
    """Returns the scores that most items have in both runs first, then the other measures."""
    counts = Counter(
        name
        for key in both
        for name in a.measures[key]
        if _is_score(name) and name in b.measures[key]
    )
    return [*sorted(counts, key=lambda name: (-counts[name], name)), *PLAIN]


def _answer(name: str, one: Difference, chance: float | None) -> MeasureDifference:
    return MeasureDifference(
        measure=name,
        pairs=one.pairs,
        a=without_noise(one.before),
        b=without_noise(one.after),
        difference=without_noise(one.value, one.before, one.after),
        low=None if one.low is None else without_noise(one.low, one.before, one.after),
        high=None if one.high is None else without_noise(one.high, one.before, one.after),
        chance=None if chance is None else number(chance),
        is_more_than_chance=chance is not None and chance < LEVEL,
        method=one.method,
    )


def _order(a: Run, b: Run, name: str) -> list[str]:
    def loss(key: str) -> tuple[bool, float, str]:
        before = a.measures.get(key, {}).get(name)
        after = b.measures.get(key, {}).get(name)
        if before is None or after is None:
            return True, 0.0, key
        gain = after - before if _is_score(name) else before - after
        return False, gain, key

    return sorted(a.measures.keys() | b.measures.keys(), key=loss)


def _is_score(name: str) -> bool:
    return name.startswith(SCORE)
