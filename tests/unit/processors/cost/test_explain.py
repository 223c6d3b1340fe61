"""How a cost comes about, part by part."""

from __future__ import annotations

import random
from fractions import Fraction

from processors.llm.cost.book import PriceBook
from processors.llm.cost.explain import Modifier, Part
from processors.llm.cost.usage import Extras, Usage
from tests.unit.processors.cost.test_prices_equal_the_library import MODELS, consistent_usage

NOW_US = 1_795_000_000_000_000
DOLLAR = 10**12


def test_the_parts_of_a_call_are_named_with_count_rate_and_amount(book: PriceBook) -> None:
    usage = Usage(
        1000,
        200,
        cache_read_tokens=600,
        cache_write_tokens=300,
        cache_write_1h_tokens=100,
        reasoning_tokens=50,
        extras=Extras(web_searches=2, terms=(("inference_geo", "us"),)),
    )

    told = book.explain("anthropic", "claude-opus-4-8", NOW_US, usage)

    # Dollars a million, times 1.1: 5 fresh, 0.50 read, 6.25 written (1 h: 10), 25 out.
    rates = {"fresh": 5_500_000, "read": 550_000, "written": 6_875_000, "out": 27_500_000}
    assert told.parts == (
        Part("input_tokens", 100, Fraction(rates["fresh"]), Fraction(100 * rates["fresh"])),
        Part("output_tokens", 200, Fraction(rates["out"]), Fraction(200 * rates["out"])),
        Part("cache_read_tokens", 600, Fraction(rates["read"]), Fraction(600 * rates["read"])),
        Part(
            "cache_write_tokens", 200, Fraction(rates["written"]), Fraction(200 * rates["written"])
        ),
        Part("cache_write_1h_tokens", 100, Fraction(11_000_000), Fraction(1_100_000_000)),
        Part("web_searches", 2, Fraction(DOLLAR, 100), Fraction(DOLLAR, 50)),
    )
    assert told.modifiers == (Modifier("inference_geo", "us", Fraction(11, 10)),)
    assert told.cost_pico_usd == sum(part.amount_pico or 0 for part in told.parts)
    assert told.reasons == ()


def test_a_call_that_cannot_be_priced_says_why(book: PriceBook) -> None:
    absurd = Usage(2**53 - 1, 2**53 - 1)

    reasons = [
        book.explain("openai", "no-such-model", NOW_US, Usage(1, 1)).reasons,
        book.explain("nobody", "gpt-4o", NOW_US, Usage(1, 1)).reasons,
        book.explain("openai", "gpt-4o", NOW_US, Usage()).reasons,
        book.explain("openai", "tts-1", NOW_US, Usage(1, 1)).reasons,
        book.explain("openai", "gpt-4o", NOW_US, absurd).reasons,
    ]

    assert reasons == [("model",), ("model",), ("counts",), ("measure",), ("amount",)]


def test_the_parts_of_any_call_add_up_to_its_cost(book: PriceBook) -> None:
    rng = random.Random(20261128)
    priced = 0

    for listed in rng.sample(MODELS, 600):
        usage = consistent_usage(rng, rng.randint(0, 400_000))
        told = book.explain(listed.provider_id, listed.name, NOW_US, usage)
        quote = book.price(listed.provider_id, listed.name, NOW_US, usage)
        assert (told.cost_pico_usd, told.price_id) == (quote or (None, told.price_id))
        if quote is not None:
            total = sum((part.amount_pico or Fraction(0) for part in told.parts), Fraction(0))
            assert abs(total - quote.cost_pico_usd) <= Fraction(1, 2), (listed, usage)
            priced += 1

    assert priced > 20
