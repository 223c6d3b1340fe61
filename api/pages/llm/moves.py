"""What moved most between a range and the time before: of which model, user, feature. Pure.

Totals are held against the traffic: where all calls became fewer by a third, no model is news whose
calls did too. Rates (of errors, cost and time of a call) are held against what they were. Whatever
chance does anyway is no move.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from api.pages.llm.measures import MEASURES, Measure
from api.pages.parts.filters import Term, written
from clickhouse.llm.differences import Figures, Side
from clickhouse.llm.rollups import METADATA

SHOWN = 8
MOST_OF_ONE = 2
"""Measures of the same value."""
LEAST_SHARE = 0.02
"""Of the whole: what moved less is no news."""
NOISE = 3.0
"""Events that come by chance differ by so many square roots of their number and more but rarely."""
SPREAD = 1.7
"""Of the mean cost and of the p95 of one call, as a share of it; latencies and costs spread so."""
LEAST_CALLS = 20
"""On each side, for a mean or a p95 to say anything."""
LEAST_ERRORS = 5
MOST_SURPRISE = math.log(20)
"""A value that is new is as surprising as one that has become twenty times what it was."""
EXPLAINED = {"cost": "cost_per_call", "errors": "error_rate"}
"""A total moved because of a rate: the rate says more."""


class Move(NamedTuple):
    """A group whose figure differs from what it was."""

    dimension: str
    value: str | None
    measure: Measure
    now: float
    before: float
    share: float
    """Of what moved, in the whole of its kind: calls, dollars, errors."""

    @property
    def difference(self) -> float:
        """How much it rose, or fell."""
        return self.now - self.before

    @property
    def is_worse(self) -> bool:
        """Whether nobody wants this."""
        return self.difference > 0 and self.measure.name in ("errors", "error_rate", "p95")

    @property
    def where(self) -> str | None:
        """The filter of the calls behind it."""
        return written([Term(self.dimension, self.value or "")])

    @property
    def weight(self) -> float:
        """By which the largest is found: how much of the whole, and how unexpected."""
        ratio = self.now / self.before if self.now and self.before else math.inf
        return self.share * min(abs(math.log(ratio)), MOST_SURPRISE)


class _Whole(NamedTuple):
    now: Figures
    before: Figures

    @property
    def growth(self) -> float:
        """How much more calls there are than before."""
        return self.now.calls / self.before.calls if self.before.calls else 1.0


def moves_of(sides: Mapping[str, Side]) -> list[Move]:
    """Returns the largest moves; `sides` are those of each dimension."""
    found = [
        move
        for dimension, side in sides.items()
        for value in side.now.keys() | side.before.keys()
        for move in _of_value(dimension, value, side)
    ]
    shown: list[Move] = []
    for move in sorted(found, key=lambda one: (-one.weight, one.dimension, str(one.value))):
        of_same = [one for one in shown if one[:2] == move[:2]]
        if len(of_same) < MOST_OF_ONE and len(shown) < SHOWN:
            shown.append(move)
    return shown


def _of_value(dimension: str, value: str | None, side: Side) -> list[Move]:
    whole = _Whole(_added(side.now.values()), _added(side.before.values()))
    now, before = side.now.get(value, Figures()), side.before.get(value, Figures())
    # Of a key of the metadata, totals move with each release and batch; rates do not.
    totals = {} if dimension.startswith(METADATA) else _totals(now, before, whole)
    found = {**totals, **_rates(now, before, whole)}
    return [
        Move(dimension, value, MEASURES[name], *numbers)
        for name, numbers in found.items()
        if numbers[2] >= LEAST_SHARE and EXPLAINED.get(name) not in found
    ]


def _totals(now: Figures, before: Figures, whole: _Whole) -> dict[str, tuple[float, float, float]]:
    found = {}
    for name, at in (("calls", 0), ("cost", 2), ("errors", 1)):
        news, olds = float(now[at] or 0), float(before[at] or 0)
        expected = olds * whole.growth
        most = max(float(whole.now[at] or 0), float(whole.before[at] or 0) * whole.growth)
        noise = NOISE * (
            (news + expected) / math.sqrt(max(now.calls + before.calls, 1))
            if name == "cost"
            else math.sqrt(news + expected)
        )
        if most and abs(news - expected) >= noise and news != expected:
            found[name] = (news, olds, abs(news - expected) / most)
    return found


def _rates(now: Figures, before: Figures, whole: _Whole) -> dict[str, tuple[float, float, float]]:
    if min(now.calls, before.calls) < LEAST_CALLS:
        return {}
    found = {}
    news, olds = now.errors / now.calls, before.errors / before.calls
    if _is_rate_sure(now, before):
        share = abs(news - olds) * now.calls / max(whole.now.errors, whole.before.errors)
        found["error_rate"] = (news * 100, olds * 100, min(share, 1.0))
    news, olds = now.cost_cents / now.calls, before.cost_cents / before.calls
    if _is_mean_sure(news, olds, now, before):
        most = max(whole.now.cost_cents, whole.before.cost_cents * whole.growth)
        found["cost_per_call"] = (news, olds, min(abs(news - olds) * now.calls / most, 1.0))
    if now.p95_ms and before.p95_ms and _is_mean_sure(now.p95_ms, before.p95_ms, now, before):
        found["p95"] = (now.p95_ms, before.p95_ms, now.calls / whole.now.calls)
    return found


def _is_rate_sure(now: Figures, before: Figures) -> bool:
    errors, calls = now.errors + before.errors, now.calls + before.calls
    if errors < LEAST_ERRORS:
        return False
    rate = errors / calls
    noise = math.sqrt(rate * (1 - rate) * (1 / now.calls + 1 / before.calls))
    return abs(now.errors / now.calls - before.errors / before.calls) > NOISE * noise


def _is_mean_sure(news: float, olds: float, now: Figures, before: Figures) -> bool:
    if not news or not olds:
        return False
    noise = SPREAD * math.sqrt(1 / now.calls + 1 / before.calls)
    return abs(math.log(news / olds)) > NOISE * noise


def _added(figures: Iterable[Figures]) -> Figures:
    each = list(figures)
    return Figures(
        sum(one.calls for one in each),
        sum(one.errors for one in each),
        sum(one.cost_cents for one in each),
    )
