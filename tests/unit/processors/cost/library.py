"""What genai-prices itself says: the other side of the differential tests."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from genai_prices import Usage as LibraryUsage
from genai_prices.data_snapshot import get_snapshot
from msgspec import structs

from processors.llm.cost import corrections
from processors.llm.cost.table import COUNTERS, Clause, Epoch, Model, PriceTable, Rate
from processors.llm.cost.usage import Extras, Usage

_RENAMED = {
    "reasoning_tokens": "output_reasoning_tokens",
    "citation_tokens": "output_citation_tokens",
    "file_searches": "storage_searches",
}
# What the library has no unit for, or no rate.
_OURS = {"preview_searches", "search_sources", "code_executions", "containers", "audio_ms"}
_DAY = 20_700 * 86_400_000_000  # a midnight in September 2026
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def library_pico_usd(provider: str | None, model: str, at_us: int, usage: Usage) -> Fraction:
    """The library's price in pico-dollars; LookupError when unknown, ValueError when it refuses."""
    holders = {**structs.asdict(usage), **structs.asdict(usage.extras or Extras())}
    counts = {
        _RENAMED.get(name, name): holders[name]
        for name in COUNTERS
        if holders[name] is not None and name not in _OURS
    }
    at = _EPOCH + timedelta(microseconds=at_us)
    context = dict(usage.extras.terms) if usage.extras else {}
    answer = get_snapshot().calc(
        LibraryUsage(**counts), model, provider, None, at, price_context=context
    )
    return Fraction(answer.total_price) * 10**12


def library_entry(provider: str | None, model: str) -> tuple[str, str] | None:
    """(id of the provider in whose list the model stands, model id), or None when unknown."""
    snapshot = get_snapshot()
    try:
        _, found = snapshot.find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    owner = next(p for p in snapshot.providers if any(m is found for m in p.models))
    return owner.id, found.id


_ENTRIES = tomllib.loads(Path(corrections.__file__).with_suffix(".toml").read_text())


def _corrected(kinds: Iterable[str]) -> Iterator[tuple[str, str]]:
    for entry in (entry for kind in kinds for entry in _ENTRIES[kind]):
        ids = (entry.get("id"), entry.get("model"), *entry.get("models", ()))
        yield from ((entry["seller"], name) for name in ids if name is not None)


CORRECTED = frozenset(_corrected(_ENTRIES))
"""What our list names or prices otherwise; test_corrections and test_rates say how."""
ADDED = frozenset(_corrected(("model", "named")))
"""Models that our list has under names that the library reads otherwise, or not at all."""


class Listed(NamedTuple):
    """A model with a name that leads to it, and the moments and inputs at which its price turns."""

    provider_id: str
    model_id: str
    name: str
    edges_us: tuple[int, ...]
    thresholds: tuple[int, ...]


class PriceRow(NamedTuple):
    """One linear price under its id, as a quote names it."""

    price_id: str
    provider_id: str
    model_id: str
    epoch: Epoch
    rate: Rate


def rows_of(table: PriceTable) -> list[PriceRow]:
    """Every price of a snapshot under its id."""
    return [
        PriceRow(
            f"{table.snapshot}/{provider.id}/{model.id}#{e}.{r}", provider.id, model.id, epoch, rate
        )
        for provider in table.providers
        for model in provider.models
        for e, epoch in enumerate(model.epochs)
        for r, rate in enumerate(epoch.rates)
    ]


def listed_models(table: PriceTable) -> Iterator[Listed]:
    """Every model that the library finds by a name made from its own match clauses."""
    for provider in table.providers:
        names: dict[int, list[str]] = {index: [] for index in range(len(provider.models))}
        for text, index in provider.equals.items():
            names[index].append(text)
        for index, clause in provider.patterns:
            names[index].append(example_of(clause))
        for index, model in enumerate(provider.models):
            if (provider.id, model.id) in CORRECTED:
                continue
            for name in (*names[index], model.id):
                if library_entry(provider.id, name) == (provider.id, model.id):
                    yield Listed(provider.id, model.id, name, _edges(model), _thresholds(model))
                    break


def example_of(clause: Clause) -> str:
    """A name that meets the clause, for the clauses that the data holds."""
    if clause.parts:
        return "-".join(example_of(part) for part in clause.parts)
    if clause.kind != "regex":
        return clause.text
    text = re.sub(r"\[([^\]])[^\]]*\]|\(\?:([^|)]*)[^)]*\)", r"\1\2", clause.text)
    text = text.replace(r"\d{8}", "20260102").replace(r"\d{4}-\d{2}-\d{2}", "2026-01-02")
    return re.sub(r"\\(.)", r"\1", text.replace(r"\d+", "1").strip("^$"))


def _edges(model: Model) -> tuple[int, ...]:
    edges: set[int] = set()
    for epoch in model.epochs:
        if epoch.when == "from":
            edges |= {epoch.start_us - 1, epoch.start_us}
        if epoch.when == "daily":
            edges |= {_DAY + t + d for t in (epoch.start_us, epoch.end_us) for d in (-1, 0)}
    return tuple(sorted(edges))


def _thresholds(model: Model) -> tuple[int, ...]:
    above = {rate.above for epoch in model.epochs for rate in epoch.rates}
    return tuple(sorted(above - {-1}))
