"""Each measure before a switch against after it: by how much it differs, and how likely by chance.

Of every measure, more is worse. `docs/deploy-impact.md` says what is asked of each, and why. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from schemas.deploys.chances import (
    Chances,
    Counts,
    compare_counts,
    compare_ratios,
    dispersion_of,
    poisson_at_most,
)
from schemas.deploys.impact import MeasureName, Unit
from schemas.deploys.measured import (
    BUCKET,
    BUCKETS_OF_MATTER,
    JOINED,
    Histogram,
    Measured,
    Rare,
    Sides,
)

LEVEL = 0.05
LEAST_TRANSACTIONS = 100
LEAST_CALLS = 30
LEAST_MINUTES_UP = 5
MOST_UNPRICED = 0.05
RATE_MATTERS, ISSUES_MATTER, FIFTH = 1.5, 2.0, 1.2
"""From so many times as much on a change matters."""
LEAST_ERRORS, LEAST_ERRORS_A_MINUTE = 0.001, 0.1
LEAST_FAILURES, LEAST_MS, LEAST_DOWN = 0.005, 5.0, 0.01
"""And it has to be so much more, or less, at least."""
NEARLY = 1 - 1e-9

Effect = Literal["more", "less", "none"]


class Outcome(NamedTuple):
    """What a comparison found."""

    unit: Unit
    before: float
    after: float
    chances: Chances
    effect: Effect
    """Whether the difference is one that matters."""


class Compared(Struct, frozen=True, kw_only=True):
    """A measure, compared; without `outcome` it is unknown."""

    name: MeasureName
    unit: Unit
    outcome: Outcome | None
    baseline: float | None = None
    why: str = ""
    """Why it is unknown, or what else is to be said."""


Comparison = Callable[[Measured, Measured], Outcome | str]


def compare_sides(sides: Sides) -> list[Compared]:
    """Compares every measure."""

    def errors(before: Measured, after: Measured) -> Outcome | str:
        return _errors(before, after, sides.facts.sends_errors)

    by_store: tuple[tuple[MeasureName, Unit, Comparison], ...] = (
        ("error_rate", "per_transaction", errors),
        ("failure_rate", "share", _failures),
        ("latency_p95", "ms", _latency),
        ("llm_failure_rate", "share", _failed_calls),
        ("cost_per_request", "cents", _cost_of_requests),
        ("cost_per_call", "cents", _cost_of_calls),
    )
    found = [_seasonal(name, unit, compare, sides) for name, unit, compare in by_store]
    facts = sides.facts
    found.append(_issues(facts.new_issues, facts.sends_errors))
    found.append(_uptime(facts.down))
    return found


def compare_rates(
    unit: Unit, before: Counts, after: Counts, *, ratio: float, least: float
) -> Outcome:
    """Compares two rates whose exposures are known; bursts count for less."""
    dispersion = max(
        dispersion_of(before, after),
        dispersion_of(before.joined(JOINED), after.joined(JOINED)),
    )
    level = (before.total + 0.5) / before.exposure
    matters = max(ratio, 1 + least / level)
    chances = compare_counts(before, after, matters, dispersion)
    first, second = before.rate or 0.0, after.rate or 0.0
    return Outcome(unit, first, second, chances, effect_of(first, second, ratio, least))


def compare_p95(before: Sequence[Histogram], after: Sequence[Histogram]) -> Outcome:
    """Compares the p95 of two samples of durations, in milliseconds."""
    counts = _above(before, after)
    dispersion = max(dispersion_of(*counts), dispersion_of(*(one.joined(JOINED) for one in counts)))
    plain = compare_counts(*counts, 1.0, dispersion)
    shorter = _above(before, _moved(after, -BUCKETS_OF_MATTER))
    longer = _above(before, _moved(after, BUCKETS_OF_MATTER))
    chances = plain._replace(
        not_much_more=compare_counts(*shorter, 1.0, dispersion).less,
        not_much_less=compare_counts(*longer, 1.0, dispersion).more,
    )
    first, second = p95_ms(before), p95_ms(after)
    return Outcome("ms", first, second, chances, effect_of(first, second, FIFTH, LEAST_MS))


def p95_ms(blocks: Sequence[Histogram]) -> float:
    """Returns the p95 of durations in milliseconds, within 1 %."""
    return float(BUCKET ** (_p95_bucket(_added(blocks)) + 0.5)) / 1e6


def effect_of(before: float, after: float, ratio: float, least: float) -> Effect:
    """Tells whether two values differ by as much as matters."""
    if after >= before * ratio * NEARLY and after - before >= max(least * NEARLY, 1e-300):
        return "more"
    if before >= after * ratio * NEARLY and before - after >= max(least * NEARLY, 1e-300):
        return "less"
    return "none"


def is_seen(outcome: Outcome) -> bool:
    """Tells whether a difference matters, and is more than chance, as a test of its own."""
    if outcome.effect == "none":
        return False
    chances = outcome.chances
    return (chances.more if outcome.effect == "more" else chances.less) <= LEVEL


def _seasonal(name: MeasureName, unit: Unit, compare: Comparison, sides: Sides) -> Compared:
    """Compares, also with the week before where the same change was there at the same hour."""
    found = compare(sides.before, sides.after)
    if isinstance(found, str):
        return Compared(name=name, unit=unit, outcome=None, why=found)
    against_week = compare(sides.week_after, sides.after)
    if isinstance(against_week, str) or against_week.unit != found.unit:
        return Compared(name=name, unit=found.unit, outcome=found)
    step = compare(sides.week_before, sides.week_after)
    baseline, why = against_week.before, ""
    if not isinstance(step, str) and step.effect == found.effect and is_seen(step):
        found, why = _less_than_season(found, against_week), "a week ago it changed so too"
    return Compared(name=name, unit=found.unit, outcome=found, baseline=baseline, why=why)


def _less_than_season(found: Outcome, week: Outcome) -> Outcome:
    """A change counts as far as it is one against the same hours of last week as well."""
    chances = Chances(*map(max, found.chances, week.chances))
    effect = found.effect if week.effect == found.effect else "none"
    return found._replace(chances=chances, effect=effect)


def _errors(before: Measured, after: Measured, sends_errors: bool) -> Outcome | str:
    if min(sum(before.transactions), sum(after.transactions)) >= LEAST_TRANSACTIONS:
        return compare_rates(
            "per_transaction",
            Counts(before.errors, before.transactions),
            Counts(after.errors, after.transactions),
            ratio=RATE_MATTERS,
            least=LEAST_ERRORS,
        )
    if not sends_errors:
        return "no error has ever been sent, and too few transactions"
    return compare_rates(
        "per_minute",
        Counts(before.errors, before.minutes),
        Counts(after.errors, after.minutes),
        ratio=RATE_MATTERS,
        least=LEAST_ERRORS_A_MINUTE,
    )


def _failures(before: Measured, after: Measured) -> Outcome | str:
    return _too_few("transactions", before.transactions, after.transactions) or compare_rates(
        "share",
        Counts(before.failed, before.transactions),
        Counts(after.failed, after.transactions),
        ratio=RATE_MATTERS,
        least=LEAST_FAILURES,
    )


def _latency(before: Measured, after: Measured) -> Outcome | str:
    return _too_few("transactions", before.transactions, after.transactions) or compare_p95(
        before.durations, after.durations
    )


def _failed_calls(before: Measured, after: Measured) -> Outcome | str:
    return _too_few("LLM calls", before.calls, after.calls) or compare_rates(
        "share",
        Counts(before.calls_failed, before.calls),
        Counts(after.calls_failed, after.calls),
        ratio=RATE_MATTERS,
        least=LEAST_FAILURES,
    )


def _cost_of_calls(before: Measured, after: Measured) -> Outcome | str:
    return _unpriced(before, after) or _costs(
        before.calls_priced, after.calls_priced, before, after
    )


def _cost_of_requests(before: Measured, after: Measured) -> Outcome | str:
    few = _too_few("transactions", before.transactions, after.transactions)
    return (
        few
        or _unpriced(before, after)
        or _costs(before.transactions, after.transactions, before, after)
    )


def _costs(
    of_before: Sequence[int], of_after: Sequence[int], before: Measured, after: Measured
) -> Outcome | str:
    first, second = Counts(before.cost_cents, of_before), Counts(after.cost_cents, of_after)
    fine = compare_ratios(first, second, FIFTH)
    coarse = compare_ratios(first.joined(JOINED), second.joined(JOINED), FIFTH)
    chances = Chances(*map(max, fine, coarse))
    was, became = first.rate or 0.0, second.rate or 0.0
    return Outcome("cents", was, became, chances, effect_of(was, became, FIFTH, 0.0))


def _too_few(what: str, before: Sequence[int], after: Sequence[int]) -> str:
    least = LEAST_CALLS if what == "LLM calls" else LEAST_TRANSACTIONS
    counts = sum(before), sum(after)
    if min(counts) >= least:
        return ""
    return f"{counts[0]} {what} before and {counts[1]} after: {least} of each are needed"


def _unpriced(before: Measured, after: Measured) -> str:
    if few := _too_few("LLM calls", before.calls_priced, after.calls_priced):
        return few
    for one in (before, after):
        if sum(one.calls) - sum(one.calls_priced) > MOST_UNPRICED * sum(one.calls):
            return "too many LLM calls have no price"
    return ""


def _issues(rare: Rare | None, sends_errors: bool) -> Compared:
    if rare is None or not sends_errors:
        why = "no error has ever been sent" if rare is not None else "issues are production's"
        return Compared(name="new_issues", unit="per_hour", outcome=None, why=why)
    least = NEARLY / rare.after.exposure
    return _rare("new_issues", "per_hour", rare, ISSUES_MATTER, least)


def _uptime(rare: Rare | None) -> Compared:
    if rare is None:
        return Compared(name="uptime", unit="share", outcome=None, why="no monitor looks at it")
    if min(rare.after.exposure, rare.reference.exposure) < LEAST_MINUTES_UP:
        why = "the monitors have seen too little"
        return Compared(name="uptime", unit="share", outcome=None, why=why)
    found = _rare("uptime", "share", rare, 1.0, LEAST_DOWN)
    return Compared(
        name="uptime",
        unit="share",
        outcome=found.outcome,
        baseline=None if found.baseline is None else 1 - found.baseline,
    )


def _rare(name: MeasureName, unit: Unit, rare: Rare, ratio: float, least: float) -> Compared:
    """Compares with a long time before: what is rare is seldom seen in a short one."""
    level = (rare.reference.total + 0.5) / rare.reference.exposure
    dispersion = dispersion_of(rare.reference, rare.after)
    seen, noticed = rare.after.total, max(ratio * level, level + least) * rare.after.exposure
    chances = compare_counts(rare.reference, rare.after, 1.0, dispersion)._replace(
        not_much_more=poisson_at_most(seen / dispersion, noticed / dispersion),
        not_much_less=0.0,  # That it got rarer, a short time cannot tell.
    )
    usual, after = rare.reference.rate or 0.0, rare.after.rate or 0.0
    effect = effect_of(usual, after, ratio, least)
    outcome = Outcome(unit, rare.before.rate or 0.0, after, chances, effect)
    return Compared(name=name, unit=unit, outcome=outcome, baseline=usual)


def _above(before: Sequence[Histogram], after: Sequence[Histogram]) -> tuple[Counts, Counts]:
    """Counts in each block what is above the p95 of both together."""
    edge = _p95_bucket(_added([*before, *after]))

    def counted(blocks: Sequence[Histogram]) -> Counts:
        events = [sum(n for bucket, n in one.items() if bucket > edge) for one in blocks]
        return Counts(events, [sum(one.values()) for one in blocks])

    return counted(before), counted(after)


def _p95_bucket(durations: Histogram) -> int:
    left = 0.05 * sum(durations.values())
    for bucket in sorted(durations, reverse=True):
        left -= durations[bucket]
        if left < 0:
            return bucket
    return 0


def _added(blocks: Iterable[Histogram]) -> Histogram:
    found: Counter[int] = Counter()
    for one in blocks:
        found.update(one)
    return found


def _moved(blocks: Sequence[Histogram], by: int) -> list[Histogram]:
    return [{bucket + by: count for bucket, count in one.items()} for one in blocks]
