"""The price book: what a call cost, in integer pico-dollars. No I/O, no clock.

Unknown is None, never 0: a provider or model that no list names, a call without token counts, a
model charged by what no trace reports (audio hours, pages, characters), and a count so absurd that
its cost would not fit the store. A free model costs 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from msgspec import Struct

from processors.llm.cost.fit import fit_counts, total_input
from processors.llm.cost.match import Matcher
from processors.llm.cost.table import Epoch, PriceTable, Rate
from processors.llm.cost.usage import Usage, has_media

# Longer names are unknown without a look: the longest in the data has 61 characters.
MAX_NAME_CHARS = 256
# What the store's Decimal(38, 12) holds. A million dollars for one call is a broken sender.
MAX_COST_PICO_USD = 10**18 - 1

_DAY_US = 86_400_000_000
# Two generations of this many names, with hostile names of full length, stay under 10 MB.
_GENERATION = 4096


class Quote(NamedTuple):
    """A cost and the id of the price list row it came from."""

    cost_pico_usd: int
    price_id: str


class _Tariff(Struct, frozen=True, gc=False):
    """A rate with all that the hot path reads laid out flat."""

    price_id: str
    above: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    one_hour: int
    web_search: int
    per_request: int
    divisor: int
    has_reasoning: bool  # reasoning has a price of its own
    has_media: bool  # audio, images or video have
    rate: Rate


class _Schedule(Struct, frozen=True):
    """The tariffs of a model whose price depends on the time or the input."""

    epochs: tuple[tuple[Epoch, tuple[_Tariff, ...]], ...]


_Priced = _Tariff | _Schedule | None
_UNSEEN = _Schedule(())


class PriceBook:
    """Prices calls by one snapshot of the price lists. Its only state is a bounded name cache."""

    def __init__(self, table: PriceTable) -> None:
        self.snapshot = table.snapshot
        self.providers = frozenset(provider.id for provider in table.providers)
        self._table = table
        self._matcher = Matcher(table)
        self._young: dict[tuple[str | None, str], _Priced] = {}
        self._old: dict[tuple[str | None, str], _Priced] = {}

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
        if usage.input_tokens is None and usage.output_tokens is None:
            return None
        if isinstance(tariff, _Schedule):
            tariff = _choose(tariff, at_us, usage)
            if tariff is None:
                return None
        return _quote(tariff, usage)

    def price_used_or_requested(
        self,
        provider: str | None,
        used: str | None,
        requested: str | None,
        at_us: int,
        usage: Usage,
    ) -> Quote | None:
        """The price by the model that answered, else (absent or unknown) by the one asked for."""
        quote = self.price(provider, used, at_us, usage) if used else None
        if quote is None and requested and requested != used:
            return self.price(provider, requested, at_us, usage)
        return quote

    def seller(self, provider: str | None, model: str) -> str | None:
        """The id of the provider in whose list a call's price stands."""
        if len(model) > MAX_NAME_CHARS or len(provider or "") > MAX_NAME_CHARS:
            return None
        entry = self._matcher.find(provider, model)
        return None if entry is None else entry.provider_id

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
        epochs = tuple(
            (
                epoch,
                tuple(
                    _tariff(_price_id(self.snapshot, entry.provider_id, entry.model.id, e, r), rate)
                    for r, rate in enumerate(epoch.rates)
                ),
            )
            for e, epoch in enumerate(entry.model.epochs)
        )
        if len(epochs) > 1 or len(epochs[0][1]) > 1:
            return _Schedule(epochs)
        return epochs[0][1][0] if epochs[0][1] else None


def quoting(price_id: str, rate: Rate) -> Callable[[Usage], Quote | None]:
    """What prices usage by a rate that stands in no list."""
    return partial(_quote, _tariff(price_id, rate))


def _price_id(snapshot: str, provider_id: str, model_id: str, epoch: int, rate: int) -> str:
    return f"{snapshot}/{provider_id}/{model_id}#{epoch}.{rate}"


def _tariff(price_id: str, rate: Rate) -> _Tariff:
    input_, output, cache_read, cache_write, one_hour, *rare, web_search = rate.coefficients
    reasoning, *media = rare
    return _Tariff(
        price_id=price_id,
        above=rate.above,
        input=input_,
        output=output,
        cache_read=cache_read,
        cache_write=cache_write,
        one_hour=one_hour,
        web_search=web_search,
        per_request=rate.per_request,
        divisor=rate.divisor,
        has_reasoning=reasoning != 0,
        has_media=any(media),
        rate=rate,
    )


def _choose(schedule: _Schedule, at_us: int, usage: Usage) -> _Tariff | None:
    tariffs = schedule.epochs[0][1]
    for epoch, candidates in reversed(schedule.epochs):
        if _holds(epoch, at_us):
            tariffs = candidates
            break
    if len(tariffs) < 2:
        return tariffs[0] if tariffs else None
    total = total_input(usage)
    return next(tariff for tariff in reversed(tariffs) if total > tariff.above)


def _holds(epoch: Epoch, at_us: int) -> bool:
    if epoch.when == "from":
        return at_us >= epoch.start_us
    if epoch.when == "always":
        return True
    time_of_day_us = at_us % _DAY_US
    if epoch.end_us < epoch.start_us:
        return time_of_day_us >= epoch.start_us or time_of_day_us < epoch.end_us
    return epoch.start_us <= time_of_day_us < epoch.end_us


def _quote(tariff: _Tariff, usage: Usage) -> Quote | None:
    input_tokens = usage.input_tokens
    output_tokens = usage.output_tokens
    cache_read = usage.cache_read_tokens or 0
    cache_write = usage.cache_write_tokens or 0
    one_hour = usage.cache_write_1h_tokens or 0
    if (
        input_tokens is None
        or output_tokens is None
        or cache_read + cache_write > input_tokens
        or one_hour > cache_write
        or (tariff.has_reasoning and usage.reasoning_tokens)
        or (tariff.has_media and has_media(usage))
    ):
        cost = _full_cost(tariff.rate, usage)
    else:
        cost = (
            tariff.per_request
            + input_tokens * tariff.input
            + output_tokens * tariff.output
            + cache_read * tariff.cache_read
            + cache_write * tariff.cache_write
            + one_hour * tariff.one_hour
            + (usage.web_searches or 0) * tariff.web_search
        )
    if tariff.divisor != 1:
        cost = _divide_half_even(cost, tariff.divisor)
    return Quote(cost, tariff.price_id) if cost <= MAX_COST_PICO_USD else None


def _full_cost(rate: Rate, usage: Usage) -> int:
    counts = fit_counts(usage, rate.priced)
    charged = zip(rate.coefficients, counts, strict=True)
    return rate.per_request + sum(coefficient * count for coefficient, count in charged)


def _divide_half_even(cost: int, divisor: int) -> int:
    quotient, remainder = divmod(cost, divisor)
    twice = 2 * remainder
    return quotient + (twice > divisor or (twice == divisor and quotient % 2 == 1))
