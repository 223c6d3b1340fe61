"""Whether checks take unusually long: against the same hour of the last weeks. Pure.

Rules. A median stands for each quarter of the hours compared, so that single slow checks say
nothing. What is usual is the median of those; how much they differ is the median of their distances
from it, scaled as a standard deviation. Few checks, or few weeks, say nothing either.
"""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

LEAST_CHECKS = 8
"""In a quarter, for its median to count."""
LEAST_QUARTERS = 6
LEAST_WEEKS = 2
SPREADS = 5.0
LEAST_SHARE, LEAST_MS = 0.5, 20.0
"""Less than half as much again, or 20 ms, is never unusual."""
SCALE = 1.4826


class Quarter(NamedTuple):
    """The checks of a quarter that passed; week 0 is now."""

    week: int
    checks: int
    median_ms: float


class Judged(NamedTuple):
    """What is found."""

    now_ms: float
    usual_ms: float
    limit_ms: float

    @property
    def is_unusual(self) -> bool:
        """Whether it is more than usual by far."""
        return self.now_ms > self.limit_ms

    @property
    def is_usual(self) -> bool:
        """Whether it is less than half as far from usual."""
        return self.now_ms <= (self.usual_ms + self.limit_ms) / 2


def judge(quarters: Sequence[Quarter]) -> Judged | None:
    """Compares now with the weeks before; `None` where there is too little to say."""
    told = [one for one in quarters if one.checks >= LEAST_CHECKS]
    now_ms = [one.median_ms for one in told if one.week == 0]
    before = [one for one in told if one.week]
    weeks = {one.week for one in before}
    if not now_ms or len(before) < LEAST_QUARTERS or len(weeks) < LEAST_WEEKS:
        return None
    usual_ms = median(one.median_ms for one in before)
    spread_ms = SCALE * median(abs(one.median_ms - usual_ms) for one in before)
    more_ms = max(SPREADS * spread_ms, LEAST_SHARE * usual_ms, LEAST_MS)
    return Judged(now_ms[0], usual_ms, usual_ms + more_ms)
