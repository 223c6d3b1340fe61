"""Corrects the bundled price data by `corrections.toml` before it is compiled. Part of `compile`.

An entry whose provider or model is not in the data, or that changes nothing, stops the compiler: a
newer genai-prices has it, and the entry is to be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from genai_prices import types as prices
from genai_prices.data import providers as bundled_providers
from msgspec import Struct

_FILE = Path(__file__).with_name("corrections.toml")


@dataclass(frozen=True)
class Since:
    """A price starts at a moment."""

    moment: datetime


@dataclass(frozen=True)
class Hours:
    """A price holds between two times of each day, from a moment; later on working days only."""

    start_time: time
    end_time: time
    since: datetime
    working_days_since: datetime


class _Entry(Struct, forbid_unknown_fields=True, kw_only=True):
    seller: str
    source: str


class _Model(_Entry, kw_only=True):
    """A model that the list lacks."""

    id: str
    equals: list[str] = []
    starts_with: list[str] = []
    rates: dict[str, Decimal]


class _Rate(_Entry, kw_only=True):
    """Rates that a model in the list lacks."""

    model: str
    rates: dict[str, Decimal]


class _Start(_Entry, kw_only=True):
    """The moment at which a price starts that is listed with a date."""

    models: list[str]
    listed: date
    moment: datetime


class _Daily(
    _Entry, kw_only=True, rename={"since": "from", "working_days_since": "working_days_from"}
):
    """What limits the prices of some models that are listed with hours."""

    models: list[str]
    since: datetime
    working_days_since: datetime


class _Span(Struct, forbid_unknown_fields=True):
    start: time
    end: time


class _Peak(
    _Entry, kw_only=True, rename={"since": "from", "working_days_since": "working_days_from"}
):
    """A price by the hour that holds until the next one that the list dates."""

    model: str
    after: date
    hours: list[_Span]
    since: datetime
    working_days_since: datetime
    rates: dict[str, Decimal]


class _Later(_Entry, kw_only=True, rename={"since": "from"}):
    """A price that replaces all that are listed."""

    models: list[str]
    since: datetime
    rates: dict[str, Decimal]


class _Corrections(Struct, forbid_unknown_fields=True):
    model: list[_Model]
    rate: list[_Rate]
    start: list[_Start]
    daily: list[_Daily]
    peak: list[_Peak]
    later: list[_Later]


def corrected_providers() -> list[Any]:
    """The bundled providers with every correction; the bundled objects stay as they are."""
    corrections = msgspec.toml.decode(_FILE.read_bytes(), type=_Corrections)
    providers = {provider.id: _copied(provider) for provider in bundled_providers}
    for added in corrections.model:
        _add_model(providers[added.seller], added)
    for rate in corrections.rate:
        _change(providers, rate.seller, [rate.model], partial(_with_rates, rate))
    for daily in corrections.daily:
        _change(providers, daily.seller, daily.models, partial(_limited, daily))
    for peak in corrections.peak:
        _change(providers, peak.seller, [peak.model], partial(_with_peak, peak))
    for start in corrections.start:
        _change(providers, start.seller, start.models, partial(_timed, start))
    for later in corrections.later:
        _change(providers, later.seller, later.models, partial(_followed, later))
    return list(providers.values())


_Prices = Sequence[Any] | Any  # a ModelPrice, or a list of conditional ones


def _copied(provider: Any) -> Any:
    result = copy(provider)
    result.models = [copy(model) for model in provider.models]
    return result


def _change(
    providers: dict[str, Any], seller: str, ids: Sequence[str], change: Callable[[_Prices], _Prices]
) -> None:
    models = {model.id: model for model in providers[seller].models}
    for model_id in ids:
        model = models[model_id]
        changed = change(model.prices)
        if changed == model.prices:
            raise ValueError(f"a correction of {seller}/{model_id} changes nothing: delete it")
        model.prices = changed


def _add_model(provider: Any, added: _Model) -> None:
    if any(model.id == added.id for model in provider.models):
        raise ValueError(f"{added.seller} lists {added.id}: delete its correction")
    clauses = [
        *(prices.ClauseEquals(equals=name) for name in added.equals),
        *(prices.ClauseStartsWith(starts_with=name) for name in added.starts_with),
    ]
    match = prices.ClauseOr(or_=clauses)
    priced = prices.ModelPrice(**added.rates)
    provider.models.append(prices.ModelInfo(id=added.id, match=match, prices=priced))


def _with_rates(rate: _Rate, listed: _Prices) -> _Prices:
    missing = {name: usd for name, usd in rate.rates.items() if getattr(listed, name) is None}
    changed = copy(listed)
    changed.__dict__.update(missing)
    return changed


def _limited(daily: _Daily, listed: _Prices) -> _Prices:
    return [
        prices.ConditionalPrice(constraint=_hours(one.constraint, daily), prices=one.prices)
        if isinstance(one.constraint, prices.TimeOfDateConstraint)
        else one
        for one in listed
    ]


def _with_peak(peak: _Peak, listed: _Prices) -> _Prices:
    changed = []
    for one in listed:
        changed.append(one)
        if one.constraint == prices.StartDateConstraint(start_date=peak.after):
            changed += [
                prices.ConditionalPrice(
                    constraint=Hours(span.start, span.end, peak.since, peak.working_days_since),
                    prices=prices.ModelPrice(**peak.rates),
                )
                for span in peak.hours
            ]
    return changed


def _timed(start: _Start, listed: _Prices) -> _Prices:
    dated = prices.StartDateConstraint(start_date=start.listed)
    moment = Since(start.moment)
    return [
        prices.ConditionalPrice(constraint=moment, prices=one.prices)
        if one.constraint == dated
        else one
        for one in listed
    ]


def _followed(later: _Later, listed: _Prices) -> _Prices:
    price = prices.ModelPrice(**later.rates)
    return [*listed, prices.ConditionalPrice(constraint=Since(later.since), prices=price)]


def _hours(listed: Any, daily: _Daily) -> Hours:
    return Hours(listed.start_time, listed.end_time, daily.since, daily.working_days_since)
