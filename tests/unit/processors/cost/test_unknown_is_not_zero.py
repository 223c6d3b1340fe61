"""Whatever is sent: a cost is the sum of known rates, or unknown, and never a crash or a guess."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.call import Call, read_agent_call, read_call
from processors.llm.cost.fit import counts_of
from processors.llm.cost.usage import EXTRA_COUNTS, Extras, Usage
from schemas.llm.wire import Counts
from tests.unit.processors.cost.library import rows_of
from tests.unit.processors.cost.test_prices_equal_the_library import MODELS, TABLE
from tests.unit.processors.cost.test_usage_of_today import BODIES

SEED = 20261128
NOW_US = 1_795_000_000_000_000
RATES = {row.price_id: row.rate for row in rows_of(TABLE)}
# What says which modality a count is of, and what proves that an object is llama.cpp's answer.
NOT_COUNTED = ("modality", "tokens_predicted")
NOTHING_SENT = Counts(None, None, None, None, None)
# As JSON text: what senders write where a count should stand, and what is none.
JUNK = (
    *("-1", "-0.5", "1.5", "1e300", "true", "false", '"7"', '""', "[]", "[9]", "{}", "null"),
    *('{"n":9}', "9007199254740992", "1" + "0" * 300, '"NaN"', '"1e9"'),
)


def read(response: bytes) -> Call:
    return read_call(NOTHING_SENT, b"{}", response)


def any_usage(rng: random.Random) -> Usage:
    """Counts that need not fit each other, most of them zero or absent."""

    def count() -> int | None:
        return rng.choice((None, 0, 0, rng.randint(1, 9), rng.randint(1, 400_000)))

    extras = Extras(*(count() if rng.random() < 0.3 else None for _ in EXTRA_COUNTS))
    return Usage(*(count() for _ in range(6)), extras if rng.random() < 0.7 else None)


def test_a_count_without_a_known_rate_never_gets_a_cost(book: PriceBook) -> None:
    rng = random.Random(SEED)
    priced = unknown = 0

    for listed in rng.sample(MODELS, 1000):
        for _ in range(4):
            usage = any_usage(rng)
            quote = book.price(listed.provider_id, listed.name, NOW_US, usage)
            if quote is None:
                unknown += 1
                continue
            known = RATES[quote.price_id].known
            counted = [bit for bit, count in enumerate(counts_of(usage)) if count]
            assert all(known >> bit & 1 for bit in counted), (listed, usage)
            priced += 1

    assert priced > 300
    assert unknown > 300


def test_the_explained_parts_add_up_to_the_cost_or_a_reason_is_told(book: PriceBook) -> None:
    rng = random.Random(SEED + 1)

    for listed in rng.sample(MODELS, 1000):
        usage = any_usage(rng)
        quote = book.price(listed.provider_id, listed.name, NOW_US, usage)
        told = book.explain(listed.provider_id, listed.name, NOW_US, usage)
        assert told.cost_pico_usd == (quote.cost_pico_usd if quote else None), (listed, usage)
        assert bool(told.reasons) == (quote is None), (listed, usage, told)
        if quote is not None:
            amounts = [part.amount_pico for part in told.parts]
            assert None not in amounts
            total = sum((amount or Fraction(0) for amount in amounts), Fraction(0))
            assert abs(total - quote.cost_pico_usd) <= Fraction(1, 2), (listed, usage, told)
            assert all(part.units > 0 for part in told.parts)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each count in a body."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))
    elif type(value) is int:
        yield path


def _changed(body: Any, path: tuple[Any, ...], value: Any) -> bytes:
    changed = copy.deepcopy(body)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return msgspec.json.encode(changed)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.sender)
def test_what_is_no_count_counts_as_if_it_were_not_there(book: PriceBook, body: Any) -> None:
    for path in _places(body.answer):
        if path[-1] in NOT_COUNTED:
            continue
        absent = read(_changed(body.answer, path, None))
        for junk in JUNK:
            call = read(_changed(body.answer, path, msgspec.Raw(junk.encode())))
            assert call.usage == absent.usage, (path, junk)
            assert book.price("openai", "gpt-4o", NOW_US, call.usage) == book.price(
                "openai", "gpt-4o", NOW_US, absent.usage
            )


def test_no_body_of_junk_raises_or_costs_less_than_nothing(book: PriceBook) -> None:
    rng = random.Random(SEED + 2)
    keys = sorted(
        {step for body in BODIES for path in _places(body.answer) for step in path}, key=str
    )
    names = [key for key in keys if isinstance(key, str)]
    names += ["usage", "usageMetadata", "cost", "service_tier", "currency", "type", "ttl", "output"]

    def value(depth: int) -> Any:
        kind = rng.random()
        if depth and kind < 0.45:
            return {rng.choice(names): value(depth - 1) for _ in range(rng.randint(0, 6))}
        if depth and kind < 0.55:
            return [value(depth - 1) for _ in range(rng.randint(0, 3))]
        if kind < 0.75:
            return rng.randint(0, 300_000)
        return msgspec.Raw(rng.choice(JUNK).encode())

    for _ in range(1500):
        text = msgspec.json.encode({"usage": value(3), rng.choice(names): value(2)})
        for call in (read(text), read_agent_call(msgspec.json.decode(text).get("usage"))):
            counts = counts_of(call.usage)
            assert all(type(count) is int and count >= 0 for count in counts), text
            for provider, model in (("google", "gemini-2.5-flash"), ("openai", "gpt-5.4")):
                quote = book.price(provider, model, NOW_US, call.usage)
                told = book.explain(provider, model, NOW_US, call.usage)
                assert quote is None or quote.cost_pico_usd >= 0
                assert told.cost_pico_usd == (quote.cost_pico_usd if quote else None), text
            assert call.stated_usd is None or call.stated_usd >= 0


def test_what_the_answer_states_changes_nothing_of_what_is_computed(book: PriceBook) -> None:
    for body in BODIES:
        for stated in (0, 0.5, "7", -1, True, {"total_cost": 3, "currency": "USD"}):
            answer = {**body.answer, "total_cost": stated}
            for place in ("usage", "usageMetadata", "usage_metadata"):
                if place in answer:
                    answer[place] = {**answer[place], "cost": stated}
            with_cost, without = (
                read(msgspec.json.encode(answer)),
                read(msgspec.json.encode(body.answer)),
            )
            assert with_cost.usage == without.usage, (body.sender, stated)
            assert without.stated_usd is None
