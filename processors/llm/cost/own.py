"""A project's own prices and aliases before the price list: pure, as the list's own book is.

The rules:
1. An own price for the model that answered counts, else one for the model asked for.
2. Of several that fit on the day of the call the most exact counts: a whole name before a
   beginning, a longer beginning before a shorter one, a named provider before any.
3. Then an alias says under which name the price list is asked, chosen by the same order; own prices
   of that name count too. An alias leads to no other alias.
4. Then the price list itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import lcm
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from processors.llm.cost.book import PriceBook, Quote, quoting
from processors.llm.cost.table import COUNTERS, Rate
from processors.llm.cost.usage import Usage
from schemas.llm.prices import Alias, OwnPrice, PriceDocument, Rates, covers, plain
from schemas.projects import ProjectId

OWN = "own"
"""What the price ids of own prices begin with: own/provider/model#number."""

_PICO = 10**12
_MILLION = 10**6
_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_ALWAYS_US = 1 << 62
_MOST_NAMES = 1024
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

T = TypeVar("T", OwnPrice, Alias)


class _Entry(NamedTuple):
    """An own price for a name, with its days as microseconds, and how it prices."""

    price: OwnPrice
    first_us: int
    end_us: int
    price_id: str
    quote: Callable[[Usage], Quote | None] | None
    """`None` for a discount."""


class _Name(NamedTuple):
    """What a name that a sender wrote means to the project."""

    entries: tuple[_Entry, ...]
    provider: str | None
    model: str
    """Both as the price list is asked."""


class OwnBook:
    """Prices the calls of one project; asked as `PriceBook`. Its only state is a bounded cache."""

    def __init__(self, listed: PriceBook, own: PriceDocument) -> None:
        self._listed = listed
        self._aliases = _by_rank(own.aliases, lambda alias: alias.name)
        self._prices = _by_rank(own.prices, lambda price: price.model)
        self._names: dict[tuple[str | None, str], _Name] = {}

    def price(self, provider: str | None, model: str, at_us: int, usage: Usage) -> Quote | None:
        """The cost of a call by one name; as `PriceBook.price`."""
        return self.price_used_or_requested(provider, model, None, at_us, usage)

    def price_used_or_requested(
        self,
        provider: str | None,
        used: str | None,
        requested: str | None,
        at_us: int,
        usage: Usage,
    ) -> Quote | None:
        """The cost of a call; as `PriceBook.price_used_or_requested`, after the own prices."""
        names = [self._name(provider, name) for name in dict.fromkeys((used, requested)) if name]
        for name in names:
            for entry in name.entries:
                if entry.first_us <= at_us < entry.end_us:
                    return self._quote(entry, name, at_us, usage)
        for name in names:
            quote = self._listed.price(name.provider, name.model, at_us, usage)
            if quote is not None:
                return quote
        return None

    def own_price(self, provider: str | None, model: str, at_us: int) -> OwnPrice | None:
        """The own price that counts for a name, if any."""
        entries = self._name(provider, model).entries
        return next((one.price for one in entries if one.first_us <= at_us < one.end_us), None)

    def listed_as(self, provider: str | None, model: str) -> tuple[str | None, str]:
        """Under which provider and name the price list is asked."""
        name = self._name(provider, model)
        return name.provider, name.model

    def _quote(self, entry: _Entry, name: _Name, at_us: int, usage: Usage) -> Quote | None:
        if entry.quote is not None:
            return entry.quote(usage)
        listed = self._listed.price(name.provider, name.model, at_us, usage)
        if listed is None:
            return None
        percent = 100 - Fraction(entry.price.discount_percent or Decimal(0))
        # round() of a Fraction is half to even.
        cost = round(listed.cost_pico_usd * percent / 100)
        return Quote(cost, entry.price_id)

    def _name(self, provider: str | None, model: str) -> _Name:
        found = self._names.get((provider, model))
        if found is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            found = self._names[provider, model] = self._look_up(provider, model)
        return found

    def _look_up(self, provider: str | None, model: str) -> _Name:
        entries = self._entries_of(provider, model)
        sellers = self._sellers(provider, model)
        alias = next((one for one in self._aliases if _fits(one, one.name, sellers, model)), None)
        if alias is None:
            return _Name(entries, provider, model)
        entries += self._entries_of(alias.to_provider, alias.to_model)
        return _Name(entries, alias.to_provider, alias.to_model)

    def _entries_of(self, provider: str | None, model: str) -> tuple[_Entry, ...]:
        sellers = self._sellers(provider, model)
        seller = self._listed.seller(provider, model) or plain(provider)
        return tuple(
            _entry(price, seller)
            for price in self._prices
            if _fits(price, price.model, sellers, model)
        )

    def _sellers(self, provider: str | None, model: str) -> set[str]:
        """The names by which an own price may name the provider: as sent, and the list's id."""
        return {plain(provider), self._listed.seller(provider, model) or "", ""}


Book = PriceBook | OwnBook


class Prices(NamedTuple):
    """With what the calls of each project are priced, at one moment."""

    listed: PriceBook
    own: Mapping[ProjectId, OwnBook] = MappingProxyType({})
    """By the id of the project; the others pay what the list says."""

    def of(self, project_id: ProjectId) -> Book:
        """Returns the book of a project."""
        return self.own.get(project_id, self.listed)


def lacking(rates: Rates, usage: Usage) -> str | None:
    """The first rate that the usage needs and that is not there, `None` where all are."""
    for counter, name, _ in _CHARGES:
        if name != "reasoning" and getattr(usage, counter) and getattr(rates, name) is None:
            return name
    return None


def _fits(entry: OwnPrice | Alias, pattern: str, sellers: Iterable[str], model: str) -> bool:
    return entry.provider in sellers and covers(pattern, plain(model))


def _by_rank(entries: Iterable[T], pattern_of: Callable[[T], str]) -> list[T]:
    """Sorts by rule 2, the most exact first."""

    def rank(entry: T) -> tuple[bool, int, bool]:
        pattern = pattern_of(entry)
        return pattern.endswith("*"), -len(pattern), not entry.provider

    return sorted(entries, key=rank)


def _entry(price: OwnPrice, seller: str) -> _Entry:
    first_us = -_ALWAYS_US if price.valid_from is None else _midnight_us(price.valid_from)
    end_us = _ALWAYS_US
    if price.valid_until is not None and price.valid_until < date.max:
        end_us = _midnight_us(price.valid_until + timedelta(days=1))
    provider = (price.provider or seller).replace("/", "-")  # readers split price ids
    price_id = f"{OWN}/{provider}/{price.model}#{price.number}"
    quote = None if price.rates is None else _quoting(price.rates, price_id)
    return _Entry(price, first_us, end_us, price_id, quote)


def _quoting(rates: Rates, price_id: str) -> Callable[[Usage], Quote | None]:
    by_rate = quoting(price_id, rate_of(rates))
    charges_tokens = any(getattr(rates, name) is not None for _, name, _ in _CHARGES)

    def quote(usage: Usage) -> Quote | None:
        is_counted = usage.input_tokens is not None or usage.output_tokens is not None
        if (charges_tokens and not is_counted) or lacking(rates, usage):
            return None
        return by_rate(usage)

    return quote


def rate_of(rates: Rates) -> Rate:
    """Compiles rates: a part costs what its own rate is beyond that of its whole."""
    each: dict[str, Fraction] = {}
    beyond: dict[str, Fraction] = {}
    priced = 0
    for counter, name, whole in _CHARGES:
        usd: Decimal | None = getattr(rates, name)
        per = 1 if counter == "web_searches" else _MILLION
        above = each[whole] if whole else Fraction(0)
        each[counter] = above if usd is None else Fraction(usd) * _PICO / per
        beyond[counter] = each[counter] - above
        priced |= (usd is not None) << COUNTERS.index(counter)
    request = Fraction(rates.request or Decimal(0)) * _PICO
    divisor = lcm(*(value.denominator for value in (*beyond.values(), request)))
    return Rate(
        above=-1,
        per_request=int(request * divisor),
        coefficients=tuple(int(beyond.get(name, Fraction(0)) * divisor) for name in COUNTERS),
        priced=priced,
        divisor=divisor,
    )


def _midnight_us(day: date) -> int:
    return (day - _EPOCH).days * _DAY_US
