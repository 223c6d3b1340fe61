"""What tests of differences have in common. Pure, of floats.

Sources:

1. Several tests at once: Holm, Scandinavian Journal of Statistics 6 (1979).
2. The incomplete beta function by its continued fraction: "NIST Handbook of Mathematical
   Functions", 8.17.22. Student's t is made of it.
"""

from collections.abc import Mapping
from math import exp, isinf, lgamma, log, log1p
from typing import TypeVar

STEPS = 20_000
CLOSE = 1e-13
TINY = 1e-300
Name = TypeVar("Name")


def holm(chances: Mapping[Name, float]) -> dict[Name, float]:
    """Returns the chances of several tests such that each may be held against one level (1)."""
    found: dict[Name, float] = {}
    worst = 0.0
    for place, name in enumerate(sorted(chances, key=lambda one: chances[one])):
        worst = max(worst, min(1.0, (len(chances) - place) * chances[name]))
        found[name] = worst
    return found


def t_above(t: float, freedom: float) -> float:
    """Returns the chance that Student's t is greater."""
    if isinf(t):
        return 0.0 if t > 0 else 1.0
    half = beta_share(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return half if t >= 0 else 1 - half


def beta_share(x: float, a: float, b: float) -> float:
    """Returns the regularised incomplete beta function I_x(a, b) (2), for a and b above 0."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    return min(1.0, exp(front) / a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction by Lentz's method: quick for x below (a + 1) / (a + b + 2)."""
    c, d = 1.0, 1 / _no_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _no_zero(1 + term * d)
            c = _no_zero(1 + term / c)
            found *= c * d
        if abs(c * d - 1) < CLOSE:
            break
    return found


def _no_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
