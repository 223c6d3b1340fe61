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

UNKNOWN = prices.ModelPrice()
"""Stands for a price that is not known; another `ModelPrice` without rates is one for nothing."""

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
    """What every entry says: who sells, where it is written, what that says, and when."""

    seller: str
    source: str
    says: str = ""
    read: date | None = None


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


class _Wrong(_Entry, kw_only=True):
    """Rates that are listed otherwise, or listed and not known.

    Of a model with dated prices the first one is meant.
    """

    models: list[str]
    rates: dict[str, Decimal] = {}
    unknown: list[str] = []


class _Long(_Entry, kw_only=True):
    """Rates of a call with more input than this, where the list has the same for any input."""

    models: list[str]
    above: int
    rates: dict[str, Decimal]


class _Named(_Entry, kw_only=True):
    """Names of a model that the list takes for another one's."""

    model: str
    names: list[str]


class _Ended(_Entry, kw_only=True, rename={"since": "from"}):
    """From when on the price of a model is not known."""

    models: list[str]
    since: datetime


class _Withdrawn(_Entry, kw_only=True):
    """Models that the seller does not sell, whatever the list says of their price."""

    models: list[str]


class _NotSoldAs(_Entry, kw_only=True):
    """Whose list does not stand for the seller's own."""

    lists: list[str]


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
    wrong: list[_Wrong]
    long: list[_Long]
    named: list[_Named]
    withdrawn: list[_Withdrawn]
    ended: list[_Ended]
    not_sold_as: list[_NotSoldAs]
    start: list[_Start]
    daily: list[_Daily]
    peak: list[_Peak]
    later: list[_Later]


def corrected_providers() -> list[Any]:
    """The bundled providers with every correction; the bundled objects stay as they are."""
    corrections = msgspec.toml.decode(_FILE.read_bytes(), type=_Corrections)
    providers = {provider.id: _copied(provider) for provider in bundled_providers}
    _correct_names(providers, corrections)
    _correct_prices(providers, corrections)
    return list(providers.values())


def _correct_names(providers: dict[str, Any], corrections: _Corrections) -> None:
    for withdrawn in corrections.withdrawn:
        _withdraw(providers[withdrawn.seller], withdrawn)
    for named in corrections.named:
        _name(providers[named.seller], named)
    for added in corrections.model:
        _add_model(providers[added.seller], added)
    for other in corrections.not_sold_as:
        provider = providers[other.seller]
        listed = provider.fallback_model_providers
        if missing := set(other.lists) - set(listed):
            raise ValueError(f"{other.seller} does not fall back to {missing}: delete it")
        provider.fallback_model_providers = [one for one in listed if one not in other.lists]


def _correct_prices(providers: dict[str, Any], corrections: _Corrections) -> None:
    for rate in corrections.rate:
        _change(providers, rate.seller, [rate.model], partial(_with_rates, rate))
    for wrong in corrections.wrong:
        _change(providers, wrong.seller, wrong.models, partial(_righted, wrong))
    for long in corrections.long:
        _change(providers, long.seller, long.models, partial(_tiered, long))
    for ended in corrections.ended:
        _change(providers, ended.seller, ended.models, partial(_until, ended))
    for daily in corrections.daily:
        _change(providers, daily.seller, daily.models, partial(_limited, daily))
    for peak in corrections.peak:
        _change(providers, peak.seller, [peak.model], partial(_with_peak, peak))
    for start in corrections.start:
        _change(providers, start.seller, start.models, partial(_timed, start))
    for later in corrections.later:
        _change(providers, later.seller, later.models, partial(_followed, later))


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
    priced = prices.ModelPrice(**added.rates)
    model = prices.ModelInfo(id=added.id, match=prices.ClauseOr(or_=clauses), prices=priced)
    provider.models.insert(0, model)  # before those whose loose clauses take its name too


def _withdraw(provider: Any, withdrawn: _Withdrawn) -> None:
    ids = {model.id for model in provider.models}
    if missing := set(withdrawn.models) - ids:
        raise ValueError(f"{withdrawn.seller} does not list {missing}: delete the correction")
    provider.models = [one for one in provider.models if one.id not in withdrawn.models]


def _name(provider: Any, named: _Named) -> None:
    model = next(one for one in provider.models if one.id == named.model)
    names = [prices.ClauseStartsWith(starts_with=name) for name in named.names]
    model.match = prices.ClauseOr(or_=[model.match, *names])
    provider.models.remove(model)
    provider.models.insert(0, model)


def _with_rates(rate: _Rate, listed: _Prices) -> _Prices:
    missing = {name: usd for name, usd in rate.rates.items() if getattr(listed, name) is None}
    changed = copy(listed)
    changed.__dict__.update(missing)
    return changed


def _righted(wrong: _Wrong, listed: _Prices) -> _Prices:
    if not isinstance(listed, list):
        changed = copy(listed)
        changed.__dict__.update(wrong.rates)
        changed.__dict__.update(dict.fromkeys(wrong.unknown))
        return changed
    first, *others = listed
    righted = _righted(wrong, first.prices)
    return [prices.ConditionalPrice(constraint=first.constraint, prices=righted), *others]


def _tiered(long: _Long, listed: _Prices) -> _Prices:
    changed = copy(listed)
    for name, usd in long.rates.items():
        base = getattr(listed, name)
        if isinstance(base, prices.TieredPrices):
            return listed  # the list has a price for long inputs by now
        if base is not None:
            tiers = [prices.Tier(start=long.above, price=usd)]
            changed.__dict__[name] = prices.TieredPrices(base=base, tiers=tiers)
    return changed


def _until(ended: _Ended, listed: _Prices) -> _Prices:
    always = prices.ConditionalPrice(prices=listed)
    return [always, prices.ConditionalPrice(constraint=Since(ended.since), prices=UNKNOWN)]


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
