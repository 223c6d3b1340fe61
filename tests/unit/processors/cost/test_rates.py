"""Rates that the price list lacks or has wrong, and names that it takes for another model's.

Each sum is worked out by hand from the page that the entry of corrections.toml or terms.toml names.
"""

from __future__ import annotations

import tomllib
from datetime import datetime

import pytest
from genai_prices.data import providers as bundled_providers

from processors.llm.cost.book import PriceBook
from processors.llm.cost.overlay import Overlay, start_of, term_of
from processors.llm.cost.table import TERMS_FILE, PriceTable
from processors.llm.cost.usage import Extras, Usage
from tests.unit.processors.cost.library import CORRECTED

MILLION = 10**6
NOW = "2026-11-20T12:00:00Z"


def usd_of(book: PriceBook, name: str, usage: Usage, at: str = NOW) -> float | None:
    provider, _, model = name.partition(" ")
    at_us = round(datetime.fromisoformat(at).timestamp() * MILLION)
    quote = book.price(provider, model, at_us, usage)
    return None if quote is None else quote.cost_pico_usd / 10**12


@pytest.mark.parametrize(
    ("name", "usage", "usd"),
    [
        # Claude Sonnet 4, more than 200,000 tokens of input: 6 and 22.50, written 7.50, read 0.60.
        ("anthropic claude-sonnet-4-20250514", Usage(200_000, 1000), 0.6 + 0.015),
        ("anthropic claude-sonnet-4-20250514", Usage(200_001, 1000), 1.200006 + 0.0225),
        (
            "anthropic claude-sonnet-4-20250514",
            Usage(300_000, 0, cache_read_tokens=200_000, cache_write_tokens=50_000),
            0.3 + 0.12 + 0.375,
        ),
        ("vertex_ai claude-sonnet-4@20250514", Usage(300_000, 1000), 1.8 + 0.0225),
        ("aws eu.anthropic.claude-sonnet-4-20250514-v1:0", Usage(300_000, 0), 1.8),
        # Grok 4 doubles above 128,000.
        ("xai grok-4", Usage(128_000, 1000), 0.384 + 0.015),
        ("xai grok-4", Usage(128_001, 1000), 0.768006 + 0.030),
        ("xai grok-4-fast", Usage(200_000, 1000), 0.08 + 0.001),
        ("xai grok-4-1-fast-non-reasoning", Usage(100_000, 1000), 0.02 + 0.0005),
        # Half of gemini-1.5-flash, whose name it begins with.
        ("google gemini-1.5-flash-8b", Usage(MILLION // 10, 0), 0.00375),
        ("google models/gemini-1.5-flash-8b-001", Usage(0, MILLION), 0.15),
        ("google gemini-1.5-flash", Usage(MILLION // 10, 0), 0.0075),
        # Amazon Nova in Europe.
        ("aws us.amazon.nova-pro-v1:0", Usage(MILLION, MILLION), 0.80 + 3.20),
        ("aws eu.amazon.nova-pro-v1:0", Usage(MILLION, MILLION), 1.05 + 4.20),
        ("aws eu.amazon.nova-lite-v1:0", Usage(MILLION, MILLION), 0.078 + 0.312),
        (
            "aws arn:aws:bedrock:eu-west-1:1234:inference-profile/eu.amazon.nova-micro-v1:0",
            Usage(MILLION, MILLION),
            0.046 + 0.184,
        ),
        # Azure's own DeepSeek.
        ("azure DeepSeek-R1", Usage(MILLION, MILLION), 1.35 + 5.40),
        ("azure azure_ai/deepseek-v3", Usage(MILLION, MILLION), 1.14 + 4.56),
        # Sonar's request costs least where nothing is said, 5 and 6 dollars for 1,000.
        ("perplexity sonar", Usage(1000, 1000), 0.001 + 0.001 + 0.005),
        ("perplexity sonar-pro", Usage(1000, 1000), 0.003 + 0.015 + 0.006),
    ],
)
def test_a_call_costs_what_its_provider_says(
    book: PriceBook, name: str, usage: Usage, usd: float
) -> None:
    assert usd_of(book, name, usage) == pytest.approx(usd, rel=1e-12)


@pytest.mark.parametrize(
    ("size", "sonar", "pro"), [("low", 5, 6), ("medium", 8, 10), ("high", 12, 14)]
)
def test_a_request_of_sonar_costs_by_how_much_it_searched(
    book: PriceBook, size: str, sonar: int, pro: int
) -> None:
    usage = Usage(0, 0, extras=Extras(terms=(("search_context_size", size),)))

    assert usd_of(book, "perplexity sonar", usage) == sonar / 1000
    assert usd_of(book, "perplexity sonar-reasoning-pro", usage) == pro / 1000


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        # Open weights, which their makers do not sell.
        ("openai gpt-oss-120b", "model"),
        ("azure gpt-oss-20b", "model"),
        ("deepseek deepseek-v3.2-exp", "model"),
        ("mistral mistral-small-3.1-24b-instruct", "model"),
        # Azure has a price of its own for it, which no list names.
        ("azure deepseek-v3.2", "model"),
        # Regions with other prices.
        ("azure us/gpt-4.1", "custom"),
        ("azure azure/eu/gpt-4.1-mini", "custom"),
        ("aws apac.amazon.nova-lite-v1:0", "custom"),
        ("aws eu.meta.llama3-2-1b-instruct-v1:0", "custom"),
        ("litellm bedrock/ap-south-1/meta.llama3-70b-instruct-v1:0", "custom"),
        (
            "aws arn:aws:bedrock:eu-central-1::foundation-model/amazon.titan-embed-text-v2:0",
            "custom",
        ),
        (
            "google projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-8",
            "custom",
        ),
        ("openai ft:gpt-4-0613:org::x", "custom"),
        # A search in each answer, for a fee that no answer tells.
        ("openai gpt-4o-search-preview", "measure"),
        ("openai gpt-4o-mini-search-preview-2025-03-11", "measure"),
        ("openai gpt-5-search-api", "measure"),
        # The name has led to three models.
        ("mistral mistral-large-latest", "time"),
    ],
)
def test_a_price_that_nobody_names_is_unknown_and_not_anothers(
    book: PriceBook, name: str, reason: str
) -> None:
    provider, _, model = name.partition(" ")
    at_us = round(datetime.fromisoformat(NOW).timestamp() * MILLION)

    assert usd_of(book, name, Usage(1000, 0)) is None
    assert book.explain(provider, model, at_us, Usage(1000, 0)).reasons == (reason,)


@pytest.mark.parametrize(
    ("provider", "used", "requested"),
    [
        ("aws", "apac.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("anthropic", "claude-opus-4-8-fast", "claude-opus-4-8"),
        ("azure", "eu/gpt-4.1", "gpt-4.1"),
        ("openai", "ft:gpt-4-0613:org::x", "gpt-4"),
    ],
)
def test_a_variant_that_answered_has_not_the_price_of_the_model_asked_for(
    book: PriceBook, provider: str, used: str, requested: str
) -> None:
    usage, at_us = Usage(1000, 1000), 1_795_000_000_000_000

    told = book.explain_used_or_requested(provider, used, requested, at_us, usage)

    assert book.price_used_or_requested(provider, used, requested, at_us, usage) is None
    assert (told[0], told[1].reasons) == (used, ("custom",))
    assert book.price_used_or_requested(provider, "our-name", requested, at_us, usage) is not None


def test_a_name_has_the_price_of_the_model_that_it_led_to(book: PriceBook) -> None:
    usage = Usage(MILLION, MILLION)

    assert usd_of(book, "mistral mistral-large-latest", usage, "2025-12-01T23:59:59Z") == 2 + 6
    assert usd_of(book, "mistral mistral-large-latest", usage, "2025-12-02T00:00:00Z") is None
    assert usd_of(book, "mistral mistral-large-2512", usage) == 0.5 + 1.5


@pytest.mark.parametrize(
    ("name", "term"),
    [
        # Priority excludes long inputs; flex and batch of 5.5 Pro are listed without them.
        ("openai gpt-5.5", ("service_tier", "priority")),
        ("openai gpt-5.4", ("service_tier", "fast")),
        ("openai gpt-5.5-pro", ("service_tier", "flex")),
        ("openai gpt-5.5-pro", ("processing", "batch")),
    ],
)
def test_a_long_input_has_no_price_under_a_term_that_is_listed_for_short_ones(
    book: PriceBook, name: str, term: tuple[str, str]
) -> None:
    under = Extras(terms=(term,))

    assert usd_of(book, name, Usage(272_000, 1000, extras=under)) is not None
    assert usd_of(book, name, Usage(272_001, 1000, extras=under)) is None
    assert usd_of(book, name, Usage(272_001, 1000)) is not None


def test_a_long_input_costs_more_under_a_term_that_says_so(book: PriceBook) -> None:
    under = Extras(terms=(("service_tier", "flex"),))

    # GPT-5.4 by flex: 1.25 and 7.50, above 272,000 tokens 2.50 and 11.25.
    assert usd_of(book, "openai gpt-5.4", Usage(272_000, 1000, extras=under)) == 0.3475
    assert usd_of(book, "openai gpt-5.4", Usage(300_000, 1000, extras=under)) == 0.76125


def test_thoughts_have_no_price_where_they_change_that_of_the_answer(book: PriceBook) -> None:
    for model in ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview-04-17"):
        assert usd_of(book, f"google {model}", Usage(1000, MILLION)) == pytest.approx(0.60015)
        assert usd_of(book, f"google {model}", Usage(1000, 9, reasoning_tokens=5)) is None


def test_a_rate_of_later_days_is_not_that_of_earlier_ones(book: PriceBook) -> None:
    cached = Usage(MILLION, 0, cache_read_tokens=MILLION)

    assert usd_of(book, "openai o3", Usage(MILLION, 0), "2025-06-09T12:00:00Z") == 10
    assert usd_of(book, "openai o3", cached, "2025-06-09T12:00:00Z") is None
    assert usd_of(book, "openai o3", cached, "2025-06-10T00:00:00Z") == 0.5


@pytest.mark.parametrize("model", ["gpt-4o-audio-preview", "gpt-4o-realtime-preview"])
def test_the_first_snapshots_have_no_known_rate_for_audio(book: PriceBook, model: str) -> None:
    spoken = Usage(1000, 1000, extras=Extras(input_audio_tokens=900))

    assert usd_of(book, f"openai {model}-2024-10-01", spoken) is None
    assert usd_of(book, f"openai {model}-2024-12-17", spoken) is not None
    assert usd_of(book, f"openai {model}-2024-10-01", Usage(1000, 1000)) is not None


@pytest.mark.parametrize("context", ["", "[1m]"])
def test_the_mark_for_a_long_context_changes_no_price(book: PriceBook, context: str) -> None:
    names = ("anthropic claude-opus-4-8", "aws us.anthropic.claude-opus-4-8")

    costs = [usd_of(book, f"{name}{context}", Usage(MILLION, 0)) for name in names]

    assert costs == [5, 5.5]


@pytest.mark.parametrize("name", ["terms.toml", "corrections.toml"])
def test_each_entry_names_a_page_and_a_page_that_was_read_what_it_says(name: str) -> None:
    entries = tomllib.loads(TERMS_FILE.with_name(name).read_text())

    for entry in (entry for kind in entries.values() for entry in kind):
        assert entry["source"].startswith("https://"), entry
        assert ("says" in entry) == ("read" in entry), entry


def test_what_the_list_took_from_a_reseller_is_not_its_makers_price() -> None:
    """The list says so in a comment; an entry that a later list checks needs no correction."""
    taken = {
        (provider.id, model.id)
        for provider in bundled_providers
        for model in provider.models
        if "Imported from OpenRouter" in (comment := model.price_comments or "")
        and "Verified" not in comment
    }

    assert taken
    assert taken <= CORRECTED


def test_a_tier_of_openai_is_sold_for_the_models_that_the_list_names_now(
    table: PriceTable,
) -> None:
    """What terms.toml adds for the time before the list's own entries is for the same models."""
    overlay = Overlay()
    openai = next(one for one in table.providers if one.id == "openai")

    for model in openai.models:
        for variant in overlay.variants("openai", model.id):
            starts = [v.start_us for v in model.variants if v.term == term_of(variant.term)]
            assert len(starts) == 2, (model.id, variant.term)
            assert min(starts) == start_of(variant.start)
