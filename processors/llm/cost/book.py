"""The price book: what a call cost, in integer pico-dollars. No I/O, no clock.

Unknown is None, never 0: a provider or model that no list names, a call without counts, a model
charged by what no trace reports (pages, characters), a part or a term of the call without a rate,
and a count so absurd that its cost would not fit the store. `explain` has a word for each. A free
model costs 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TypeVar

from msgspec import Struct, structs

from processors.llm.cost.explain import Explanation, Modifier
from processors.llm.cost.fit import total_input
from processors.llm.cost.match import Matcher, PriceMatch
from processors.llm.cost.names import is_custom, plain_name
from processors.llm.cost.table import Epoch, Factor, PriceTable
from processors.llm.cost.tariffs import (
    Quote,
    Tariff,
    explained,
    multiplied,
    quote_of,
    tariff_of,
)
from processors.llm.cost.usage import Usage

_T = TypeVar("_T")

# Longer names are unknown without a look: the longest in the data has 61 characters.
MAX_NAME_CHARS = 256

_ALWAYS_US = -(2**62)
_DAY_US = 86_400_000_000
# Two generations of this many names, with hostile names of full length, stay under 10 MB.
_GENERATION = 4096


class _Schedule(Struct, frozen=True):
    """The tariffs of a model whose price depends on the time or the input."""

    epochs: tuple[tuple[Epoch, tuple[Tariff, ...]], ...]


class _UnderTerms(Struct, frozen=True):
    """The schedules of a model under the terms of a call, and what multiplies them."""

    schedules: tuple[tuple[int, _Schedule], ...]  # ascending start
    factors: tuple[tuple[Factor, ...], ...]  # for each term that has some; ascending start


_Priced = Tariff | _Schedule | None
_UNSEEN = _Schedule(())
_Terms = tuple[tuple[str, str], ...]


class PriceBook:
    """Prices calls by one snapshot of the price lists. Its only state is a bounded name cache."""

    def __init__(self, table: PriceTable) -> None:
        self.snapshot = table.snapshot
        self.providers = frozenset(provider.id for provider in table.providers)
        self._table = table
        self._matcher = Matcher(table)
        self._young: dict[tuple[str | None, str], _Priced] = {}
        self._old: dict[tuple[str | None, str], _Priced] = {}
        self._under: dict[tuple[str | None, str, _Terms], _UnderTerms] = {}

    def price(self, provider: str | None, model: str, at_us: int, usage: Usage) -> Quote | None:
        """The cost of a call made at `at_us` (microseconds since 1970), or None when unknown.

        Names may be as the sender wrote them; see `match` for what is understood. Never raises:
        details that exceed their totals are cut to fit (`fit`). With one token count of the
        two, the other is taken as 0 (or as the sum of its details).
        """
        tariff = self._young.get((provider, model), _UNSEEN)
        if tariff is _UNSEEN:
            tariff = self._resolve(provider, model)
        if tariff is None:
            return None
        extras = usage.extras
        if usage.input_tokens is None and usage.output_tokens is None and not _has_audio(usage):
            return None
        if extras is not None and extras.terms:
            tariff = self._tariff_under(provider, model, at_us, usage)
        elif isinstance(tariff, _Schedule):
            tariff = _choose(tariff, at_us, usage)
        return None if tariff is None else quote_of(tariff, usage)

    def find(self, provider: str | None, model: str) -> PriceMatch | None:
        """The list's entry that a call is priced by, or None."""
        if max(len(model), len(provider or "")) > MAX_NAME_CHARS:
            return None
        return self._matcher.find(provider, model)

    def names(self) -> list[str]:
        """Every model of the list, as `provider/model`."""
        return [f"{one.id}/{model.id}" for one in self._table.providers for model in one.models]

    def why_unpriced(self, provider: str | None, model: str) -> str | None:
        """Why no call of this name has a price: a word of `reasons.REASONS`, None where some have.

        What one call in particular lacks (counts, rates, terms) is told by `explain`.
        """
        entry = self.find(provider, model)
        if entry is None:
            return self._matcher.why_unknown(
                provider and provider[:MAX_NAME_CHARS], model[:MAX_NAME_CHARS]
            )
        return None if any(epoch.rates for epoch in entry.model.epochs) else "measure"

    def explain(self, provider: str | None, model: str, at_us: int, usage: Usage) -> Explanation:
        """How the cost that `price` gives comes about, or the reasons why it gives none."""
        tariff = self._resolve(provider, model)
        if tariff is None:
            return Explanation(None, None, reasons=(self.why_unpriced(provider, model) or "model",))
        if usage.input_tokens is None and usage.output_tokens is None and not _has_audio(usage):
            return Explanation(None, None, reasons=("counts",))
        terms = usage.extras.terms if usage.extras else ()
        if terms:
            tariff = self._tariff_under(provider, model, at_us, usage)
        elif isinstance(tariff, _Schedule):
            tariff = _choose(tariff, at_us, usage)
        if tariff is None:
            return Explanation(
                None, None, reasons=self._why_no_tariff(provider, model, at_us, usage)
            )
        return explained(tariff, usage, self._modifiers(provider, model, at_us, terms))

    def _why_no_tariff(
        self, provider: str | None, model: str, at_us: int, usage: Usage
    ) -> tuple[str, ...]:
        extras = usage.extras
        if extras and extras.call_inputs:
            one = structs.replace(usage, extras=structs.replace(extras, call_inputs=None))
            told = self.explain(provider, model, at_us, one)
            return told.reasons if told.price_id is None else ("calls",)
        if extras and extras.terms:
            return tuple(f"term:{key}={value}" for key, value in extras.terms)
        return (self.why_unpriced(provider, model) or "time",)

    def price_used_or_requested(
        self,
        provider: str | None,
        used: str | None,
        requested: str | None,
        at_us: int,
        usage: Usage,
    ) -> Quote | None:
        """The price by the model that answered, else (absent or unknown) by the one asked for."""
        used = _answering(used, requested)
        quote = self.price(provider, used, at_us, usage) if used else None
        if quote is not None or not requested or requested == used:
            return quote
        if used and (
            self._resolve(provider, used) is not None
            or is_custom(plain_name(used[:MAX_NAME_CHARS]))
        ):
            return None  # for another reason than its name: another model's price would be wrong
        return self.price(provider, requested, at_us, usage)

    def explain_used_or_requested(
        self,
        provider: str | None,
        used: str | None,
        requested: str,
        at_us: int,
        usage: Usage,
    ) -> tuple[str, Explanation]:
        """The name that `price_used_or_requested` goes by, and how its cost comes about."""
        used = _answering(used, requested)
        is_meant = used and (
            self.find(provider, used) or is_custom(plain_name(used[:MAX_NAME_CHARS]))
        )
        name = used if used and is_meant else requested
        return name, self.explain(provider, name, at_us, usage)

    def _resolve(self, provider: str | None, model: str) -> _Priced:
        if len(model) > MAX_NAME_CHARS or (provider is not None and len(provider) > MAX_NAME_CHARS):
            return None
        name = (provider, model)
        tariff = self._old.get(name, _UNSEEN)
        if tariff is _UNSEEN:
            tariff = self._look_up(provider, model)
        # What is still asked for is carried over; what is not is forgotten with its generation.
        if len(self._young) >= _GENERATION:
            self._old, self._young = self._young, {}
        self._young[name] = tariff
        return tariff

    def _look_up(self, provider: str | None, model: str) -> _Priced:
        entry = self._matcher.find(provider, model)
        if entry is None:
            return None
        schedule = self._schedule(entry, entry.model.epochs)
        epochs = schedule.epochs
        if len(epochs) > 1 or len(epochs[0][1]) != 1:
            return schedule
        return epochs[0][1][0]

    def _schedule(
        self, entry: PriceMatch, epochs: tuple[Epoch, ...], suffix: str = ""
    ) -> _Schedule:
        name = f"{self.snapshot}/{entry.provider_id}/{entry.model.id}{suffix}"
        return _Schedule(
            tuple(
                (
                    epoch,
                    tuple(tariff_of(f"{name}#{e}.{r}", rate) for r, rate in enumerate(epoch.rates)),
                )
                for e, epoch in enumerate(epochs)
            )
        )

    def _tariff_under(
        self, provider: str | None, model: str, at_us: int, usage: Usage
    ) -> Tariff | None:
        terms = usage.extras.terms if usage.extras else ()
        under = self._under.get((provider, model, terms))
        if under is None:
            under = self._look_up_under(provider, model, terms)
            if len(self._under) >= _GENERATION:
                self._under.clear()
            self._under[provider, model, terms] = under
        schedule = _latest(under.schedules, at_us)
        tariff = None if schedule is None else _choose(schedule, at_us, usage)
        for factors in under.factors:
            factor = _latest(((f.start_us, f) for f in factors), at_us)
            if factor is None or tariff is None:
                return None
            tariff = multiplied(tariff, factor)
        return tariff

    def _look_up_under(self, provider: str | None, model: str, terms: _Terms) -> _UnderTerms:
        """What is known of a model under terms; a term that nothing is known of leaves nothing."""
        entry = self._matcher.find(provider, model)
        if entry is None:
            return _UnderTerms((), ())
        seller = entry.seller_id
        schedules: tuple[tuple[int, _Schedule], ...] = (
            (_ALWAYS_US, self._schedule(entry, entry.model.epochs)),
        )
        changed = ""
        factors = []
        for term in terms:
            if found := self._factors(seller, entry.model.id, term):
                factors.append(found)
                continue
            variants = [v for v in entry.model.variants if (v.seller, v.term) == (seller, term)]
            if not variants or changed:  # nobody lists what two of them cost together
                return _UnderTerms((), ())
            changed = f"+{term[0]}={term[1]}"
            schedules = tuple(
                (v.start_us, self._schedule(entry, v.epochs, changed)) for v in variants
            )
        return _UnderTerms(schedules, tuple(factors))

    def _factors(self, seller: str, model_id: str, term: tuple[str, str]) -> tuple[Factor, ...]:
        return tuple(
            factor
            for factor in self._table.factors
            if (factor.seller, factor.term) == (seller, term) and re.search(factor.models, model_id)
        )

    def _modifiers(
        self, provider: str | None, model: str, at_us: int, terms: _Terms
    ) -> tuple[Modifier, ...]:
        entry = self._matcher.find(provider, model)
        if entry is None:
            return ()
        seller = entry.seller_id
        modifiers = []
        for term in terms:
            factors = self._factors(seller, entry.model.id, term)
            factor = _latest(((f.start_us, f) for f in factors), at_us)
            by = None if factor is None else Fraction(factor.numerator, factor.denominator)
            modifiers.append(Modifier(*term, by))
        return tuple(modifiers)


def _answering(used: str | None, requested: str | None) -> str | None:
    """OpenRouter may name the model that answered without the `:free` that was asked for."""
    if used and requested and requested[-5:] == ":free" and requested[:-5] == used:
        return requested
    return used


def _choose(schedule: _Schedule, at_us: int, usage: Usage) -> Tariff | None:
    tariffs = schedule.epochs[0][1]
    for epoch, candidates in reversed(schedule.epochs):
        if _holds(epoch, at_us):
            tariffs = candidates
            break
    if len(tariffs) < 2:
        return tariffs[0] if tariffs else None
    total = total_input(usage)
    if usage.extras is None or usage.extras.call_inputs is None:
        return _above(tariffs, total)
    smallest, largest = usage.extras.call_inputs
    tariff = _above(tariffs, smallest)
    return tariff if _above(tariffs, min(largest, total)) is tariff else None


def _above(tariffs: tuple[Tariff, ...], total: int) -> Tariff:
    return next(tariff for tariff in reversed(tariffs) if total > tariff.above)


def _holds(epoch: Epoch, at_us: int) -> bool:
    if epoch.when == "from":
        return at_us >= epoch.start_us
    if epoch.when == "always":
        return True
    if at_us < epoch.since_us:
        return False
    days, time_of_day_us = divmod(at_us, _DAY_US)
    # The first day of 1970 was a Thursday. No hours that are listed cross the midnight of Beijing.
    if at_us >= epoch.working_days_since_us and (days + 3) % 7 >= 5:
        return False
    if epoch.end_us < epoch.start_us:
        return time_of_day_us >= epoch.start_us or time_of_day_us < epoch.end_us
    return epoch.start_us <= time_of_day_us < epoch.end_us


def _has_audio(usage: Usage) -> bool:
    return usage.extras is not None and bool(usage.extras.audio_ms)


def _latest(starts: Iterable[tuple[int, _T]], at_us: int) -> _T | None:
    """The last of those that have begun."""
    found = None
    for start_us, value in starts:
        if start_us <= at_us:
            found = value
    return found
