"""What our price table has beyond genai-prices: prices by the hour, fine-tuned models."""

from __future__ import annotations

from datetime import datetime

import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.usage import Usage

MILLION = 10**6


def usd_of(book: PriceBook, provider: str, model: str, at: str, usage: Usage) -> float | None:
    at_us = round(datetime.fromisoformat(at).timestamp() * MILLION)
    quote = book.price(provider, model, at_us, usage)
    return None if quote is None else quote.cost_pico_usd / 10**12


@pytest.mark.parametrize(
    ("at", "model", "usd"),
    [
        # https://api-docs.deepseek.com/quick_start/pricing and its news: flat, then twice as much
        # in peak hours, of every day, since 2026-08-23 in Beijing of working days only.
        ("2026-08-16T15:59:59Z", "deepseek-v4-flash", 0.28),
        ("2026-08-16T16:00:00Z", "deepseek-v4-flash", 0.66),
        ("2026-08-17T01:00:00Z", "deepseek-v4-flash", 1.32),
        ("2026-08-17T04:00:00Z", "deepseek-v4-flash", 0.66),
        ("2026-08-22T02:00:00Z", "deepseek-v4-flash", 1.32),  # a Saturday before the rule
        ("2026-08-23T02:00:00Z", "deepseek-v4-flash", 0.66),  # the first Sunday after it
        ("2026-08-24T02:00:00Z", "deepseek-v4-flash", 1.32),
        ("2026-09-10T03:59:59Z", "deepseek-v4-flash", 1.32),
        ("2026-09-10T04:00:00Z", "deepseek-v4-flash", 0.60),
        ("2026-09-11T06:00:00Z", "deepseek-v4-flash", 1.20),
        ("2026-09-11T10:00:00Z", "deepseek-v4-flash", 0.60),
        ("2026-09-12T06:00:00Z", "deepseek-v4-flash", 0.60),
        ("2026-09-14T06:00:00Z", "deepseek-flash", 1.20),
        ("2026-09-13T06:00:00Z", "deepseek-flash", 0.60),
        ("2026-07-01T07:00:00Z", "deepseek-v4-pro", 0.87),
        ("2026-08-18T07:00:00Z", "deepseek-v4-pro", 3.96),
        ("2026-11-22T07:00:00Z", "deepseek-v4-pro", 1.98),
        ("2025-06-02T00:00:00Z", "deepseek-chat", 0.55),
        ("2025-06-02T12:00:00Z", "deepseek-chat", 1.10),
        ("2025-09-10T00:00:00Z", "deepseek-chat", 1.68),
        ("2025-10-10T12:00:00Z", "deepseek-reasoner", 0.42),
    ],
)
def test_a_price_holds_from_its_start_on_its_days_at_its_hours(
    book: PriceBook, at: str, model: str, usd: float
) -> None:
    assert usd_of(book, "deepseek", model, at, Usage(0, MILLION)) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("model", "input_usd", "cached_usd", "output_usd"),
    [
        # https://developers.openai.com/api/docs/pricing#fine-tuning
        ("ft:gpt-4o-2024-11-20:org::x", 3.75, 1.875, 15),
        ("ft:gpt-4o-mini-2024-07-18:org::x", 0.30, 0.15, 1.20),
        ("ft:gpt-4.1-2025-04-14:org::x", 3, 0.75, 12),
        ("ft:gpt-4.1-mini-2025-04-14:org::x", 0.80, 0.20, 3.20),
        ("ft:gpt-4.1-nano-2025-04-14:org::x", 0.20, 0.05, 0.80),
        ("ft:o4-mini-2025-04-16:org::x", 4, 1, 16),
    ],
)
def test_a_fine_tuned_model_has_rates_of_its_own(
    book: PriceBook, model: str, input_usd: float, cached_usd: float, output_usd: float
) -> None:
    at = "2026-11-20T12:00:00Z"

    for usage, usd in (
        (Usage(MILLION, 0), input_usd),
        (Usage(MILLION, 0, cache_read_tokens=MILLION), cached_usd),
        (Usage(0, MILLION), output_usd),
    ):
        assert usd_of(book, "openai", model, at, usage) == pytest.approx(usd)


def test_a_free_variant_costs_nothing_whatever_is_cached(book: PriceBook) -> None:
    usage = Usage(1000, 1000, cache_read_tokens=10, reasoning_tokens=10)

    for model in ("nobody/new-model:free", "deepseek/deepseek-r1:free", "openrouter/free"):
        assert usd_of(book, "openrouter", model, "2026-11-20T12:00:00Z", usage) == 0
