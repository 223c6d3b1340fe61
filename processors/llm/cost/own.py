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
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from processors.llm.cost.book import PriceBook
from processors.llm.cost.explain import Explanation, Modifier
from processors.llm.cost.match import PriceMatch
from processors.llm.cost.own_rates import charges_tokens, rate_of
from processors.llm.cost.tariffs import Quote, Tariff, explained, quote_of, tariff_of
from processors.llm.cost.usage import Usage
from schemas.llm.prices import Alias, OwnPrice, PriceDocument, covers, plain
from schemas.projects import ProjectId

OWN = "own"
"""What the price ids of own prices begin with: own/provider/model#number."""

_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_ALWAYS_US = 1 << 62
_GENERATION = 1024
"""Of names; two generations are kept."""
_NO_COUNTS = Explanation(None, None, reasons=("counts",))

T = TypeVar("T", OwnPrice, Alias)


class _Entry(NamedTuple):
    """An own price for a name, with its days as microseconds."""

    price: OwnPrice
    first_us: int
    end_us: int
    price_id: str
    tariff: Tariff | None
    """`None` for a discount."""


class _Name(NamedTuple):
    """What a name that a sender wrote means to the project."""

    entries: tuple[_Entry, ...]
    provider: str | None
    model: str
    """Both as the price list is asked."""
    is_alias: bool


class OwnBook:
    """Prices the calls of one project; asked as `PriceBook`. Its only state is a bounded cache."""

    def __init__(self, listed: PriceBook, own: PriceDocument) -> None:
        self._listed = listed
        self._aliases = _by_rank(own.aliases, lambda alias: alias.name)
        self._prices = _by_rank(own.prices, lambda price: price.model)
        self._young: dict[tuple[str | None, str], _Name] = {}
        self._old: dict[tuple[str | None, str], _Name] = {}

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
        names = [self._name(provider, name) for name in (used, requested) if name]
        for name in names:
            if entry := _at(name.entries, at_us):
                return self._quote(entry, name, at_us, usage)
        if not any(name.is_alias for name in names):
            return self._listed.price_used_or_requested(provider, used, requested, at_us, usage)
        quotes = (self._listed.price(one.provider, one.model, at_us, usage) for one in names)
        return next((quote for quote in quotes if quote is not None), None)

    def explain(self, provider: str | None, model: str, at_us: int, usage: Usage) -> Explanation:
        """How the cost that `price` gives comes about, or the reasons why it gives none."""
        return self.explain_used_or_requested(provider, None, model, at_us, usage)[1]

    def explain_used_or_requested(
        self,
        provider: str | None,
        used: str | None,
        requested: str,
        at_us: int,
        usage: Usage,
    ) -> tuple[str, Explanation]:
        """The name that counts, as it was sent, and how its cost comes about."""
        sent = [name for name in (used, requested) if name]
        names = [self._name(provider, name) for name in sent]
        for text, name in zip(sent, names, strict=True):
            if entry := _at(name.entries, at_us):
                return text, self._explained(entry, name, at_us, usage)
        if not any(name.is_alias for name in names):
            return self._listed.explain_used_or_requested(provider, used, requested, at_us, usage)
        each = [self._listed.explain(one.provider, one.model, at_us, usage) for one in names]
        told = zip(sent, each, strict=True)
        return next(((t, e) for t, e in told if e.cost_pico_usd is not None), (requested, each[-1]))

    def find(self, provider: str | None, model: str) -> PriceMatch | None:
        """The list's entry that a call is priced by where no own price counts, or None."""
        name = self._name(provider, model)
        found = self._listed.find(name.provider, name.model)
        return found._replace(rule="alias") if found and name.is_alias else found

    def why_unpriced(self, provider: str | None, model: str) -> str | None:
        """Why no call of this name has a price, None where some have; as `PriceBook` has it."""
        name = self._name(provider, model)
        if any(entry.tariff for entry in name.entries):
            return None
        return self._listed.why_unpriced(name.provider, name.model)

    def _quote(self, entry: _Entry, name: _Name, at_us: int, usage: Usage) -> Quote | None:
        if entry.tariff is not None:
            return None if _lacks_counts(entry, usage) else quote_of(entry.tariff, usage)
        listed = self._listed.price(name.provider, name.model, at_us, usage)
        if listed is None:
            return None
        # round() of a Fraction is half to even.
        return Quote(round(listed.cost_pico_usd * _factor(entry)), entry.price_id)

    def _explained(self, entry: _Entry, name: _Name, at_us: int, usage: Usage) -> Explanation:
        if entry.tariff is not None:
            if _lacks_counts(entry, usage):
                return _NO_COUNTS
            return explained(entry.tariff, usage, ())
        listed = self._listed.explain(name.provider, name.model, at_us, usage)
        if listed.cost_pico_usd is None:
            return listed
        factor = _factor(entry)
        parts = tuple(
            part._replace(rate_pico=part.rate_pico * factor, amount_pico=part.amount_pico * factor)
            for part in listed.parts
            if part.rate_pico is not None and part.amount_pico is not None
        )
        percent = f"{entry.price.discount_percent:f}"
        modifiers = (*listed.modifiers, Modifier("own_discount", percent, factor))
        cost = round(listed.cost_pico_usd * factor)
        return Explanation(cost, entry.price_id, parts, modifiers)

    def _name(self, provider: str | None, model: str) -> _Name:
        name = (provider, model)
        found = self._young.get(name)
        if found is None:
            found = self._old.get(name) or self._look_up(provider, model)
            # Ever new names push out what is no longer asked for, and nothing else.
            if len(self._young) >= _GENERATION:
                self._old, self._young = self._young, {}
            self._young[name] = found
        return found

    def _look_up(self, provider: str | None, model: str) -> _Name:
        match = self._listed.find(provider, model)
        sellers, sent = _sellers(provider, match), plain(model)
        entries = self._entries_of(provider, model, match)
        alias = next((one for one in self._aliases if _fits(one, one.name, sellers, sent)), None)
        if alias is None:
            return _Name(entries, provider, model, is_alias=False)
        target = self._listed.find(alias.to_provider, alias.to_model)
        entries += self._entries_of(alias.to_provider, alias.to_model, target)
        return _Name(entries, alias.to_provider, alias.to_model, is_alias=True)

    def _entries_of(
        self, provider: str | None, model: str, match: PriceMatch | None
    ) -> tuple[_Entry, ...]:
        sellers, sent = _sellers(provider, match), plain(model)
        seller = match.provider_id if match else plain(provider)
        return tuple(
            _entry(price, seller)
            for price in self._prices
            if _fits(price, price.model, sellers, sent)
        )


Book = PriceBook | OwnBook


class Prices(NamedTuple):
    """With what the calls of each project are priced, at one moment."""

    listed: PriceBook
    own: Mapping[ProjectId, OwnBook] = MappingProxyType({})
    """By the id of the project; the others pay what the list says."""

    def of(self, project_id: ProjectId) -> Book:
        """Returns the book of a project."""
        return self.own.get(project_id, self.listed)


def _sellers(provider: str | None, match: PriceMatch | None) -> set[str]:
    """The names by which an own price may name the provider: as sent, and as the list has it.

    Where the list of another provider has the price, both that one and the seller.
    """
    return {plain(provider), "", *((match.provider_id, match.seller_id) if match else ())}


def _at(entries: Iterable[_Entry], at_us: int) -> _Entry | None:
    return next((one for one in entries if one.first_us <= at_us < one.end_us), None)


def _factor(entry: _Entry) -> Fraction:
    return 1 - Fraction(entry.price.discount_percent or Decimal(0)) / 100


def _lacks_counts(entry: _Entry, usage: Usage) -> bool:
    rates = entry.price.rates
    is_counted = usage.input_tokens is not None or usage.output_tokens is not None
    return not is_counted and rates is not None and charges_tokens(rates)


def _fits(entry: OwnPrice | Alias, pattern: str, sellers: Iterable[str], model: str) -> bool:
    return entry.provider in sellers and covers(pattern, model)


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
    tariff = None if price.rates is None else tariff_of(price_id, rate_of(price.rates))
    return _Entry(price, first_us, end_us, price_id, tariff)


def _midnight_us(day: date) -> int:
    return (day - _EPOCH).days * _DAY_US
