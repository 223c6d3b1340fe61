"""Compiles the price data bundled with genai-prices into our table of integer rates.

The only module that imports genai_prices, beside `corrections`, and it is run in a process of its
own (`python -m processors.llm.cost.compile OUT_FILE`): that package and pydantic weigh 40 MB.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from importlib.metadata import version
from math import lcm
from pathlib import Path
from typing import Any

import msgspec
from genai_prices import types as prices
from genai_prices.data_units import unit_data
from genai_prices.units import UnitDef, UnitRegistry

from processors.llm.cost.cache import seal
from processors.llm.cost.corrections import Hours, Since, corrected_providers
from processors.llm.cost.table import COUNTERS, Clause, Epoch, Model, PriceTable, Provider, Rate

PICO = 10**12
DAY_US = 86_400_000_000

# Our counters whose name in the library differs.
_LIBRARY_NAMES = {"reasoning_tokens": "output_reasoning_tokens"}
_POSITIONS = {_LIBRARY_NAMES.get(name, name): i for i, name in enumerate(COUNTERS)}

# Coefficients are stored as 64-bit integers; a quarter is left for sums of them.
_MAX_COEFFICIENT = 2**61
_COARSE_DIVISOR = 10**6


def compile_table() -> PriceTable:
    """The whole bundled snapshot; the same package version always gives the same bytes."""
    registry = UnitRegistry(unit_data)
    providers = tuple(_provider(provider, registry) for provider in corrected_providers())
    digest = hashlib.sha256(msgspec.msgpack.encode(providers)).hexdigest()[:8]
    return PriceTable(f"{version('genai-prices')}-{digest}", providers)


def write_table(path: Path) -> None:
    """Writes the sealed table in one step: a reader sees the old file or the new one whole."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(seal(msgspec.msgpack.encode(compile_table())))
    part.replace(path)


def _provider(provider: Any, registry: UnitRegistry) -> Provider:
    equals: dict[str, int] = {}
    patterns: list[tuple[int, Clause]] = []
    for index, model in enumerate(provider.models):
        for clause in _alternatives(_clause(model.match)):
            if clause.kind == "equals":
                equals.setdefault(clause.text, index)
            else:
                patterns.append((index, clause))
    return Provider(
        id=provider.id,
        provider_match=_clause(provider.provider_match) if provider.provider_match else None,
        model_match=_clause(provider.model_match) if provider.model_match else None,
        fallbacks=tuple(provider.fallback_model_providers or ()),
        models=tuple(_model(model, registry) for model in provider.models),
        equals=equals,
        patterns=tuple(patterns),
    )


def _alternatives(clause: Clause) -> Iterable[Clause]:
    if clause.kind != "or":
        return (clause,)
    return (leaf for part in clause.parts for leaf in _alternatives(part))


def _clause(clause: Any) -> Clause:
    match clause:
        case prices.ClauseOr():
            return Clause("or", "", tuple(_clause(part) for part in clause.or_))
        case prices.ClauseAnd():
            return Clause("and", "", tuple(_clause(part) for part in clause.and_))
        case prices.ClauseRegex():
            return Clause("regex", clause.regex)
        case prices.ClauseEquals():
            return Clause("equals", clause.equals.lower())
        case prices.ClauseStartsWith():
            return Clause("starts_with", clause.starts_with.lower())
        case prices.ClauseEndsWith():
            return Clause("ends_with", clause.ends_with.lower())
        case prices.ClauseContains():
            return Clause("contains", clause.contains.lower())
    raise TypeError(f"genai-prices has a match clause that we do not know: {clause!r}")


def _model(model: Any, registry: UnitRegistry) -> Model:
    if isinstance(model.prices, prices.ModelPrice):
        return Model(model.id, (Epoch("always", 0, 0, _rates(model.prices, registry)),))
    return Model(model.id, tuple(_epoch(price, registry) for price in model.prices))


def _epoch(price: Any, registry: UnitRegistry) -> Epoch:
    rates = _rates(price.prices, registry)
    match price.constraint:
        case None:
            return Epoch("always", 0, 0, rates)
        case prices.StartDateConstraint(start_date=day):
            return Epoch("from", _midnight_us(day), 0, rates)
        case prices.TimeOfDateConstraint(start_time=start, end_time=end):
            return Epoch("daily", _time_of_day_us(start), _time_of_day_us(end), rates)
        case Since(moment=moment):
            return Epoch("from", _moment_us(moment), 0, rates)
        case Hours(start_time=start, end_time=end, since=since, working_days_since=working_days):
            times = _time_of_day_us(start), _time_of_day_us(end)
            starts = _moment_us(since), _moment_us(working_days)
            return Epoch("daily", *times, rates, *starts)
    raise TypeError(f"genai-prices has a condition that we do not know: {price.constraint!r}")


def _moment_us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _midnight_us(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_US


def _time_of_day_us(value: time) -> int:
    moment = datetime.combine(date(1970, 1, 2), value, value.tzinfo or UTC).astimezone(UTC)
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 10**6 + moment.microsecond


def _rates(price: Any, registry: UnitRegistry) -> tuple[Rate, ...]:
    listed = [
        (registry.unit_for_price_key(key), value)
        for key, value in vars(price).items()
        if value is not None
    ]
    chargeable = {"tokens", "requests"}
    if listed and not any(unit.dimensions["family"] in chargeable for unit, _ in listed):
        return ()  # by the audio hour, page or character: no trace reports those
    starts = {tier.start for _, value in listed for tier in getattr(value, "tiers", ())}
    return tuple(_rate(above, listed) for above in (-1, *sorted(starts)))


def _rate(above: int, listed: list[tuple[UnitDef, Any]]) -> Rate:
    picos = {unit.usage_key: _pico(unit, value, above) for unit, value in listed}
    per_request = picos.pop("requests", Fraction(0))
    units = [unit for unit, _ in listed if unit.usage_key in picos]
    exact = [Fraction(0)] * len(COUNTERS)
    for usage_key, coefficient in _coefficients(units, picos).items():
        if usage_key in _POSITIONS:
            exact[_POSITIONS[usage_key]] = coefficient
    priced = sum(1 << position for key, position in _POSITIONS.items() if key in picos)
    divisor = lcm(*(value.denominator for value in (*exact, per_request)))
    if max(abs(value) for value in (*exact, per_request)) * divisor > _MAX_COEFFICIENT:
        divisor = _COARSE_DIVISOR
    # round() of a Fraction is half to even.
    scaled = tuple(round(value * divisor) for value in exact)
    return Rate(above, round(per_request * divisor), scaled, priced, divisor)


def _pico(unit: UnitDef, value: Any, above: int) -> Fraction:
    """Pico-dollars for one of the unit when the total input is just over `above`."""
    usd = value
    if isinstance(value, prices.TieredPrices):
        reached = [tier.price for tier in value.tiers if tier.start <= above]
        usd = reached[-1] if reached else value.base
    return Fraction(usd) * Fraction(PICO, unit.per)


def _coefficients(units: list[UnitDef], picos: dict[str, Fraction]) -> dict[str, Fraction]:
    """Turns rates of disjoint leaves into coefficients of inclusive totals (decompose.py).

    A leaf is its total less the leaves below it, so a unit's coefficient is its rate less the
    coefficients above it: every leaf above contains it already.
    """
    coefficients: dict[str, Fraction] = {}
    for unit in sorted(units, key=lambda unit: (len(unit.dimensions), unit.usage_key)):
        above = (
            coefficients[other.usage_key]
            for other in units
            if other is not unit and other.dimensions.items() < unit.dimensions.items()
        )
        coefficients[unit.usage_key] = picos[unit.usage_key] - sum(above, Fraction(0))
    return coefficients


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
