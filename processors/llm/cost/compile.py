"""Compiles the price data bundled with genai-prices into our table of integer rates.

The only module that imports genai_prices, beside `corrections`, and it is run in a process of its
own (`python -m processors.llm.cost.compile OUT_FILE`): that package and pydantic weigh 40 MB.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from copy import copy
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from math import lcm
from pathlib import Path
from typing import Any

import msgspec
from genai_prices import types as prices
from genai_prices.data_units import unit_data
from genai_prices.units import UnitDef, UnitRegistry

from processors.llm.cost.cache import seal
from processors.llm.cost.corrections import UNKNOWN, Hours, Since, corrected_providers
from processors.llm.cost.overlay import ALWAYS_US, ListedVariant, Notes, Overlay, start_of, term_of
from processors.llm.cost.table import (
    COUNTERS,
    Clause,
    Epoch,
    Model,
    PriceTable,
    Provider,
    Rate,
    Variant,
)

PICO = 10**12
_NOT_TOLD = Decimal("NaN")
"""Stands for a rate that a term has for long inputs, and nobody lists."""
DAY_US = 86_400_000_000

# Our counters whose name in the library differs.
_LIBRARY_NAMES = {
    "reasoning_tokens": "output_reasoning_tokens",
    "citation_tokens": "output_citation_tokens",
    "file_searches": "storage_searches",
    "audio_ms": "audio_seconds",
}
_POSITIONS = {_LIBRARY_NAMES.get(name, name): i for i, name in enumerate(COUNTERS)}
_TOKENS = frozenset(name for name in COUNTERS if name.endswith("_tokens"))
# What is part of its whole at the rate of its whole, unless it has one of its own: providers name
# one price for text, images and video, and for reasoning and answer.
_INCLUDED = {
    "input_image_tokens": "input_tokens",
    "input_video_tokens": "input_tokens",
    "cache_image_read_tokens": "cache_read_tokens",
    "reasoning_tokens": "output_tokens",
}

# Coefficients are stored as 64-bit integers; a quarter is left for sums of them.
_MAX_COEFFICIENT = 2**61
_COARSE_DIVISOR = 10**6


def compile_table() -> PriceTable:
    """The whole bundled snapshot; the same package version always gives the same bytes."""
    registry = UnitRegistry(unit_data)
    overlay = Overlay()
    providers = tuple(_provider(provider, registry, overlay) for provider in corrected_providers())
    factors = overlay.factors()
    digest = hashlib.sha256(msgspec.msgpack.encode((providers, factors))).hexdigest()[:8]
    return PriceTable(f"{version('genai-prices')}-{digest}", providers, factors)


def write_table(path: Path) -> None:
    """Writes the sealed table in one step: a reader sees the old file or the new one whole."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(seal(msgspec.msgpack.encode(compile_table())))
    part.replace(path)


def _provider(provider: Any, registry: UnitRegistry, overlay: Overlay) -> Provider:
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
        models=tuple(_model(provider.id, model, registry, overlay) for model in provider.models),
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


def _model(seller: str, model: Any, registry: UnitRegistry, overlay: Overlay) -> Model:
    notes = overlay.notes(seller, model.id)

    def epochs(change: _Change) -> tuple[Epoch, ...]:
        if isinstance(model.prices, prices.ModelPrice):
            return (Epoch("always", 0, 0, _rates(change(model.prices), registry, notes)),)
        return tuple(_epoch(price, change, registry, notes) for price in model.prices)

    changes = [*_own_changes(model), *_added_changes(overlay.variants(seller, model.id))]
    variants = (Variant(seller, term, start, epochs(change)) for term, start, change in changes)
    in_order = sorted(variants, key=lambda variant: variant.start_us)
    return Model(model.id, epochs(lambda price: price), tuple(in_order))


_Change = Callable[[Any], Any]  # from a ModelPrice to another


def _own_changes(model: Any) -> Iterable[tuple[tuple[str, str], int, _Change]]:
    """The library's variants, by one term and start: of those that hold, the first one counts."""
    listed = [(v, _variant_start(v)) for v in model.price_variants or () if len(v.when) == 1]
    for variant, start in listed:
        holding = [
            other.prices.__dict__
            for other, begun in listed
            if other.when == variant.when and begun <= start
        ]
        (term,) = variant.when.items()
        yield term, start, partial(_replace, holding)


def _replace(holding: list[dict[str, Any]], price: Any) -> Any:
    resolved = copy(price)
    for overrides in reversed(holding):
        resolved.__dict__.update({k: v for k, v in overrides.items() if v is not None})
    for key, value in vars(price).items():
        resolved.__dict__[key] = _as_long(value, getattr(resolved, key))
    return resolved


def _as_long(standard: Any, replaced: Any) -> Any:
    """The price under a term; where only the standard one tells of long inputs, unknown for them.

    Providers exclude long inputs from a term, or do not say what they cost.
    """
    is_told = isinstance(replaced, prices.TieredPrices) or replaced is None
    if is_told or not isinstance(standard, prices.TieredPrices):
        return replaced
    unknown = [prices.Tier(start=tier.start, price=_NOT_TOLD) for tier in standard.tiers]
    return prices.TieredPrices(base=replaced, tiers=unknown)


def _variant_start(variant: Any) -> int:
    match variant.constraint:
        case None:
            return ALWAYS_US
        case prices.StartDateConstraint(start_date=day):
            return start_of(day)
    raise TypeError(f"genai-prices has a condition that we do not know: {variant.constraint!r}")


def _added_changes(
    added: list[ListedVariant],
) -> Iterable[tuple[tuple[str, str], int, _Change]]:
    for variant in added:
        yield term_of(variant.term), start_of(variant.start), partial(_change_by, variant)


def _change_by(variant: ListedVariant, price: Any) -> Any:
    changed = copy(price)
    for key, value in vars(price).items():
        if variant.factor is None or value is None or not key.endswith("_mtok"):
            continue
        if f"{key.removesuffix('_mtok')}_tokens" not in variant.keep:
            changed.__dict__[key] = _times(value, variant.factor)
    changed.__dict__.update(variant.prices)
    return changed


def _times(value: Any, factor: Decimal) -> Any:
    if not isinstance(value, prices.TieredPrices):
        return value * factor
    tiers = [prices.Tier(start=tier.start, price=tier.price * factor) for tier in value.tiers]
    return prices.TieredPrices(base=value.base * factor, tiers=tiers)


def _epoch(price: Any, change: _Change, registry: UnitRegistry, notes: Notes) -> Epoch:
    is_known = price.prices is not UNKNOWN
    rates = _rates(change(price.prices), registry, notes) if is_known else ()
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


def _rates(price: Any, registry: UnitRegistry, notes: Notes) -> tuple[Rate, ...]:
    listed = [
        (registry.unit_for_price_key(key), value)
        for key, value in vars(price).items()
        if value is not None
    ]
    chargeable = {"tokens", "requests", "durations"}
    if listed and not any(unit.dimensions["family"] in chargeable for unit, _ in listed):
        return ()  # by the page or character: no trace reports those
    starts = {tier.start for _, value in listed for tier in getattr(value, "tiers", ())}
    return tuple(_rate(above, listed, notes) for above in (-1, *sorted(starts)))


def _rate(above: int, listed: list[tuple[UnitDef, Any]], notes: Notes) -> Rate:
    told = [(unit, value) for unit, value in listed if not _usd(value, above).is_nan()]
    picos = {unit.usage_key: _pico(unit, value, above) for unit, value in told}
    per_request = picos.pop("requests", Fraction(0))
    units = [unit for unit, _ in told if unit.usage_key in picos]
    exact = [Fraction(0)] * len(COUNTERS)
    for usage_key, coefficient in _coefficients(units, picos).items():
        if usage_key in _POSITIONS:
            exact[_POSITIONS[usage_key]] = coefficient
    exact[_POSITIONS["audio_seconds"]] = _pico_per_audio_ms(picos)
    named = {COUNTERS[position] for key, position in _POSITIONS.items() if key in picos}
    for counter, usd in notes.usd.items():
        if counter not in named:
            exact[COUNTERS.index(counter)] = Fraction(usd) * PICO
            named.add(counter)
    divisor = lcm(*(value.denominator for value in (*exact, per_request)))
    if max(abs(value) for value in (*exact, per_request)) * divisor > _MAX_COEFFICIENT:
        divisor = _COARSE_DIVISOR
    # round() of a Fraction is half to even.
    scaled = tuple(round(value * divisor) for value in exact)
    is_free = not any(picos.values()) and not per_request and told == listed
    known = named | (_TOKENS if is_free else _included(named, notes)) - notes.excluded
    once = notes.search_once
    return Rate(
        above, round(per_request * divisor), scaled, _bits(named), divisor, _bits(known), once
    )


def _included(named: set[str], notes: Notes) -> set[str]:
    return {part for part, whole in _INCLUDED.items() if whole in named} | notes.included


def _pico_per_audio_ms(picos: dict[str, Fraction]) -> Fraction:
    per_second = picos.get("input_audio_seconds", picos.get("audio_seconds", Fraction(0)))
    return per_second / 1000


def _bits(names: Iterable[str]) -> int:
    return sum(1 << COUNTERS.index(name) for name in set(names))


def _pico(unit: UnitDef, value: Any, above: int) -> Fraction:
    """Pico-dollars for one of the unit when the total input is just over `above`."""
    return Fraction(_usd(value, above)) * Fraction(PICO, unit.per)


def _usd(value: Any, above: int) -> Decimal:
    usd = value
    if isinstance(value, prices.TieredPrices):
        reached = [tier.price for tier in value.tiers if tier.start <= above]
        usd = reached[-1] if reached else value.base
    return Decimal(usd)


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
