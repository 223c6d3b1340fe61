"""The price book's own promises; its numbers are compared in test_prices_equal_the_library."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.llm.cost import book as book_module
from processors.llm.cost.book import PriceBook
from processors.llm.cost.table import COUNTERS
from processors.llm.cost.usage import EXTRA_COUNTS, Extras, Usage
from tests.unit.processors.cost.compiled import compiled_table
from tests.unit.processors.cost.library import rows_of

NOW_US = 1_795_000_000_000_000
TABLE = compiled_table()


class TestWhatIsNotPriced:
    def test_an_unknown_model_is_not_free(self, book: PriceBook) -> None:
        assert book.price("openai", "no-such-model", NOW_US, Usage(10, 10)) is None

    def test_an_unknown_provider_is_not_guessed_from_the_model(self, book: PriceBook) -> None:
        assert book.price("nobody", "gpt-4o", NOW_US, Usage(10, 10)) is None

    def test_a_call_without_token_counts_is_not_free(self, book: PriceBook) -> None:
        assert book.price("openai", "gpt-4o", NOW_US, Usage()) is None
        assert book.price("openai", "gpt-4o", NOW_US, Usage(cache_read_tokens=5)) is None

    def test_a_model_charged_by_the_hour_is_not_free(self, book: PriceBook) -> None:
        assert book.price("groq", "whisper-large-v3", NOW_US, Usage(10, 10)) is None

    def test_a_cost_that_the_store_cannot_hold_is_none(self, book: PriceBook) -> None:
        absurd = Usage(2**53 - 1, 2**53 - 1)

        assert book.price("openai", "gpt-4o", NOW_US, absurd) is None

    def test_an_overlong_name_is_unknown_and_leaves_no_trace(self) -> None:
        book = PriceBook(TABLE)

        assert book.price("openai", "gpt-4o" + "x" * 10_000, NOW_US, Usage(1, 1)) is None
        assert book.price("x" * 10_000, "gpt-4o", NOW_US, Usage(1, 1)) is None
        assert not book._young


class TestListPrices:
    @pytest.mark.parametrize(
        ("provider", "model", "usage", "cents"),
        [
            # Published, USD per million: gpt-4o 2.50, cached 1.25, out 10; gpt-4o-mini 0.15, 0.60;
            # claude-3-5-haiku 0.80; claude-opus-4-1 15, read 1.50, write 18.75 (1 h: 30), out 75;
            # gemini-2.5-pro 1.25 up to 200,000 of input, 2.50 above.
            ("openai", "gpt-4o", Usage(1000, 500), 0.75),
            ("openai", "gpt-4o", Usage(1000, 500, cache_read_tokens=400), 0.70),
            ("openai", "gpt-4o-mini", Usage(1_000_000, 1_000_000), 75),
            ("anthropic", "claude-3-5-haiku-latest", Usage(1_000_000, 0), 80),
            ("anthropic", "claude-opus-4-1", Usage(1_000_000, 0, cache_read_tokens=10**6), 150),
            ("anthropic", "claude-opus-4-1", Usage(0, 1_000_000), 7500),
            ("anthropic", "claude-opus-4-1", Usage(10**6, 0, cache_write_tokens=10**6), 1875),
            (
                "anthropic",
                "claude-opus-4-1",
                Usage(10**6, 0, cache_write_tokens=10**6, cache_write_1h_tokens=10**6),
                3000,
            ),
            ("google", "gemini-2.5-pro", Usage(200_000, 0), 25),
            ("google", "gemini-2.5-pro", Usage(200_001, 0), 50.00025),
            ("openai", "gpt-4o", Usage(1000, None), 0.25),
            ("openai", "gpt-4o", Usage(None, 500), 0.5),
        ],
    )
    def test_a_published_price_comes_out(
        self, book: PriceBook, provider: str, model: str, usage: Usage, cents: float
    ) -> None:
        quote = book.price(provider, model, NOW_US, usage)

        assert quote is not None
        assert quote.cost_pico_usd == round(cents * 10**10)

    def test_a_free_model_costs_zero(self, book: PriceBook) -> None:
        quote = book.price("mistral", "mistral-nemo:free", NOW_US, Usage(10, 10))

        assert quote is not None
        assert quote.cost_pico_usd == 0

    def test_the_price_id_names_the_row_that_the_cost_follows_from(self, book: PriceBook) -> None:
        rows = {row.price_id: row for row in rows_of(TABLE)}

        quote = book.price("azure", "gpt-4o", NOW_US, Usage(1000, 500))

        assert quote is not None
        assert quote.price_id == f"{book.snapshot}/openai/gpt-4o#0.0"
        rate = rows[quote.price_id].rate
        assert quote.cost_pico_usd == 1000 * rate.coefficients[0] + 500 * rate.coefficients[1]


class TestTheModelUsedElseTheOneRequested:
    def test_the_model_that_answered_is_charged(self, book: PriceBook) -> None:
        quote = book.price_used_or_requested(
            "openai", "gpt-4o-mini", "gpt-4o", NOW_US, Usage(1000, 500)
        )

        assert quote == book.price("openai", "gpt-4o-mini", NOW_US, Usage(1000, 500))

    @pytest.mark.parametrize("used", [None, "", "internal-name"])
    def test_an_unknown_answerer_is_charged_as_requested(
        self, book: PriceBook, used: str | None
    ) -> None:
        quote = book.price_used_or_requested("openai", used, "gpt-4o", NOW_US, Usage(1000, 500))

        assert quote == book.price("openai", "gpt-4o", NOW_US, Usage(1000, 500))

    def test_two_unknown_models_are_unpriced(self, book: PriceBook) -> None:
        assert book.price_used_or_requested("openai", "x", "y", NOW_US, Usage(1, 1)) is None
        assert book.price_used_or_requested("openai", None, None, NOW_US, Usage(1, 1)) is None


class TestInconsistentCounts:
    def test_more_cached_than_sent_costs_the_input_at_the_cached_rate(
        self, book: PriceBook
    ) -> None:
        quote = book.price("openai", "gpt-4o", NOW_US, Usage(100, 0, cache_read_tokens=999))

        assert quote == book.price("openai", "gpt-4o", NOW_US, Usage(100, 0, cache_read_tokens=100))

    def test_cached_tokens_without_an_input_are_the_input(self, book: PriceBook) -> None:
        quote = book.price("openai", "gpt-4o", NOW_US, Usage(None, 5, cache_read_tokens=100))

        assert quote == book.price("openai", "gpt-4o", NOW_US, Usage(100, 5, cache_read_tokens=100))

    def test_cached_audio_that_is_not_told_is_as_little_as_the_total_allows(
        self, book: PriceBook
    ) -> None:
        bit = 1 << COUNTERS.index("cache_audio_read_tokens")
        row = next(row for row in rows_of(TABLE) if row.rate.priced & bit)

        untold, told = (
            book.price(
                row.provider_id,
                row.model_id,
                NOW_US,
                Usage(
                    100,
                    0,
                    cache_read_tokens=80,
                    extras=Extras(input_audio_tokens=60, cache_audio_read_tokens=overlap),
                ),
            )
            for overlap in (None, 40)
        )

        assert untold is not None
        assert untold == told

    @settings(max_examples=600, deadline=None, derandomize=True)
    @given(
        st.sampled_from([(p.id, m.id) for p in TABLE.providers for m in p.models]),
        st.lists(st.none() | st.integers(0, 300), min_size=22, max_size=22),
    )
    def test_no_counts_raise_or_cost_less_than_nothing(
        self, name: tuple[str, str], counts: list[int | None]
    ) -> None:
        usage = Usage(*counts[:6], Extras(*counts[6:]))

        quote = PriceBook(TABLE).price(*name, NOW_US, usage)

        assert quote is None or quote.cost_pico_usd >= 0


def test_hostile_names_do_not_grow_memory_nor_push_out_a_name_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book_module, "_GENERATION", 64)
    book = PriceBook(TABLE)

    for number in range(1000):
        book.price("anthropic", f"claude-{number}", NOW_US, Usage(1, 1))
        assert book.price("openai", "gpt-4o", NOW_US, Usage(1, 1)) is not None
        assert len(book._young) <= 64
        assert len(book._old) <= 64
        assert ("openai", "gpt-4o") in {**book._young, **book._old}


def test_the_counters_are_the_fields_of_a_usage_in_order() -> None:
    assert (*Usage.__struct_fields__[:-1], *EXTRA_COUNTS) == COUNTERS


def test_every_provider_of_the_data_is_named(book: PriceBook) -> None:
    assert {"openai", "anthropic", "google", "openrouter", "azure", "aws"} <= book.providers
    assert len(book.providers) == len(TABLE.providers)
