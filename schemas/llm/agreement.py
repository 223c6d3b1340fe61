"""How far people agree who looked at the same items. Pure.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011,
https://repository.upenn.edu/asc_papers/43), with his names:
    1. a unit is an item that two or more observers gave a value; others are left out
    2. n is how many values units have, m_u how many one of them has
    3. D_o adds up the differences of all ordered pairs within each unit, over m_u - 1, over n
    4. D_e adds up those of all ordered pairs of values, over n (n - 1)
    5. alpha = 1 - D_o / D_e. Where no two values differ there is no alpha
The difference of two values is 0 or 1 where they are names, and (c - k)^2 where they are numbers.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import Literal, NamedTuple, TypeVar

Level = Literal["nominal", "interval"]
Distance = Callable[[float | str, float | str], float]
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Units = Sequence[Sequence[float | str]]
"""The values of each item."""


class Agreement(NamedTuple):
    """How far people agree on one score."""

    items: int
    """That two or more gave a value."""
    values: int
    share: float | None
    """Of all pairs of values of one item, those that are the same; `None` where there is none."""
    alpha: float | None
    """Krippendorff's: 1 is all, 0 is as by chance, less is against each other."""


class Differing(NamedTuple):
    """An item on which people differ."""

    key: Hashable
    difference: float
    """0 to 1: of names the share of pairs that differ, of numbers the distance of pairs, against
    how far two numbers can be."""


def agreement_of(units: Units, level: Level) -> Agreement:
    """Returns how far people agree."""
    paired = [unit for unit in units if len(unit) > 1]
    values = [value for unit in paired for value in unit]
    pairs = sum(len(unit) * (len(unit) - 1) // 2 for unit in paired)
    same = sum(_same_pairs(unit) for unit in paired)
    share = same / pairs if pairs else None
    return Agreement(len(paired), len(values), share, alpha_of(paired, level))


def alpha_of(units: Units, level: Level) -> float | None:
    """Returns Krippendorff's alpha, `None` where all values are the same, or no unit has two."""
    paired = [unit for unit in units if len(unit) > 1]
    if level == "nominal":
        return _alpha(paired, _nominal)
    return _alpha(_whole(paired), _interval)


def most_differing(
    units: Mapping[K, Sequence[float | str]], level: Level, *, widest: float | None = None
) -> list[Differing]:
    """Returns the items on which people differ, those on which they do most first.

    `widest` is how far two numbers can be; `None` is how far those are that were given.
    """
    paired = {key: unit for key, unit in units.items() if len(unit) > 1}
    distance = _distance(level, [value for unit in paired.values() for value in unit], widest)
    found = [Differing(key, _mean(unit, distance)) for key, unit in paired.items()]
    return sorted((one for one in found if one.difference > 0), key=lambda one: -one.difference)


def _distance(level: Level, values: Sequence[float | str], given: float | None) -> Distance:
    if level == "nominal":
        return lambda one, other: float(one != other)
    numbers = [float(value) for value in values]
    spread = max(numbers, default=0.0) - min(numbers, default=0.0)
    # A rule that was changed since may have allowed more.
    widest = max(given or 0.0, spread)
    return lambda one, other: abs(float(one) - float(other)) / widest if widest else 0.0


def _mean(unit: Sequence[float | str], distance: Distance) -> float:
    pairs = list(combinations(unit, 2))
    return sum(distance(one, other) for one, other in pairs) / len(pairs)


def _same_pairs(unit: Sequence[float | str]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(unit).values())


def _alpha(
    paired: Sequence[Sequence[T]], differences: Callable[[Sequence[T]], int]
) -> float | None:
    values = [value for unit in paired for value in unit]
    expected = differences(values)
    if not expected:
        return None
    by_others: Counter[int] = Counter()
    for unit in paired:
        by_others[len(unit) - 1] += differences(unit)
    observed = sum(Fraction(found, others) for others, found in by_others.items())
    return float(1 - (len(values) - 1) * observed / expected)


def _whole(units: Units) -> list[list[int]]:
    """Returns the numbers times one that makes all of them whole, by which alpha stays the same.

    Exact as fractions are, and five times as fast: a queue may hold 200,000.
    """
    ratios = [[float(value).as_integer_ratio() for value in unit] for unit in units]
    least = lcm(*{below for unit in ratios for _, below in unit})
    return [[above * (least // below) for above, below in unit] for unit in ratios]


def _nominal(values: Sequence[float | str]) -> int:
    """Returns how many ordered pairs differ."""
    counts = Counter(values).values()
    return len(values) ** 2 - sum(count * count for count in counts)


def _interval(values: Sequence[int]) -> int:
    """Returns the squares of the differences of all ordered pairs, added up."""
    total = sum(values)
    return 2 * (len(values) * sum([one * one for one in values]) - total * total)
