"""A tariff: one rate of a model under its id, and what a usage costs by it. Pure."""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

from msgspec import Struct, structs

from processors.llm.cost.explain import Explanation, Modifier, parts_of
from processors.llm.cost.fit import fit_counts, lacking_rates
from processors.llm.cost.table import COUNTERS, Factor, Rate
from processors.llm.cost.usage import Usage

# What the store's Decimal(38, 12) holds. A million dollars for one call is a broken sender.
MAX_COST_PICO_USD = 10**18 - 1


class Quote(NamedTuple):
    """A cost and the id of the price list row it came from."""

    cost_pico_usd: int
    price_id: str


class Tariff(Struct, frozen=True, gc=False):
    """A rate with all that the hot path reads laid out flat."""

    price_id: str
    above: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    one_hour: int
    per_request: int
    divisor: int
    is_plain: bool  # input and output have a rate, which is that of reasoning too
    lacks_cache: bool  # one of the next three
    lacks: tuple[bool, bool, bool]  # whether a cache read, a write, one for an hour have no rate
    rate: Rate


def tariff_of(price_id: str, rate: Rate) -> Tariff:
    input_, output, cache_read, cache_write, one_hour, reasoning, *_ = rate.coefficients
    known = [bool(rate.known >> bit & 1) for bit in range(6)]
    return Tariff(
        price_id=price_id,
        above=rate.above,
        input=input_,
        output=output,
        cache_read=cache_read,
        cache_write=cache_write,
        one_hour=one_hour,
        per_request=rate.per_request,
        divisor=rate.divisor,
        is_plain=known[0] and known[1] and known[5] and reasoning == 0,
        lacks_cache=not all(known[2:5]),
        lacks=(not known[2], not known[3], not known[4]),
        rate=rate,
    )


def multiplied(tariff: Tariff, factor: Factor) -> Tariff:
    """The tariff with every rate of tokens times the factor; other charges stay."""
    rate = tariff.rate
    scaled = [
        value * (factor.numerator if name.endswith("_tokens") else factor.denominator)
        for name, value in zip(COUNTERS, rate.coefficients, strict=True)
    ]
    per_request = rate.per_request * factor.denominator
    divisor = rate.divisor * factor.denominator
    common = gcd(divisor, per_request, *scaled)
    changed = structs.replace(
        rate,
        per_request=per_request // common,
        coefficients=tuple(value // common for value in scaled),
        divisor=divisor // common,
    )
    return tariff_of(f"{tariff.price_id}+{factor.term[0]}={factor.term[1]}", changed)


def quote_of(tariff: Tariff, usage: Usage) -> Quote | None:
    """What a usage costs by a tariff, or None where that is unknown."""
    input_tokens = usage.input_tokens
    output_tokens = usage.output_tokens
    cost: int | None
    if input_tokens is None or output_tokens is None or usage.extras or not tariff.is_plain:
        cost = _full_cost(tariff.rate, usage)
    else:
        cost = tariff.per_request + input_tokens * tariff.input + output_tokens * tariff.output
        cache_read = usage.cache_read_tokens or 0
        cache_write = usage.cache_write_tokens or 0
        one_hour = usage.cache_write_1h_tokens or 0
        if cache_read or cache_write or one_hour:
            if cache_read + cache_write > input_tokens or one_hour > cache_write:
                cost = _full_cost(tariff.rate, usage)
            elif tariff.lacks_cache and _lacks(tariff, cache_read, cache_write, one_hour):
                return None
            else:
                cost += (
                    cache_read * tariff.cache_read
                    + cache_write * tariff.cache_write
                    + one_hour * tariff.one_hour
                )
    if cost is None:
        return None
    if tariff.divisor != 1:
        cost = _divide_half_even(cost, tariff.divisor)
    return Quote(cost, tariff.price_id) if cost <= MAX_COST_PICO_USD else None


def _lacks(tariff: Tariff, cache_read: int, cache_write: int, one_hour: int) -> bool:
    lacks_read, lacks_write, lacks_one_hour = tariff.lacks
    return bool(
        (cache_read and lacks_read)
        or (cache_write and lacks_write)
        or (one_hour and lacks_one_hour)
    )


def _full_cost(rate: Rate, usage: Usage) -> int | None:
    """The cost times the divisor, or None where a part or a charge has no rate."""
    if lacking_rates(usage, rate) or (usage.extras is not None and usage.extras.unlisted):
        return None
    charged = zip(rate.coefficients, fit_counts(usage, rate), strict=True)
    return rate.per_request + sum(coefficient * count for coefficient, count in charged)


def explained(tariff: Tariff, usage: Usage, modifiers: tuple[Modifier, ...]) -> Explanation:
    parts = parts_of(tariff.rate, usage)
    lacking = [f"rate:{name}" for name in lacking_rates(usage, tariff.rate)]
    unlisted = usage.extras.unlisted if usage.extras else ()
    reasons = (*lacking, *(f"charge:{name}" for name in unlisted))
    quote = quote_of(tariff, usage)
    if quote is None:
        return Explanation(None, tariff.price_id, parts, modifiers, reasons or ("amount",))
    return Explanation(*quote, parts, modifiers)


def _divide_half_even(cost: int, divisor: int) -> int:
    quotient, remainder = divmod(cost, divisor)
    twice = 2 * remainder
    return quotient + (twice > divisor or (twice == divisor and quotient % 2 == 1))
