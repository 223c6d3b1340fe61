"""How a cost comes about, part by part, and why one is unknown. Pure: a rate and a usage in.

The words for why one is unknown stand in `reasons`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from processors.llm.cost.fit import counts_of, fit_counts, lacking_rates
from processors.llm.cost.table import COUNTERS, Rate
from processors.llm.cost.usage import Usage

# What each part is a part of.
_WHOLES: dict[str, frozenset[str]] = {
    "cache_read_tokens": frozenset({"input_tokens"}),
    "cache_write_tokens": frozenset({"input_tokens"}),
    "cache_write_1h_tokens": frozenset({"input_tokens", "cache_write_tokens"}),
    "reasoning_tokens": frozenset({"output_tokens"}),
    "citation_tokens": frozenset({"output_tokens"}),
    "input_audio_tokens": frozenset({"input_tokens"}),
    "input_image_tokens": frozenset({"input_tokens"}),
    "input_video_tokens": frozenset({"input_tokens"}),
    "output_audio_tokens": frozenset({"output_tokens"}),
    "output_image_tokens": frozenset({"output_tokens"}),
    "output_video_tokens": frozenset({"output_tokens"}),
    "cache_audio_read_tokens": frozenset(
        {"input_tokens", "cache_read_tokens", "input_audio_tokens"}
    ),
    "cache_image_read_tokens": frozenset(
        {"input_tokens", "cache_read_tokens", "input_image_tokens"}
    ),
}
_NONE: frozenset[str] = frozenset()


class Part(NamedTuple):
    """One part of a cost. A token stands in one part only: in the one with the narrowest rate."""

    name: str  # of COUNTERS, or "requests"
    units: int
    rate_pico: Fraction | None  # for one; None where unknown
    amount_pico: Fraction | None


class Modifier(NamedTuple):
    """A term of the call that changed its price."""

    key: str
    value: str
    factor: Fraction | None  # on every token rate; None: the list has other rates for the term


class Explanation(NamedTuple):
    """How a cost comes about. Without a cost, `reasons` say why."""

    cost_pico_usd: int | None
    price_id: str | None
    parts: tuple[Part, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    reasons: tuple[str, ...] = ()


def parts_of(rate: Rate, usage: Usage) -> tuple[Part, ...]:
    """The parts in the order of COUNTERS. They add up to the cost before it is rounded."""
    fitted = dict(zip(COUNTERS, fit_counts(usage, rate), strict=True))
    coefficients = dict(zip(COUNTERS, rate.coefficients, strict=True))
    named = [name for bit, name in enumerate(COUNTERS) if rate.priced >> bit & 1]
    sent = dict(zip(COUNTERS, counts_of(usage), strict=True))
    parts = []
    if rate.per_request:
        parts.append(_part("requests", 1, Fraction(rate.per_request, rate.divisor)))
    own = _leaves(fitted, named)
    lacking = lacking_rates(usage, rate)
    _take_out(own, {name: sent[name] for name in lacking})
    for name in COUNTERS:
        if name in lacking:
            parts.append(Part(name, sent[name], None, None))
        elif own.get(name):
            above = coefficients[name] + sum(coefficients[w] for w in _WHOLES.get(name, _NONE))
            parts.append(_part(name, own[name], Fraction(above, rate.divisor)))
    return tuple(parts)


def _leaves(fitted: dict[str, int], named: list[str]) -> dict[str, int]:
    """Of each named count what no named part of it has, the narrowest first."""
    leaves: dict[str, int] = {}
    for name in sorted(named, key=lambda name: -len(_WHOLES.get(name, _NONE))):
        inside = (leaves[part] for part in leaves if name in _WHOLES.get(part, _NONE))
        leaves[name] = fitted[name] - sum(inside)
    return leaves


def _take_out(leaves: dict[str, int], lacking: dict[str, int]) -> None:
    """Takes what has no rate out of what it is part of."""
    for name, count in lacking.items():
        wholes = sorted(_WHOLES.get(name, _NONE), key=lambda whole: -len(_WHOLES.get(whole, _NONE)))
        for whole in (whole for whole in wholes if leaves.get(whole)):
            leaves[whole] -= min(leaves[whole], count)
            break


def _part(name: str, count: int, rate_pico: Fraction) -> Part:
    return Part(name, count, rate_pico, rate_pico * count)
