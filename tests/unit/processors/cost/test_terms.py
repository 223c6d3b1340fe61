"""What a call costs under other than the standard terms, and what it is charged besides tokens."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.call import Call, read_call
from schemas.llm.wire import Counts

NOW_US = 1_795_000_000_000_000  # 2026-11-18
CHAT = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
RESPONSES = {"input_tokens": 1000, "output_tokens": 1000, "total_tokens": 2000}
GEMINI = {"promptTokenCount": 1000, "candidatesTokenCount": 1000, "totalTokenCount": 2000}
CONVERSE = {"inputTokens": 1000, "outputTokens": 1000, "totalTokens": 2000}
SENT = Counts(1000, 1000, None, None, None)


def called(response: object, request: object = None) -> Call:
    counts = Counts(None, None, None, None, None) if response else SENT
    return read_call(counts, msgspec.json.encode(request or {}), msgspec.json.encode(response))


def cents(
    book: PriceBook, name: str, response: object, request: object = None, at_us: int = NOW_US
) -> float | None:
    provider, _, model = name.partition(" ")
    usage = called(response, request).usage
    quote = book.price(provider, model, at_us, usage)
    told = book.explain(provider, model, at_us, usage)
    assert told.cost_pico_usd == (quote.cost_pico_usd if quote else None)
    assert bool(told.reasons) == (quote is None)
    return quote.cost_pico_usd / 10**10 if quote else None


class TestServedTerms:
    """1,000 tokens in and 1,000 out, so the sum of both rates in dollars a million is in mills."""

    @pytest.mark.parametrize(
        ("name", "response", "want"),
        [
            # https://developers.openai.com/api/docs/pricing: gpt-5-mini .25/2, priority .45/3.60.
            ("openai gpt-5-mini", {"service_tier": "default", "usage": CHAT}, 0.225),
            ("openai gpt-5-mini", {"service_tier": "flex", "usage": CHAT}, 0.1125),
            ("openai gpt-5-mini", {"service_tier": "priority", "usage": CHAT}, 0.405),
            ("openai gpt-5-mini", {"service_tier": "fast", "usage": RESPONSES}, 0.405),
            ("openai gpt-5-mini", {"service_tier": "scale", "usage": CHAT}, None),
            ("openai gpt-5-mini", {"service_tier": "ultrafast", "usage": CHAT}, None),
            # A model that is not sold by flex.
            ("openai gpt-4o", {"service_tier": "flex", "usage": CHAT}, None),
            # A batch's line: half of gpt-4o's 2.50/10.
            (
                "openai gpt-4o",
                {"custom_id": "1", "response": {"status_code": 200, "body": {"usage": CHAT}}},
                0.625,
            ),
            # https://platform.claude.com/docs/en/about-claude/pricing: opus 4.8 5/25, fast 10/50.
            ("anthropic claude-opus-4-8", {"usage": {**RESPONSES, "service_tier": "batch"}}, 1.5),
            ("anthropic claude-opus-4-8", {"usage": {**RESPONSES, "speed": "fast"}}, 6),
            ("anthropic claude-opus-4-8", {"usage": {**RESPONSES, "speed": "standard"}}, 3),
            ("anthropic claude-opus-4-8", {"usage": {**RESPONSES, "inference_geo": "us"}}, 3.3),
            (
                "anthropic claude-opus-4-8",
                {"usage": {**RESPONSES, "inference_geo": "not_available"}},
                3,
            ),
            ("anthropic claude-opus-4-8", {"usage": {**RESPONSES, "inference_geo": "eu"}}, None),
            (
                "anthropic claude-opus-4-8",
                {"usage": {**RESPONSES, "inference_geo": "us", "speed": "fast"}},
                6.6,
            ),
            (
                "anthropic claude-opus-4-8",
                {"usage": {**RESPONSES, "inference_geo": "us", "service_tier": "batch"}},
                1.65,
            ),
            # Bought ahead of the call.
            (
                "anthropic claude-opus-4-8",
                {"usage": {**RESPONSES, "service_tier": "priority"}},
                None,
            ),
            ("anthropic claude-sonnet-4-5", {"usage": {**RESPONSES, "speed": "fast"}}, None),
            (
                "anthropic claude-opus-4-8",
                {
                    "custom_id": "1",
                    "result": {"type": "succeeded", "message": {"usage": RESPONSES}},
                },
                1.5,
            ),
            # https://ai.google.dev/gemini-api/docs/pricing: 2.5 flash .30/2.50, priority 1.8 times.
            (
                "google gemini-2.5-flash",
                {"usageMetadata": {**GEMINI, "trafficType": "ON_DEMAND"}},
                0.28,
            ),
            (
                "google gemini-2.5-flash",
                {"usageMetadata": {**GEMINI, "trafficType": "ON_DEMAND_FLEX"}},
                0.14,
            ),
            (
                "google gemini-2.5-flash",
                {"usageMetadata": {**GEMINI, "trafficType": "ON_DEMAND_PRIORITY"}},
                0.504,
            ),
            ("google gemini-2.5-flash", {"usageMetadata": {**GEMINI, "serviceTier": "flex"}}, 0.14),
            (
                "google gemini-2.5-flash",
                {"usageMetadata": {**GEMINI, "trafficType": "PROVISIONED_THROUGHPUT"}},
                None,
            ),
            ("google gemini-2.5-flash", {"key": "1", "response": {"usageMetadata": GEMINI}}, 0.14),
            (
                "google gemini-2.5-flash",
                {"processed_time": "2026-11-18", "response": {"usageMetadata": GEMINI}},
                0.14,
            ),
            (
                "aws amazon.nova-pro-v1:0",
                {"recordId": "1", "modelOutput": {"usage": CONVERSE}},
                0.2,
            ),
            # https://aws.amazon.com/bedrock/pricing/: Nova Pro .80/3.20, priority 1.75 times.
            ("aws amazon.nova-pro-v1:0", {"usage": CONVERSE, "serviceTier": {"type": "flex"}}, 0.2),
            (
                "aws amazon.nova-pro-v1:0",
                {"usage": CONVERSE, "serviceTier": {"type": "priority"}},
                0.7,
            ),
            (
                "aws amazon.nova-pro-v1:0",
                {"usage": CONVERSE, "serviceTier": {"type": "default"}},
                0.4,
            ),
            (
                "aws amazon.nova-pro-v1:0",
                {"usage": CONVERSE, "serviceTier": {"type": "reserved"}},
                None,
            ),
            (
                "aws amazon.nova-pro-v1:0",
                {"usage": CONVERSE, "performanceConfig": {"latency": "optimized"}},
                None,
            ),
            # https://console.groq.com/docs/flex-processing: at the price of on-demand.
            ("groq llama-3.1-8b-instant", {"service_tier": "flex", "usage": CHAT}, 0.013),
            ("groq llama-3.1-8b-instant", {"service_tier": "on_demand", "usage": CHAT}, 0.013),
            ("groq llama-3.1-8b-instant", {"service_tier": "performance", "usage": CHAT}, None),
            # The last published rates of sonar: 1/1, and 5 or 12 dollars for 1,000 requests.
            ("perplexity sonar", {"usage": {**CHAT, "search_context_size": "low"}}, 0.7),
            ("perplexity sonar", {"usage": {**CHAT, "search_context_size": "high"}}, 1.4),
            # Wrapped by Vercel's AI SDK and by LangChain.
            (
                "openai gpt-5-mini",
                {"usage": CONVERSE, "providerMetadata": {"openai": {"serviceTier": "flex"}}},
                0.1125,
            ),
            (
                "openai gpt-5-mini",
                {"usage_metadata": RESPONSES, "response_metadata": {"service_tier": "flex"}},
                0.1125,
            ),
        ],
    )
    def test_the_terms_under_which_a_call_was_served_make_its_price(
        self, book: PriceBook, name: str, response: dict[str, Any], want: float | None
    ) -> None:
        assert cents(book, name, response) == want

    @pytest.mark.parametrize(
        ("request_body", "response", "want"),
        [
            ({"service_tier": "priority"}, {"service_tier": "default", "usage": CHAT}, 0.225),
            ({"service_tier": "flex"}, {"service_tier": "priority", "usage": CHAT}, 0.405),
            ({"service_tier": "flex"}, {"usage": CHAT}, 0.1125),
            ({"service_tier": "flex"}, None, 0.1125),
            ({"service_tier": "auto"}, None, 0.225),
            ({"service_tier": 5}, None, 0.225),
        ],
    )
    def test_what_was_served_counts_over_what_was_asked_for(
        self,
        book: PriceBook,
        request_body: dict[str, Any],
        response: dict[str, Any] | None,
        want: float,
    ) -> None:
        assert cents(book, "openai gpt-5-mini", response, request_body) == want

    def test_a_cached_token_keeps_its_rate_where_the_tier_does_not_change_it(
        self, book: PriceBook
    ) -> None:
        usage = {**GEMINI, "cachedContentTokenCount": 1000, "trafficType": "ON_DEMAND_FLEX"}

        # Cached 0.03 on every tier, and half of 2.50.
        assert cents(book, "google gemini-2.5-flash", {"usageMetadata": usage}) == 0.128

    def test_searches_cost_the_same_in_a_batch(self, book: PriceBook) -> None:
        usage = {
            **RESPONSES,
            "service_tier": "batch",
            "inference_geo": "us",
            "server_tool_use": {"web_search_requests": 1},
        }

        assert cents(book, "anthropic claude-opus-4-8", {"usage": usage}) == 1.65 + 1

    def test_a_price_that_is_not_known_for_the_time_of_the_call_is_unknown(
        self, book: PriceBook
    ) -> None:
        served = {"service_tier": "priority", "usage": CHAT}
        in_2025 = 1_750_000_000_000_000

        assert cents(book, "openai gpt-4o-mini", served, at_us=in_2025) is None
        assert book.explain("openai", "gpt-4o-mini", in_2025, called(served).usage).reasons == (
            "term:service_tier=priority",
        )

    def test_a_seller_that_only_resells_has_no_terms_of_the_maker(self, book: PriceBook) -> None:
        served = {"service_tier": "flex", "usage": CHAT}

        assert cents(book, "azure gpt-5-mini", {"usage": CHAT}) == 0.225
        assert cents(book, "azure gpt-5-mini", served) is None

    def test_a_model_that_answered_under_unknown_terms_is_not_priced_as_the_one_asked_for(
        self, book: PriceBook
    ) -> None:
        usage = called({"service_tier": "flex", "usage": CHAT}).usage

        quote = book.price_used_or_requested("openai", "gpt-4o", "gpt-5-mini", NOW_US, usage)

        assert quote is None

    def test_the_price_id_names_the_terms(self, book: PriceBook) -> None:
        usage = called({"usage": {**RESPONSES, "speed": "fast", "inference_geo": "us"}}).usage

        quote = book.price("anthropic", "claude-opus-4-8", NOW_US, usage)

        assert quote is not None
        assert quote.price_id.endswith("/claude-opus-4-8+speed=fast#0.0+inference_geo=us")


class TestChargesThatAreNoTokens:
    """On 1,000 tokens in and out of gpt-4o: 1.25 cents."""

    @pytest.mark.parametrize(
        ("response", "want"),
        [
            ({"output": [{"type": "web_search_call", "status": "completed"}] * 3}, 3),
            ({"output": [{"type": "web_search_call", "action": {"type": "search"}}]}, 1),
            ({"output": [{"type": "web_search_call", "action": {"type": "open_page"}}]}, 0),
            ({"output": [{"type": "web_search_call", "status": "failed"}]}, 0),
            ({"output": [{"type": "file_search_call"}, {"type": "message"}]}, 0.25),
            (
                {
                    "output": [
                        {"type": "code_interpreter_call", "container_id": name}
                        for name in ("a", "a", "b")
                    ]
                },
                6,
            ),
            ({"output": [{"type": "code_interpreter_call"}]}, 3),
            (
                {
                    "output": [{"type": "web_search_call"}],
                    "tools": [{"type": "web_search_preview"}],
                },
                2.5,
            ),
            ({"choices": [{"message": {"annotations": [{"type": "url_citation"}]}}]}, 1),
            ({"output": [{"type": "function_call"}, {"type": 5}, 7]}, 0),
        ],
    )
    def test_tools_of_openai_are_charged(
        self, book: PriceBook, response: dict[str, Any], want: float
    ) -> None:
        assert cents(book, "openai gpt-4o", {**response, "usage": RESPONSES}) == 1.25 + want

    @pytest.mark.parametrize("tool", ["image_generation", "shell"])
    def test_a_tool_whose_charge_no_answer_counts_makes_the_cost_unknown(
        self, book: PriceBook, tool: str
    ) -> None:
        response = {"output": [{"type": f"{tool}_call"}], "usage": RESPONSES}

        assert cents(book, "openai gpt-4o", response) is None
        told = book.explain("openai", "gpt-4o", NOW_US, called(response).usage)
        assert told.reasons == (f"charge:{tool}",)

    @pytest.mark.parametrize(
        ("model", "fee"),
        [
            # One grounded prompt at 35 dollars for 1,000; later each query at 14, but no empty one.
            ("gemini-2.5-flash", 3.5),
            ("gemini-3.8-flash", 2.8),
        ],
    )
    def test_googles_searches_are_charged_by_prompt_or_by_query(
        self, book: PriceBook, model: str, fee: float
    ) -> None:
        grounding = {"webSearchQueries": ["a", "b", "", "a"]}
        plain = cents(book, f"google {model}", {"usageMetadata": GEMINI})

        grounded = cents(
            book,
            f"google {model}",
            {"candidates": [{"groundingMetadata": grounding}], "usageMetadata": GEMINI},
        )

        assert plain is not None
        assert grounded == pytest.approx(plain + fee)

    def test_xais_tools_are_charged_once_although_they_are_told_twice(
        self, book: PriceBook
    ) -> None:
        details = {"web_search_calls": 2, "x_search_calls": 1, "code_interpreter_calls": 1}
        plain = cents(book, "x-ai grok-4.3", {"usage": RESPONSES})

        called_tools = cents(
            book,
            "x-ai grok-4.3",
            {
                "output": [{"type": "web_search_call"}] * 2,
                "usage": {**RESPONSES, "server_side_tool_usage_details": details},
            },
        )

        assert plain is not None
        assert called_tools == pytest.approx(plain + 4 * 0.5)


class TestMissingRates:
    @pytest.mark.parametrize(
        ("name", "usage", "lacking"),
        [
            (
                "openai gpt-4o",
                {**CHAT, "prompt_tokens_details": {"audio_tokens": 900}},
                "input_audio_tokens",
            ),
            (
                "openai gpt-4o",
                {**CHAT, "completion_tokens_details": {"audio_tokens": 80}},
                "output_audio_tokens",
            ),
            (
                "openai gpt-4o",
                {**CHAT, "prompt_tokens_details": {"cache_write_tokens": 900}},
                "cache_write_tokens",
            ),
            (
                "openai gpt-5-pro",
                {**CHAT, "prompt_tokens_details": {"cached_tokens": 900}},
                "cache_read_tokens",
            ),
            (
                "aws global.anthropic.claude-sonnet-4-20250514-v1:0",
                {
                    **CONVERSE,
                    "cacheWriteInputTokens": 50,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 50}],
                },
                "cache_write_1h_tokens",
            ),
            (
                "google gemini-2.5-pro",
                {
                    **GEMINI,
                    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 500}],
                },
                "output_image_tokens",
            ),
            (
                "anthropic claude-2",
                {**RESPONSES, "server_tool_use": {"web_search_requests": 1}},
                "web_searches",
            ),
        ],
    )
    def test_a_part_without_a_rate_makes_the_cost_unknown_and_is_named(
        self, book: PriceBook, name: str, usage: dict[str, Any], lacking: str
    ) -> None:
        provider, _, model = name.partition(" ")
        place = "usageMetadata" if provider == "google" else "usage"
        usage_read = called({place: usage}).usage

        told = book.explain(provider, model, NOW_US, usage_read)

        assert book.price(provider, model, NOW_US, usage_read) is None
        assert told.reasons == (f"rate:{lacking}",)
        assert [part.name for part in told.parts if part.rate_pico is None] == [lacking]

    @pytest.mark.parametrize(
        ("name", "usage"),
        [
            # Reasoning at the rate of the output; images, video and, with Gemini's Pro, audio at
            # that of the input: the providers' pages name one price for all of them.
            ("openai gpt-5-mini", {**CHAT, "completion_tokens_details": {"reasoning_tokens": 900}}),
            ("openai gpt-4o", {**CHAT, "prompt_tokens_details": {"image_tokens": 900}}),
            ("google gemini-2.5-pro", {"promptTokensDetails": "VIDEO"}),
            ("google gemini-2.5-pro", {"promptTokensDetails": "AUDIO"}),
            ("google gemini-2.5-pro-tts", {"candidatesTokensDetails": "AUDIO"}),
        ],
    )
    def test_a_part_that_the_rate_of_its_whole_is_meant_for_is_priced_by_it(
        self, book: PriceBook, name: str, usage: dict[str, Any]
    ) -> None:
        plain: dict[str, Any] = {"usage": CHAT}
        parted: dict[str, Any] = {"usage": usage}
        if name.startswith("google"):
            ((key, modality),) = usage.items()
            plain = {"usageMetadata": GEMINI}
            parted = {
                "usageMetadata": {**GEMINI, key: [{"modality": modality, "tokenCount": 1000}]}
            }

        assert cents(book, name, parted) == cents(book, name, plain) is not None

    def test_a_part_of_a_free_model_is_free(self, book: PriceBook) -> None:
        usage = {**CHAT, "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 5}}

        assert cents(book, "mistral mistral-nemo:free", {"usage": usage}) == 0

    def test_a_second_of_audio_is_charged_where_the_model_is_sold_by_the_hour(
        self, book: PriceBook
    ) -> None:
        answer = {"usage": {"type": "duration", "seconds": 90}}

        # whisper-1: $0.006 a minute.
        assert cents(book, "openai whisper-1", answer) == 0.9
        assert cents(book, "openai gpt-4o-mini", answer) is None
