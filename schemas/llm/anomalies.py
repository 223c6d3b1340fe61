"""Anomalies: an hour that costs much more than this hour of the week does. Pure.

The baseline of an hour is the same hour of the week, with the hours right before and after it, in
each of the last four weeks of which something is known: up to 12 values. With `m` their median and
`MAD` the median of their distances from it, an hour of `x` is an anomaly when

    1. 0.6745 * (x - m) / MAD > 3.5
    2. x is at least 2 m, and
    3. x - m is at least a minimum, so that cents page nobody.

The score is the modified z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers"
(1993), with the bound that they recommend. Where MAD is 0, because more than half of the values are
one, the mean distance takes its place: (x - m) / (1.253314 * mean) > 3.5. Where that is 0 too, the
others decide. Less than usual is no anomaly here.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean, median
from typing import NamedTuple

from schemas.zones import HOUR_US

WEEK_US = 7 * 24 * HOUR_US
WEEKS = 4
LEAST_WEEKS = 2
MOST_SCORE = 3.5
LEAST_FACTOR = 2
OF_MEDIAN, OF_MEAN = 1 / 0.6745, 1.253314
LOOKED_BACK_US = WEEKS * WEEK_US + HOUR_US


class Anomaly(NamedTuple):
    """An hour with much more than is usual."""

    hour_us: int
    amount: float
    usual: float
    score: float | None
    """How many times further from usual than hours are; `None` where they never differed."""


def anomalies_of(
    hours: Mapping[int, float], judged: Iterable[int], minimum: float
) -> list[Anomaly]:
    """Returns which of the hours `judged` are anomalies.

    `hours` are sums by the start of their hour; one that is left out had nothing. An hour that has
    not ended may be judged: what it has so far is only less than what it will have.
    """
    first = min((hour for hour, amount in hours.items() if amount), default=None)
    if first is None:
        return []
    found = (_judged(hours, hour, first, minimum) for hour in judged)
    return [one for one in found if one is not None]


def _judged(hours: Mapping[int, float], hour: int, first: int, minimum: float) -> Anomaly | None:
    amount = hours.get(hour, 0.0)
    weeks = min((hour - first) // WEEK_US, WEEKS)
    if weeks < LEAST_WEEKS or not amount:
        return None
    baseline = [
        hours.get(hour - week * WEEK_US + beside * HOUR_US, 0.0)
        for week in range(1, weeks + 1)
        for beside in (-1, 0, 1)
    ]
    usual = median(baseline)
    excess = amount - usual
    if excess < minimum or amount < LEAST_FACTOR * usual:
        return None
    distances = [abs(one - usual) for one in baseline]
    spread = median(distances) * OF_MEDIAN or fmean(distances) * OF_MEAN
    score = excess / spread if spread else None
    if score is not None and score <= MOST_SCORE:
        return None
    return Anomaly(hour, amount, usual, score)
