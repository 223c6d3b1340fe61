"""How two values of the same items differ on average, and how sure that is. Pure, of floats.

Sources, in the order of use:

1. Student, "The probable error of a mean", Biometrika 6 (1908): the interval of the mean of the
   differences, and the chance of a mean as far from 0.
2. Values that are 0 or 1: the interval of the difference of two paired proportions, Newcombe,
   "Improved confidence intervals for the difference between binomial proportions based on paired
   data", Statistics in Medicine 17 (1998), method 10; it is made of Wilson's (1927) intervals. The
   chance: McNemar, Psychometrika 12 (1947), exactly, by the binomial distribution.
3. Differences that are all the same have no spread to go by: the chance is that of the sign test,
   Arbuthnot (1710): as many signs alike as there are.
"""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import Literal, NamedTuple

from schemas.chances import beta_share, t_above

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
LEAST_PAIRS = 2
Z = 1.959963984540054
"""97.5 of a hundred values of a normal distribution are below."""
STEPS = 200
Method = Literal["t", "newcombe", "sign"]


class Difference(NamedTuple):
    """The mean of what is after, minus what is before, of the same items."""

    pairs: int
    before: float
    """The mean."""
    after: float
    value: float
    low: float | None
    """Of the 95 % interval; `None` where there are too few pairs to say."""
    high: float | None
    chance: float | None
    """That chance alone makes a difference so far from 0, to either side."""
    method: Method | None


def paired(before: Sequence[float], after: Sequence[float]) -> Difference | None:
    """Compares values of the same items, in the same order; `None` where there are none.

    Values that are all 0 or 1 are yes and no: their means are proportions (2).
    """
    count = len(before)
    if count < LEAST_PAIRS or not set(before) | set(after) <= {0.0, 1.0}:
        return paired_amounts(before, after)
    first, second = fsum(before) / count, fsum(after) / count
    low, high = newcombe(before, after)
    chance = mcnemar(before, after)
    return Difference(count, first, second, second - first, low, high, chance, "newcombe")


def paired_amounts(before: Sequence[float], after: Sequence[float]) -> Difference | None:
    """Does the same for costs, times and counts, whose 0 and 1 are never yes and no."""
    count = len(before)
    if not count:
        return None
    first, second = fsum(before) / count, fsum(after) / count
    differences = [b - a for a, b in zip(before, after, strict=True)]
    mean = fsum(differences) / count
    if count < LEAST_PAIRS:
        return Difference(count, first, second, mean, None, None, None, None)
    if max(differences) - min(differences) <= 1e-12 * max(map(abs, (*before, *after))):
        chance = 1.0 if not mean else min(1.0, 2 * 0.5**count)
        return Difference(count, first, second, mean, mean, mean, chance, "sign")
    # In parts of the greatest: the square of a tiny one would be 0.
    most = max(map(abs, differences))
    squares = fsum(((one - mean) / most) ** 2 for one in differences)
    spread = most * sqrt(squares / (count - 1) / count)
    width = t_beyond(LEVEL / 2, count - 1) * spread
    chance = min(1.0, 2 * t_above(abs(mean) / spread, count - 1))
    return Difference(count, first, second, mean, mean - width, mean + width, chance, "t")


def t_beyond(chance: float, freedom: int) -> float:
    """Returns beyond which t Student's t lies with this chance, below a half (1)."""
    low, high = 0.0, 1.0
    while t_above(high, freedom) > chance:
        high *= 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if t_above(middle, freedom) > chance:
            low = middle
        else:
            high = middle
    return high


def newcombe(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """Returns the interval of the difference of two paired proportions (2)."""
    both, lost, won, none = _fourfold(before, after)
    count = both + lost + won + none
    p1, low1, high1 = _wilson(both + won, count)
    p2, low2, high2 = _wilson(both + lost, count)
    phi = _phi(both, won, lost, none)
    below = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    above = (high1 - p1) ** 2 - 2 * phi * (high1 - p1) * (p2 - low2) + (p2 - low2) ** 2
    return p1 - p2 - sqrt(max(0.0, below)), p1 - p2 + sqrt(max(0.0, above))


def mcnemar(before: Sequence[float], after: Sequence[float]) -> float:
    """Returns the chance of changes so one-sided, if each way is as likely (2)."""
    _, lost, won, _ = _fourfold(before, after)
    changed, fewer = lost + won, min(lost, won)
    if not changed:
        return 1.0
    return min(1.0, 2 * beta_share(0.5, changed - fewer, fewer + 1))


def _fourfold(before: Sequence[float], after: Sequence[float]) -> tuple[int, int, int, int]:
    """Returns how many items are 1 both times, before alone, after alone, never."""
    pairs = list(zip(before, after, strict=True))
    both, lost, won, none = (pairs.count(one) for one in ((1, 1), (1, 0), (0, 1), (0, 0)))
    return both, lost, won, none


def _wilson(hits: int, count: int) -> tuple[float, float, float]:
    p, z2 = hits / count, Z * Z
    middle = (2 * hits + z2) / (2 * (count + z2))
    half = Z * sqrt(z2 + 4 * hits * (1 - p)) / (2 * (count + z2))
    return p, middle - half, middle + half


def _phi(both: int, won: int, lost: int, none: int) -> float:
    """Returns how far both times go together, with Newcombe's correction for small numbers."""
    sums = (both + won) * (lost + none) * (both + lost) * (won + none)
    if not sums:
        return 0.0
    product = both * none - won * lost
    count = both + won + lost + none
    return (max(product - count / 2, 0.0) if product > 0 else float(product)) / sqrt(sums)
