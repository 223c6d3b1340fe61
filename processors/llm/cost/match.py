"""From a provider and a model name to the price list entry, by the rules of genai-prices 0.2.3.

The rules, in the order of `data_snapshot.DataSnapshot.find_provider_model`:
1. Names are compared in lower case; a provider name is also stripped, a model name is not.
2. Provider "litellm" with "vendor/model" is that vendor's model, when the vendor is known.
3. A provider is found by its id, else by the first match clause; else the call is unknown.
4. Without a provider (or with a bare "litellm") the first one that claims the model name sells it.
5. Within a provider the first model that matches wins, then one step to each fallback provider.
6. A name still unknown is tried once more with "-20251211" written as "-2025-12-11".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from processors.llm.cost.table import Clause, Model, PriceTable, Provider

_COMPACT_DATE = re.compile(r"(-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


class PriceMatch(NamedTuple):
    """A model and the provider in whose list it stands (a fallback's, where one was used)."""

    provider_id: str
    model: Model


class Matcher:
    """Finds entries. Keeps no cache: that is the price book's."""

    def __init__(self, table: PriceTable) -> None:
        self._providers = table.providers
        self._by_id = {provider.id: provider for provider in table.providers}

    def find(self, provider_name: str | None, model_name: str) -> PriceMatch | None:
        """The entry for a call, or None when the provider or the model is unknown."""
        model_name = model_name.lower()
        if provider_name and provider_name.lower() == "litellm" and "/" in model_name:  # rule 2
            vendor, _, rest = model_name.partition("/")
            if vendor and self._claimed_by_name(vendor):
                provider_name, model_name = vendor, rest
        provider = self._provider(provider_name, model_name)
        if provider is None:
            return None
        if entry := self._entry(provider, model_name):
            return entry
        dashed = _COMPACT_DATE.sub(_dash_date, model_name)  # rule 6
        return self._entry(provider, dashed) if dashed != model_name else None

    def seller(self, provider_name: str | None) -> str | None:
        """The id of the provider that a name means: the seller, in whose list ever the model is."""
        provider = self._claimed_by_name(provider_name) if provider_name else None
        return None if provider is None else provider.id

    def _provider(self, name: str | None, model_name: str) -> Provider | None:
        if name is not None:
            if provider := self._claimed_by_name(name):
                return provider
            if name.lower() != "litellm":
                return None
        return next(
            (p for p in self._providers if model_name and _claims_model(p, model_name)), None
        )

    def _claimed_by_name(self, name: str) -> Provider | None:
        name = name.lower().strip()
        if provider := self._by_id.get(name):
            return provider
        claims = (
            p for p in self._providers if p.provider_match and matches(p.provider_match, name)
        )
        return next(claims, None)

    def _entry(self, provider: Provider, model_name: str) -> PriceMatch | None:
        if model := _own_model(provider, model_name):
            return PriceMatch(provider.id, model)
        for fallback_id in provider.fallbacks:
            fallback = self._by_id.get(fallback_id)
            if fallback and (model := _own_model(fallback, model_name)):
                return PriceMatch(fallback.id, model)
        return None


def matches(clause: Clause, text: str) -> bool:
    """Whether a lower-case name meets the clause."""
    if clause.kind == "or":
        return any(matches(part, text) for part in clause.parts)
    if clause.kind == "and":
        return all(matches(part, text) for part in clause.parts)
    return _TESTS[clause.kind](clause.text, text)


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda wanted, text: wanted == text,
    "starts_with": lambda wanted, text: text.startswith(wanted),
    "ends_with": lambda wanted, text: text.endswith(wanted),
    "contains": lambda wanted, text: wanted in text,
    "regex": lambda wanted, text: re.search(wanted, text) is not None,
}


def _claims_model(provider: Provider, model_name: str) -> bool:
    return provider.model_match is not None and matches(provider.model_match, model_name)


def _own_model(provider: Provider, model_name: str) -> Model | None:
    best = provider.equals.get(model_name)
    for index, clause in provider.patterns:
        if best is not None and index >= best:
            break
        if matches(clause, model_name):
            best = index
            break
    return None if best is None else provider.models[best]


def _dash_date(match: re.Match[str]) -> str:
    year, month, day = (int(match.group(index)) for index in (2, 3, 4))
    try:
        date(year, month, day)
    except ValueError:
        return match.group(0)
    return f"-{year:04d}-{month:02d}-{day:02d}"
