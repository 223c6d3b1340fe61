"""What `terms.toml` adds to the price lists, as the compiler asks for it. Computes no price."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import Struct

from processors.llm.cost.table import COUNTERS, TERMS_FILE, Factor

_DAY_US = 86_400_000_000
ALWAYS_US = -(2**62)
"""A start before any call."""


class _Entry(Struct, forbid_unknown_fields=True, kw_only=True):
    """What every entry says: whose models, where it is written, what that says, and when."""

    seller: str
    models: str = ""
    source: str
    says: str = ""
    read: date | None = None


class ListedVariant(_Entry, kw_only=True, rename={"start": "from"}):
    """Other prices under a term: the standard ones times `factor`, or some replaced."""

    term: str
    start: date | None = None
    factor: Decimal | None = None
    keep: list[str] = []
    prices: dict[str, Decimal] = {}


class _ListedFactor(_Entry, kw_only=True, rename={"start": "from"}):
    term: str
    start: date | None = None
    factor: Decimal


class _Charge(_Entry, kw_only=True):
    counter: str
    usd: Decimal


class _Included(_Entry, kw_only=True):
    counters: list[str]


class _Overlay(Struct, forbid_unknown_fields=True):
    variant: list[ListedVariant] = []
    factor: list[_ListedFactor] = []
    charge: list[_Charge] = []
    included: list[_Included] = []
    excluded: list[_Included] = []
    once: list[_Entry] = []


class Notes(NamedTuple):
    """What the overlay says about the standard price of one model."""

    usd: dict[str, Decimal]  # by counter, for one
    included: frozenset[str]  # counters
    excluded: frozenset[str]  # counters that have no rate, not even that of their whole
    search_once: bool


class Overlay:
    """The entries of `terms.toml`, found by model."""

    def __init__(self) -> None:
        self._entries = msgspec.toml.decode(TERMS_FILE.read_bytes(), type=_Overlay)

    def notes(self, seller: str, model: str) -> Notes:
        """What holds for a model in the list of this provider."""
        entries = self._entries
        usd = {c.counter: c.usd for c in entries.charge if _is_meant(c, seller, model)}
        included = _counters(entries.included, seller, model)
        excluded = _counters(entries.excluded, seller, model)
        if unknown := (usd.keys() | included | excluded) - set(COUNTERS):
            raise ValueError(f"terms.toml names {sorted(unknown)}, which nobody counts")
        once = any(_is_meant(entry, seller, model) for entry in entries.once)
        return Notes(usd, included, excluded, once)

    def variants(self, seller: str, model: str) -> list[ListedVariant]:
        """The variants of a model in the list of this provider."""
        return [v for v in self._entries.variant if _is_meant(v, seller, model)]

    def factors(self) -> tuple[Factor, ...]:
        """Every factor, the earliest first."""
        found = []
        for entry in self._entries.factor:
            numerator, denominator = entry.factor.as_integer_ratio()
            start_us = start_of(entry.start)
            term = term_of(entry.term)
            found.append(Factor(entry.seller, entry.models, term, start_us, numerator, denominator))
        return tuple(sorted(found, key=lambda factor: factor.start_us))


def start_of(day: date | None) -> int:
    """The first microsecond of a day in UTC."""
    return ALWAYS_US if day is None else (day - date(1970, 1, 1)).days * _DAY_US


def term_of(text: str) -> tuple[str, str]:
    """The key and the value of "key=value"."""
    key, _, value = text.partition("=")
    return key, value


def _counters(entries: list[_Included], seller: str, model: str) -> frozenset[str]:
    meant = (entry for entry in entries if _is_meant(entry, seller, model))
    return frozenset(counter for entry in meant for counter in entry.counters)


def _is_meant(entry: _Entry, seller: str, model: str) -> bool:
    return entry.seller == seller and re.search(entry.models, model) is not None
