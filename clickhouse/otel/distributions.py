"""Percentiles of values of which only intervals are known: buckets of histograms of any bounds.

Within an interval values are taken to lie evenly. Pure.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

_THIN = 1e-300
"""A thinner interval is one value: a count over its width would be no number."""


class Interval(NamedTuple):
    """So many values lie between two bounds, the upper one included."""

    lower: float
    upper: float
    held: float
    """May be negative: what an interval of another width has more."""


def percentiles(
    intervals: Sequence[Interval],
    shares: Sequence[float],
    least: float | None = None,
    most: float | None = None,
) -> list[float | None]:
    """Returns the value below which each share of the values lies; `None` where there are none.

    No value is less than `least` or greater than `most`, where these are known. Without, the first
    interval begins at 0 where its end is greater, and what is beyond the last bound is taken to be
    there.
    """
    known = [_bounded(one, least, most) for one in intervals]
    edges, below = _cumulative(known)
    total = below[-1] if below else 0.0
    if total <= 0:
        return [None] * len(shares)
    return [_at(edges, below, share * total) for share in shares]


def _bounded(one: Interval, least: float | None, most: float | None) -> Interval:
    lower, upper, held = one
    if least is not None and lower < least <= upper:
        lower = least
    if most is not None and lower <= most < upper:
        upper = most
    if math.isinf(lower):
        lower = min(0.0, upper)
    if math.isinf(upper):
        upper = lower
    if not math.isfinite(lower):
        lower = upper = 0.0
    return Interval(lower, upper, held)


def _cumulative(intervals: Sequence[Interval]) -> tuple[list[float], list[float]]:
    """Returns bounds in order, and how many values lie up to each; a bound may come twice.

    Never fewer than before: what an interval of another width has more is evened out at its end.
    """
    density: dict[float, float] = {}
    lumps: dict[float, float] = {}
    for lower, upper, count in intervals:
        width = upper - lower
        if not _THIN < width < math.inf:
            lumps[upper] = lumps.get(upper, 0.0) + count
            continue
        density[lower] = density.get(lower, 0.0) + count / width
        density[upper] = density.get(upper, 0.0) - count / width
    edges: list[float] = []
    below: list[float] = []
    last, rate, sum_ = 0.0, 0.0, 0.0
    for edge in sorted({*density, *lumps}):
        if edges:
            sum_ += rate * (edge - last)
        edges.append(edge)
        below.append(max(sum_, below[-1] if below else 0.0))
        if edge in lumps:
            sum_ += lumps[edge]
            edges.append(edge)
            below.append(max(sum_, below[-1]))
        rate += density.get(edge, 0.0)
        last = edge
    return edges, below


def _at(edges: Sequence[float], below: Sequence[float], rank: float) -> float:
    place = bisect_left(below, rank)
    if place == 0:
        return edges[0]
    if place == len(below):
        return edges[-1]
    lower, upper = below[place - 1], below[place]
    share = (rank - lower) / (upper - lower)
    return edges[place - 1] + share * (edges[place] - edges[place - 1])
