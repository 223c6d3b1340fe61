"""The rates that people set, as a rate of the table: exact, unknown where none is given. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import lcm

from processors.llm.cost.table import COUNTERS, Rate
from schemas.llm.prices import Rates

_PICO = 10**12
_MILLION = 10**6
# The rate that charges a counter, and the counter that its count is part of.
_CHARGES = (
    ("input_tokens", "input", None),
    ("output_tokens", "output", None),
    ("cache_read_tokens", "cache_read", "input_tokens"),
    ("cache_write_tokens", "cache_write", "input_tokens"),
    ("cache_write_1h_tokens", "cache_write_1h", "cache_write_tokens"),
    ("reasoning_tokens", "reasoning", "output_tokens"),
    ("input_audio_tokens", "input_audio", "input_tokens"),
    ("output_audio_tokens", "output_audio", "output_tokens"),
    ("input_image_tokens", "input_image", "input_tokens"),
    ("output_image_tokens", "output_image", "output_tokens"),
    ("web_searches", "web_search", None),
)
_AS_OUTPUT = ("reasoning_tokens", "citation_tokens")
"""Output like any other where nothing is said of them."""


def charges_tokens(rates: Rates) -> bool:
    """Whether anything but the request itself is charged."""
    return any(getattr(rates, name) is not None for _, name, _ in _CHARGES)


def rate_of(rates: Rates) -> Rate:
    """Compiles rates: a part costs what its own rate is beyond that of its whole.

    A request with a rate of its own and nothing else costs that, whatever it counts.
    """
    each: dict[str, Fraction] = {}
    beyond: dict[str, Fraction] = {}
    given: list[str] = []
    for counter, name, whole in _CHARGES:
        usd: Decimal | None = getattr(rates, name)
        above = each[whole] if whole else Fraction(0)
        per = 1 if counter == "web_searches" else _MILLION
        each[counter] = above if usd is None else Fraction(usd) * _PICO / per
        beyond[counter] = each[counter] - above
        if usd is not None:
            given.append(counter)
    request = Fraction(rates.request or Decimal(0)) * _PICO
    divisor = lcm(*(value.denominator for value in (*beyond.values(), request)))
    known = {*given, *_AS_OUTPUT} if given else COUNTERS
    return Rate(
        above=-1,
        per_request=int(request * divisor),
        coefficients=tuple(int(beyond.get(name, Fraction(0)) * divisor) for name in COUNTERS),
        priced=_bits(given),
        divisor=divisor,
        known=_bits(known),
        search_once=False,
    )


def _bits(counters: Iterable[str]) -> int:
    return sum(1 << COUNTERS.index(name) for name in counters)
