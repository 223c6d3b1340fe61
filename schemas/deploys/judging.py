"""The verdict over a deployment, from its measures. Pure.

A measure is worse if it is so by as much as matters, and if chance makes as much in fewer than one
of twenty cases, over all measures together (Holm). The whole is worse if one measure is.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from schemas.chances import holm
from schemas.deploys.comparing import LEVEL, Compared, compare_sides
from schemas.deploys.impact import ImpactMeasure, MeasureName, Verdict
from schemas.deploys.measured import Sides
from schemas.deploys.windows import LEAST_MINUTES, Windows

HIGHEST = 0.9999
"""No verdict is surer than that."""
WITH_CHANGE: tuple[Verdict, ...] = ("worse", "better")
TITLES: Mapping[MeasureName, str] = {
    "error_rate": "Errors",
    "failure_rate": "Failed transactions",
    "new_issues": "New issues",
    "latency_p95": "p95 of transactions",
    "llm_failure_rate": "Failed LLM calls",
    "cost_per_request": "LLM cost of a request",
    "cost_per_call": "Cost of an LLM call",
    "uptime": "Uptime",
}


class Judged(NamedTuple):
    """The verdict as a whole."""

    verdict: Verdict
    confidence: float
    reason: str
    measures: list[ImpactMeasure]


def judge(windows: Windows, sides: Sides) -> Judged:
    """Compares what was measured, and says what it comes to."""
    compared = compare_sides(sides)
    if windows.after.minutes < LEAST_MINUTES:
        why = f"{windows.after.minutes:.1f} minutes have passed: {LEAST_MINUTES} are needed"
        return _whole([_unknown(one, why) for one in compared])
    if windows.before.minutes < LEAST_MINUTES:
        why = "another deployment took over just before"
        compared = [
            one if one.name in ("new_issues", "uptime") else _bare(one, why) for one in compared
        ]
    known = {one.name: one.outcome for one in compared if one.outcome is not None}
    more = holm({name: outcome.chances.more for name, outcome in known.items()})
    less = holm({name: outcome.chances.less for name, outcome in known.items()})
    return _whole([_measure(one, more, less) for one in compared])


def _measure(
    one: Compared, more: Mapping[MeasureName, float], less: Mapping[MeasureName, float]
) -> ImpactMeasure:
    if one.outcome is None:
        return _unknown(one, one.why)
    effect = one.outcome.effect
    if effect == "more" and more[one.name] <= LEVEL:
        return _told(one, "worse", 1 - more[one.name])
    if effect == "less" and less[one.name] <= LEVEL:
        return _told(one, "better", 1 - less[one.name])
    return _told(one, "same", 1 - one.outcome.chances.same)


def _told(one: Compared, verdict: Verdict, confidence: float) -> ImpactMeasure:
    assert one.outcome is not None
    before, after = one.outcome.before, one.outcome.after
    if one.name == "uptime":
        before, after = 1 - before, 1 - after
    change = (after - before) / before if before else None
    reason = (
        f"{TITLES[one.name]}: {_shown(before, one.unit)} before, {_shown(after, one.unit)} after"
    )
    return ImpactMeasure(
        name=one.name,
        verdict=verdict,
        confidence=round(min(HIGHEST, max(0.0, confidence)), 4),
        unit=one.unit,
        before=before,
        after=after,
        baseline=one.baseline,
        change=change,
        reason=f"{reason}; {one.why}" if one.why else reason,
    )


def _unknown(one: Compared, why: str) -> ImpactMeasure:
    return ImpactMeasure(
        name=one.name,
        verdict="unknown",
        confidence=0.0,
        unit=one.unit,
        before=None,
        after=None,
        baseline=None,
        change=None,
        reason=f"{TITLES[one.name]}: {why}",
    )


def _bare(one: Compared, why: str) -> Compared:
    return Compared(name=one.name, unit=one.unit, outcome=None, why=one.why or why)


def _whole(measures: list[ImpactMeasure]) -> Judged:
    """The worst verdict is that of the whole. Half of what is the same is as sure as the whole."""
    for verdict in WITH_CHANGE:
        some = [one for one in measures if one.verdict == verdict]
        if some:
            surest = sorted(some, key=lambda one: -one.confidence)
            reason = ". ".join(one.reason for one in surest)
            return Judged(verdict, surest[0].confidence, reason, measures)
    same = [one for one in measures if one.verdict == "same"]
    if not same:
        return Judged("unknown", 0.0, "Too little is known of it", measures)
    confidence = round(median(one.confidence for one in same), 4)
    return Judged("same", confidence, _unchanged(same), measures)


def _unchanged(same: Sequence[ImpactMeasure]) -> str:
    names: Iterable[str] = (TITLES[one.name] for one in same)
    return f"No change that matters and is more than chance: {', '.join(names)}"


def _shown(value: float, unit: str) -> str:
    words = {
        "per_transaction": f"{value * 100:.2f} of 100 transactions",
        "per_minute": f"{value:.2f} a minute",
        "per_hour": f"{value:.2f} an hour",
        "share": f"{value:.2%}",
        "ms": f"{value:.0f} ms",
        "cents": f"{value:.4f} cents",
    }
    return words[unit]
