"""How likely a difference is that chance alone makes. Pure, of floats, no data of ours.

Sources, in the order of use:

1. Two Poisson rates, conditional on their sum: Przyborowski and Wilenski, "Homogeneity of results
   in testing samples from Poisson series", Biometrika 31 (1940). It is exact.
2. A percentile of two samples, by the values above the percentile of both together: Mood,
   "Introduction to the Theory of Statistics" (1950), section 16.5, there for the median. It asks
   for no distribution. Here it becomes 1: of what lies above, each sample has its share.
3. Events that come in bursts tell less than as many single ones: counts are divided by their
   dispersion, Pearson's statistic by its degrees of freedom (quasi-likelihood: McCullagh and
   Nelder, "Generalized Linear Models" (1989), sections 4.5 and 6.2).
4. A ratio of two sums, and its variance: Cochran, "Sampling Techniques" (1977), section 6.3. Two
   of them: Welch, "The generalization of Student's problem ...", Biometrika 34 (1947).
5. That nothing changed by as much as matters: two one-sided tests, Schuirmann, Journal of
   Pharmacokinetics and Biopharmaceutics 15 (1987).
"""

from collections.abc import Sequence
from math import ceil, exp, lgamma, log, sqrt
from typing import NamedTuple

from schemas.chances import beta_share, t_above


class Counts(NamedTuple):
    """How often something happened in each block of a time, and how often it could have."""

    events: Sequence[float]
    exposures: Sequence[float]
    """Requests, calls, minutes: what a rate is of."""

    @property
    def total(self) -> float:
        """All events."""
        return sum(self.events)

    @property
    def exposure(self) -> float:
        """All that they are of."""
        return sum(self.exposures)

    @property
    def rate(self) -> float | None:
        """Events for each exposure; `None` where there is none."""
        return self.total / self.exposure if self.exposure else None

    def joined(self, blocks: int) -> "Counts":
        """Returns the same with so many blocks made one at a time."""
        return Counts(_joined(self.events, blocks), _joined(self.exposures, blocks))


class Chances(NamedTuple):
    """How likely chance alone makes a difference at least as great as the one that was seen."""

    more: float
    """If there is none: one to more."""
    less: float
    """If there is none: one to less."""
    not_much_more: float
    """If it is just as much more as matters: one to less than that."""
    not_much_less: float

    @property
    def same(self) -> float:
        """The greater of what speaks against `no change that matters`."""
        return max(self.not_much_more, self.not_much_less)


CERTAINLY_UNKNOWN = Chances(1.0, 1.0, 1.0, 1.0)


def compare_counts(before: Counts, after: Counts, matters: float, dispersion: float) -> Chances:
    """Compares two rates (1); `matters` is the ratio from which on a change is one."""
    x0, x1 = before.total / dispersion, after.total / dispersion
    e0, e1 = before.exposure, after.exposure
    if not e0 or not e1:
        return CERTAINLY_UNKNOWN
    above, below = _share(e0, e1, matters), _share(e0, e1, 1 / matters)
    even = _share(e0, e1, 1.0)
    return Chances(
        more=at_least(x1, x0, even),
        less=at_most(x1, x0, even),
        not_much_more=at_most(x1, x0, above),
        not_much_less=at_least(x1, x0, below),
    )


def compare_ratios(before: Counts, after: Counts, matters: float) -> Chances:
    """Compares two ratios of sums, such as costs by requests, from their blocks (4)."""
    first, second = _ratio(before), _ratio(after)
    if first is None or second is None:
        return CERTAINLY_UNKNOWN
    more = _welch(first, second, 1.0)
    return Chances(
        more=more,
        less=_welch(second, first, 1.0),
        not_much_more=1 - _welch(first, second, matters),
        not_much_less=1 - _welch(second, first, matters),
    )


def dispersion_of(*some: Counts) -> float:
    """Returns how much more counts vary from block to block than single events would (3).

    At least 1. Each is held against its own rate, so a change between them is no dispersion.
    """
    statistic, freedom = 0.0, 0
    for counts in some:
        rate, seen = counts.rate, 0
        if not rate:
            continue
        for events, exposure in zip(counts.events, counts.exposures, strict=True):
            if exposure:
                expected = rate * exposure
                statistic += (events - expected) ** 2 / expected
                seen += 1
        freedom += max(seen - 1, 0)
    return max(1.0, statistic / freedom) if freedom else 1.0


def at_least(x1: float, x0: float, share: float) -> float:
    """Returns the chance of `x1` or more of `x0 + x1`, each with the chance `share`."""
    return 1.0 if x1 <= 0 else beta_share(share, x1, x0 + 1)


def at_most(x1: float, x0: float, share: float) -> float:
    """Returns the chance of `x1` or fewer of `x0 + x1`, each with the chance `share`."""
    return 1.0 if x0 <= 0 else beta_share(1 - share, x0, x1 + 1)


def poisson_at_most(events: float, expected: float) -> float:
    """Returns the chance of so many events or fewer, rounded up, where so many are expected."""
    if expected <= 0:
        return 1.0
    terms = range(ceil(events) + 1)
    return min(1.0, sum(exp(one * log(expected) - expected - lgamma(one + 1)) for one in terms))


def _share(e0: float, e1: float, ratio: float) -> float:
    """Returns the part of all events that come after, if their rate is `ratio` times as high."""
    return ratio * e1 / (ratio * e1 + e0)


class _Ratio(NamedTuple):
    value: float
    variance: float
    freedom: int


def _ratio(counts: Counts) -> _Ratio | None:
    pairs = [(e, n) for e, n in zip(counts.events, counts.exposures, strict=True) if n]
    if len(pairs) < 2:
        return None
    value = counts.total / counts.exposure
    squares = sum((events - value * exposure) ** 2 for events, exposure in pairs)
    blocks = len(pairs)
    variance = squares * blocks / (blocks - 1) / counts.exposure**2
    return _Ratio(value, variance, blocks - 1)


def _welch(first: _Ratio, second: _Ratio, times: float) -> float:
    """Returns the chance of what was seen if the second is `times` the first, to more."""
    v0, v1 = times * times * first.variance, second.variance
    difference = second.value - times * first.value
    if v0 + v1 <= (1e-9 * max(abs(first.value), abs(second.value))) ** 2:
        # No block differs from another: either both are the same, or chance makes no difference.
        return 0.0 if difference > 1e-6 * abs(first.value) else 1.0
    freedom = (v0 + v1) ** 2 / (v0 * v0 / first.freedom + v1 * v1 / second.freedom)
    return t_above(difference / sqrt(v0 + v1), freedom)


def _joined(values: Sequence[float], blocks: int) -> list[float]:
    return [sum(values[first : first + blocks]) for first in range(0, len(values), blocks)]
