"""Whether figures make a rule fire. Pure: no clock, no store."""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.errors.alerting import TransactionFigures, Window
from schemas.errors.alerts import Rule, RuleState

LEAST_TRANSACTIONS = 5
"""With fewer, a rate or a percentile says nothing."""
STEPS_BACK = 7
SPIKE_FACTOR = 2.0
SPIKE_DEVIATIONS = 3.0
DAY_US = 86_400_000_000


class Verdict(NamedTuple):
    """How a rule stands by its figures; `met` is `None` where they are too few to tell."""

    met: bool | None
    value: float
    against: str = ""
    """What the value is above, where that is not the rule's own threshold."""


def windows_of(rule: Rule, now_us: int) -> list[Window]:
    """Returns the windows whose errors a rule counts: its own, and for a spike its baseline.

    The baseline of a spike is the window right before, and the same window one to seven steps
    back. A step is a day; for a longer window as many whole days as hold it.
    """
    width = rule.window_us
    current = Window(now_us - width, now_us)
    if rule.rule_type != "issue.frequency_spike":
        return [current]
    step = -(-width // DAY_US) * DAY_US
    back = [width, *(number * step for number in range(1, STEPS_BACK + 1))]
    return [current, *(Window(now_us - width - by, now_us - by) for by in back)]


def judge_count(rule: Rule, counts: Sequence[int]) -> Verdict:
    """Judges a plain count: at least the threshold."""
    return Verdict(counts[0] >= rule.threshold_count, counts[0])


def judge_spike(rule: Rule, counts: Sequence[int]) -> Verdict:
    """Judges a spike against its own baseline, in counts as `windows_of` orders them.

    The baseline is the greater one of the window before, and of the mean of the same window of the
    days before. A spike is
        1. at least the threshold, which keeps small numbers quiet,
        2. at least twice the baseline,
        3. above the baseline by more than three times the square root of it (or of 1): what chance
           alone makes of a steady rate.
    """
    current, before, *days = counts
    baseline = max(float(before), sum(days) / len(days))
    above = baseline + SPIKE_DEVIATIONS * max(baseline, 1.0) ** 0.5
    met = current >= max(rule.threshold_count, SPIKE_FACTOR * baseline) and current > above
    return Verdict(met, current, f"a baseline of {baseline:.1f}")


def judge_transactions(rule: Rule, figures: TransactionFigures) -> Verdict:
    """Judges the share of failures in percent, or the 95th percentile in milliseconds."""
    if figures.transactions < LEAST_TRANSACTIONS or figures.p95_ms is None:
        return Verdict(None, 0.0)
    is_rate = rule.rule_type == "transaction.error_rate"
    value = 100 * figures.failed / figures.transactions if is_rate else figures.p95_ms
    return Verdict(value >= rule.threshold_count, round(value, 2))


def cools(rule: Rule, now_us: int) -> bool:
    """Tells whether a rule has fired so lately that it is quiet now."""
    fired_us = rule.last_fired_us
    return fired_us is not None and now_us < fired_us + rule.cooldown_us


def fires(rule: Rule, verdict: Verdict, now_us: int) -> bool:
    """Tells whether a rule goes off.

    What stays above the threshold goes off again after each cooldown; without a cooldown only once,
    until it was below.
    """
    if not verdict.met or cools(rule, now_us):
        return False
    return rule.cooldown_minutes > 0 or rule.state != "firing"


def state_of(verdict: Verdict) -> RuleState:
    """Returns how a rule is shown to stand."""
    if verdict.met is None:
        return "unknown"
    return "firing" if verdict.met else "ok"
