"""Our price of every listed model equals that of genai-prices, wherever each part has a rate.

Exactly, wherever the list price is a whole number of pico-dollars a token; within half a
pico-dollar in all, whatever the counts, where it is finer (26 rows, mostly 0.08333... rates).
The library charges a part without a rate at that of its whole. We say that its cost is unknown.
"""

from __future__ import annotations

import random
from datetime import date
from fractions import Fraction

import pytest
from genai_prices.data import providers as bundled_providers
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from processors.llm.cost import compile as compile_module
from processors.llm.cost.book import PriceBook
from processors.llm.cost.table import PriceTable
from processors.llm.cost.usage import Extras, Usage
from tests.unit.processors.cost.compiled import compiled_table
from tests.unit.processors.cost.library import (
    CORRECTED,
    Listed,
    library_pico_usd,
    listed_models,
    rows_of,
)

SEED = 20251121
NOW_US = 1_795_000_000_000_000  # November 2026: the data is of October 2026
TABLE = compiled_table()
MODELS = tuple(listed_models(TABLE))
FINE = {row.price_id for row in rows_of(TABLE) if row.rate.divisor != 1}


def consistent_usage(rng: random.Random, total_input: int) -> Usage:
    """Random counts that the library accepts: every leaf is drawn, every total is their sum."""
    cached_audio, cached_image, audio, image, video, read, write = (
        rng.randint(0, total_input // 8) * rng.randint(0, 1) for _ in range(7)
    )
    output, reasoning, out_audio, out_image, out_video = (
        rng.randint(0, 50_000) * rng.randint(0, 1) for _ in range(5)
    )
    return Usage(
        input_tokens=total_input,
        output_tokens=output + reasoning + out_audio + out_image + out_video,
        cache_read_tokens=read + cached_audio + cached_image,
        cache_write_tokens=write,
        cache_write_1h_tokens=rng.randint(0, write),
        reasoning_tokens=reasoning,
        extras=Extras(
            input_audio_tokens=audio + cached_audio,
            output_audio_tokens=out_audio,
            cache_audio_read_tokens=cached_audio,
            input_image_tokens=image + cached_image,
            output_image_tokens=out_image,
            cache_image_read_tokens=cached_image,
            input_video_tokens=video,
            output_video_tokens=out_video,
            web_searches=rng.randint(0, 1),
        ),
    )


def without_what_lacks_a_rate(usage: Usage, reasons: tuple[str, ...]) -> Usage:
    """The usage without the parts that have no rate, and what is left in their wholes."""
    lacking = {reason.removeprefix("rate:") for reason in reasons}
    plain = {name: 0 for name in lacking if hasattr(usage, name)}
    rare = dict.fromkeys(lacking - plain.keys(), 0)
    assert usage.extras is not None
    return structs.replace(usage, **plain, extras=structs.replace(usage.extras, **rare))


def check(book: PriceBook, listed: Listed, at_us: int, usage: Usage) -> None:
    if listed.provider_id in SEARCHES_PRICED_BY_US:
        usage = without_what_lacks_a_rate(usage, ("rate:web_searches",))
    quote = book.price(listed.provider_id, listed.name, at_us, usage)
    if quote is None:
        told = book.explain(listed.provider_id, listed.name, at_us, usage)
        if told.reasons == ("measure",):
            assert listed.model_id in UNCOUNTABLE, listed
            return
        assert all(reason.startswith("rate:") for reason in told.reasons), (listed, told)
        usage = without_what_lacks_a_rate(usage, told.reasons)
        quote = book.price(listed.provider_id, listed.name, at_us, usage)
        assert quote is not None, (listed, told)
    theirs = library_pico_usd(listed.provider_id, listed.name, at_us, usage)

    if quote.price_id in FINE:
        assert abs(quote.cost_pico_usd - theirs) <= Fraction(1, 2), (listed, at_us, usage)
    else:
        assert quote.cost_pico_usd == theirs, (listed, at_us, usage)


SEARCHES_PRICED_BY_US = {"mistral", "x-ai"}
UNCOUNTABLE = {
    model.id
    for provider in TABLE.providers
    for model in provider.models
    if any(not epoch.rates for epoch in model.epochs)
}


@pytest.mark.slow
def test_every_model_costs_the_same_at_every_edge_of_time_and_input(book: PriceBook) -> None:
    rng = random.Random(SEED)
    checked = 0
    listed_alike = sum(len(provider.models) for provider in TABLE.providers) - len(CORRECTED)
    assert len(MODELS) >= 0.99 * listed_alike

    for listed in MODELS:
        inputs = [0, *(rng.randint(1, 1_000_000) for _ in range(4))]
        inputs += [edge for t in listed.thresholds for edge in (t, t + 1)]
        for at_us in (NOW_US, *listed.edges_us):
            for total_input in inputs:
                check(book, listed, at_us, consistent_usage(rng, total_input))
                checked += 1

    assert checked > 14_000


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    listed=st.sampled_from(MODELS),
    at_us=st.integers(1_577_836_800_000_000, 1_893_456_000_000_000),
    total_input=st.integers(0, 3_000_000),
    seed=st.integers(0, 2**32),
)
def test_any_model_costs_the_same_at_any_time_for_any_usage(
    listed: Listed, at_us: int, total_input: int, seed: int
) -> None:
    check(PriceBook(TABLE), listed, at_us, consistent_usage(random.Random(seed), total_input))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    listed=st.sampled_from(MODELS),
    counts=st.lists(st.none() | st.integers(0, 2000), min_size=14, max_size=14),
)
def test_any_usage_that_the_library_accepts_costs_the_same(
    listed: Listed, counts: list[int | None]
) -> None:
    usage = Usage(*counts[:6], Extras(*counts[6:]))
    try:
        theirs = library_pico_usd(listed.provider_id, listed.name, NOW_US, usage)
    except ValueError:
        theirs = None

    quote = PriceBook(TABLE).price(listed.provider_id, listed.name, NOW_US, usage)

    if usage.input_tokens is None and usage.output_tokens is None:
        assert quote is None
    elif quote is not None:
        assert quote.cost_pico_usd >= 0
        assert theirs is None or abs(quote.cost_pico_usd - theirs) <= Fraction(1, 2)


def test_every_price_that_the_library_lists_under_a_term_is_ours(book: PriceBook) -> None:
    checked = 0
    for listed in MODELS:
        provider = next(p for p in bundled_providers if p.id == listed.provider_id)
        model = next(m for m in provider.models if m.id == listed.model_id)
        for variant in model.price_variants or ():
            if variant.constraint and variant.constraint.start_date > date(2026, 11, 18):
                continue
            terms = tuple(variant.when.items())
            usage = Usage(300_000, 2_000, extras=Extras(terms=terms))

            quote = book.price(listed.provider_id, listed.name, NOW_US, usage)

            if quote is not None:
                theirs = library_pico_usd(listed.provider_id, listed.name, NOW_US, usage)
                assert abs(quote.cost_pico_usd - theirs) <= Fraction(1, 2), (listed, terms)
                checked += 1

    assert checked > 150


def test_a_rate_too_fine_to_keep_is_rounded_half_to_even(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compile_module, "_MAX_COEFFICIENT", 10**15)

    rows = rows_of(compile_module.compile_table())

    rounded = {
        row.price_id.partition("/")[2]: row.rate for row in rows if row.rate.divisor == 10**6
    }
    rate = rounded["openrouter/google/gemini-2.5-flash#1.0"]
    # 0.0833333333333333 and 0.3 USD per million: 83,333.333333 - 300,000 pico-dollars a token
    assert rate.coefficients[3] == -216_666_666_667


def test_no_list_price_had_to_be_rounded(table: PriceTable) -> None:
    rows = rows_of(table)

    assert not [row.price_id for row in rows if row.rate.divisor == 10**6]
    assert len({row.price_id for row in rows}) == len(rows)
