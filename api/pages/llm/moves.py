"""What moved most between a range and the time before: of which model, user, environment. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from api.pages.llm.measures import MEASURES, Measure
from api.pages.parts.filters import Term, written
from schemas.llm.answers import SummedGroup

DIMENSIONS = ("model", "user", "environment")
MEASURED = ("cost", "calls", "errors")
SHOWN = 8
LEAST_SHARE = 0.02
"""Of the whole: what moved less is no news."""
NOISE = 3.0
"""Events that come by chance differ by so many square roots of their number and more but rarely."""

Both = tuple[Sequence[SummedGroup], Sequence[SummedGroup]]


class Move(NamedTuple):
    """A group whose figure differs from what it was."""

    dimension: str
    value: str | None
    measure: Measure
    now: float
    before: float
    share: float
    """Of the difference in the whole of the larger range."""

    @property
    def difference(self) -> float:
        """How much it rose, or fell."""
        return self.now - self.before

    @property
    def where(self) -> str | None:
        """The filter of the calls behind it."""
        return written([Term(self.dimension, self.value or "")])


def moves_of(groups: Sequence[Both]) -> list[Move]:
    """Returns the largest moves; `groups` are those of each dimension, now and before."""
    found = [
        move
        for dimension, both in zip(DIMENSIONS, groups, strict=True)
        for name in MEASURED
        for move in _moves(dimension, MEASURES[name], both)
    ]
    return sorted(found, key=lambda move: -move.share)[:SHOWN]


def _moves(dimension: str, measure: Measure, both: Both) -> list[Move]:
    now, before = (
        {group.key[dimension]: measure.of(group) or 0.0 for group in groups} for groups in both
    )
    calls: dict[str | None, int] = {}
    for group in (*both[0], *both[1]):
        calls[group.key[dimension]] = calls.get(group.key[dimension], 0) + group.requests
    whole = max(sum(now.values()), sum(before.values()))
    moves = []
    for value in now.keys() | before.keys():
        news, olds = now.get(value, 0.0), before.get(value, 0.0)
        share = abs(news - olds) / whole if whole else 0.0
        if share >= LEAST_SHARE and not _is_noise(measure, news, olds, calls[value]):
            moves.append(Move(dimension, value, measure, news, olds, share))
    return moves


def _is_noise(measure: Measure, now: float, before: float, calls: int) -> bool:
    if measure.unit == "count":
        return abs(now - before) < NOISE * math.sqrt(now + before)
    # A sum over calls: as uncertain as their number.
    return abs(now - before) < NOISE * (now + before) / math.sqrt(calls)
