"""From a provider and a model name to the price list entry. What names may mean is in `names`.

A name is looked for as genai-prices 0.2.3 does (`data_snapshot.DataSnapshot.find_provider_model`),
but what is not surely the same model is unknown:

1. Names are compared in lower case and stripped (`names.plain_name`).
2. A provider is found by `names.seller_of`, else by its id, else by the first match clause; else
   the call is unknown. Without a provider the first one that claims the model's name sells it.
3. Within a provider the first model that matches wins, then one step to each fallback provider.
4. A match by less than the whole name does not count for a name that says that the model is made of
   another (`names.is_derived`).
5. A name that stands in the list as it is needs no other rule.
6. A name still unknown is tried once more with "-20251211" written as "-2025-12-11".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from processors.llm.cost.names import (
    GATEWAY,
    LOCAL,
    Reading,
    has_own_price,
    is_custom,
    is_derived,
    is_elsewhere,
    is_free,
    plain_name,
    readings,
    seller_of,
)
from processors.llm.cost.table import Clause, Model, PriceTable, Provider

RULES = {
    "list": "the name as it was sent",
    "prefix": "a known vendor before the name was cut off",
    "unknown_prefix": "a prefix that nobody knows was cut off: the rest stands in the list",
    "path": "Google's resource path was cut off",
    "arn": "the model in a Bedrock ARN",
    "bedrock_name": "a name of Bedrock, which sold the call",
    "region": "the region before a Bedrock name was cut off",
    "vertex_name": "a name of Vertex AI, which sold the call",
    "azure_name": "gpt-35 is Azure's spelling of gpt-3.5",
    "route": "OpenRouter's :nitro, :floor and :exacto choose a route, not a model",
    "version": "a date or -latest at the end was cut off: the rest stands in the list",
    "free": "OpenRouter gives the model away",
    "alias": "an alias of the project leads to it",
    "own": "a price of the project's own",
}
"""How a name was understood, by its word in answers."""

_COMPACT_DATE = re.compile(r"(-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
_FREE = "openrouter/free"


class PriceMatch(NamedTuple):
    """A model and the provider in whose list it stands (a fallback's, where one was used)."""

    provider_id: str
    model: Model
    seller_id: str
    """Who sold the call: another provider than that, where a fallback's list has the price."""
    rule: str = "list"  # of RULES


class Matcher:
    """Finds entries. Keeps no cache: that is the price book's."""

    def __init__(self, table: PriceTable) -> None:
        self._providers = table.providers
        self._by_id = {provider.id: provider for provider in table.providers}

    def find(self, provider_name: str | None, model_name: str) -> PriceMatch | None:
        """The entry for a call, or None when the provider or the model is unknown."""
        model = plain_name(model_name)
        seller = self.seller(provider_name)
        if seller == LOCAL or (provider_name is not None and seller is None):
            return None
        found = self._find(None if seller == GATEWAY else seller, model)
        if found and found.seller_id == "aws" and is_elsewhere(model, found.model.id):
            return None
        return found

    def _find(self, seller: str | None, model: str) -> PriceMatch | None:
        if listed := self._listed(seller, model):
            return listed
        if has_own_price(model):
            return None
        if is_free(seller, model):
            return self._read(Reading("openrouter", _FREE, "free"))
        for reading in readings(seller, model):
            if is_free(reading.seller, reading.model):
                return self._read(Reading("openrouter", _FREE, "free"))
            if found := self._read(reading):
                return found
        return None

    def why_unknown(self, provider_name: str | None, model_name: str) -> str:
        """Why `find` gives nothing: a word of `reasons.REASONS`."""
        model = plain_name(model_name)
        seller = self.seller(provider_name)
        if seller == LOCAL:
            return "local"
        if provider_name is not None and seller is None:
            return "provider"
        if is_custom(model):
            return "custom"
        meant = readings(None if seller == GATEWAY else seller, model)
        return "model" if meant else "local"

    def seller(self, provider_name: str | None) -> str | None:
        """The id of the provider that a name means: the seller, in whose list ever the model is.

        May be `names.LOCAL` or `names.GATEWAY`, whose models stand in no list of their own.
        """
        if provider_name is None:
            return None
        if seller := seller_of(provider_name):
            return seller
        name = provider_name.lower().strip()
        if name in self._by_id:
            return name
        claims = (
            p.id for p in self._providers if p.provider_match and matches(p.provider_match, name)
        )
        return next(claims, None)

    def _listed(self, seller: str | None, model: str) -> PriceMatch | None:
        provider = self._by_id.get(seller or "")
        if provider is None or model not in provider.equals:
            return None
        found = _own_model(provider, model, is_literal=False)
        return None if found is None else PriceMatch(provider.id, found, provider.id)

    def _read(self, reading: Reading) -> PriceMatch | None:
        seller, model = reading.seller, reading.model
        if seller is None:
            provider = next((p for p in self._providers if model and _claims(p, model)), None)
        else:
            provider = self._by_id.get(seller)
        if provider is None:
            return None
        found = self._entry(provider, model, reading.is_literal)
        if found is None:
            dashed = _COMPACT_DATE.sub(_dash_date, model)  # rule 6
            found = self._entry(provider, dashed, reading.is_literal) if dashed != model else None
        return found and found._replace(rule=reading.rule)

    def _entry(self, provider: Provider, name: str, is_literal: bool) -> PriceMatch | None:
        if model := _own_model(provider, name, is_literal):
            return PriceMatch(provider.id, model, provider.id)
        for fallback_id in provider.fallbacks:
            fallback = self._by_id.get(fallback_id)
            if fallback and (model := _own_model(fallback, name, is_literal)):
                return PriceMatch(fallback.id, model, provider.id)
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


def _claims(provider: Provider, model_name: str) -> bool:
    if provider.id == "openai" and model_name.startswith("ft:"):
        return True
    return provider.model_match is not None and matches(provider.model_match, model_name)


def _own_model(provider: Provider, name: str, is_literal: bool) -> Model | None:
    best = provider.equals.get(name)
    for index, clause in provider.patterns:
        if best is not None and index >= best:
            break
        if is_literal and not _is_whole(clause):
            continue
        if matches(clause, name) and not is_derived(name, _text_of(clause)):
            best = index
            break
    return None if best is None else provider.models[best]


def _is_whole(clause: Clause) -> bool:
    return clause.kind == "regex" and clause.text.startswith("^") and clause.text.endswith("$")


def _text_of(clause: Clause) -> str:
    return " ".join((clause.text, *map(_text_of, clause.parts)))


def _dash_date(match: re.Match[str]) -> str:
    year, month, day = (int(match.group(index)) for index in (2, 3, 4))
    try:
        date(year, month, day)
    except ValueError:
        return match.group(0)
    return f"-{year:04d}-{month:02d}-{day:02d}"
