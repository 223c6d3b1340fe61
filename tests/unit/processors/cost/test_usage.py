"""Usage as the providers really write it, made inclusive; and junk, which is nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.llm.cost.answers import find_usage
from processors.llm.cost.book import PriceBook
from processors.llm.cost.fit import counts_of
from processors.llm.cost.usage import Extras, SentCounts, Usage, usage_of, usage_of_agent

NOW_US = 1_795_000_000_000_000

OPENAI_CHAT = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 128,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
OPENAI_RESPONSES = {
    "input_tokens": 328,
    "input_tokens_details": {"cached_tokens": 128},
    "output_tokens": 52,
    "output_tokens_details": {"reasoning_tokens": 40},
    "total_tokens": 380,
}
OPENAI_REALTIME = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
ANTHROPIC = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 2000,
    "cache_read_input_tokens": 188086,
    "cache_creation": {"ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 1544},
    "output_tokens": 393,
    "server_tool_use": {"web_search_requests": 2},
    "service_tier": "standard",
}
GEMINI = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 400,
    "candidatesTokenCount": 200,
    "toolUsePromptTokenCount": 30,
    "thoughtsTokenCount": 500,
    "totalTokenCount": 1730,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 900},
        {"modality": "AUDIO", "tokenCount": 100},
    ],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 400}],
}
XAI_CHAT = {  # reasoning is outside of completion_tokens; only the total tells
    "prompt_tokens": 32,
    "completion_tokens": 9,
    "total_tokens": 135,
    "prompt_tokens_details": {"cached_tokens": 6, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 94, "audio_tokens": 0},
}
DEEPSEEK = {
    "prompt_tokens": 500,
    "completion_tokens": 10,
    "total_tokens": 510,
    "prompt_cache_hit_tokens": 448,
    "prompt_cache_miss_tokens": 52,
}
BEDROCK = {
    "inputTokens": 12,
    "outputTokens": 30,
    "totalTokens": 1042,
    "cacheReadInputTokens": 900,
    "cacheWriteInputTokens": 100,
}
VERCEL = {
    "inputTokens": 100,
    "outputTokens": 50,
    "totalTokens": 150,
    "reasoningTokens": 20,
    "cachedInputTokens": 80,
}
CLI = {
    "input_tokens": 7,
    "output_tokens": 500,
    "reasoning_tokens": 90,
    "cache_read_tokens": 40_000,
    "cache_write_tokens": 1200,
    "cost": 0.0421,
}


class TestJunk:
    @pytest.mark.parametrize(
        "raw",
        [None, True, 7, "usage", [], {}, {"input_tokens": None}, {"a": {"b": []}}, [OPENAI_CHAT]],
    )
    def test_what_is_no_usage_object_leaves_the_senders_counts(self, raw: object) -> None:
        assert usage_of(SentCounts(10, 20), raw) == Usage(10, 20)
        assert usage_of_agent(raw) == Usage()

    @pytest.mark.parametrize("count", ["5", -1, 5.0, True, 2**53, 10**400, [5], {"n": 5}, None])
    def test_what_is_no_count_is_absent(self, count: Any) -> None:
        raw = {
            "prompt_tokens": count,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": count},
            "completion_tokens_details": count,
        }

        assert usage_of(SentCounts(), raw) == Usage(None, 3)
        assert usage_of(SentCounts(count, 3), None) == Usage(None, 3)

    json = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-5, 2**60)
        | st.floats(allow_nan=True)
        | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    sorted(
                        {
                            *(
                                key
                                for shape in (OPENAI_CHAT, OPENAI_REALTIME, ANTHROPIC)
                                for key in shape
                            ),
                            *(key for shape in (GEMINI, BEDROCK, VERCEL, CLI) for key in shape),
                            *(
                                "cached_tokens",
                                "audio_tokens",
                                "reasoning_tokens",
                                "usage",
                                "modality",
                            ),
                        }
                    )
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=15,
    )

    @settings(max_examples=500, deadline=None, derandomize=True)
    @given(
        raw=json,
        counts=st.lists(st.none() | st.integers(0, 2**53), min_size=6, max_size=6),
    )
    def test_no_body_raises_and_every_count_is_one(
        self, book: PriceBook, raw: object, counts: list[int | None]
    ) -> None:
        for usage in (usage_of(SentCounts(*counts), raw), usage_of_agent(find_usage(raw))):
            assert all(type(count) is int and count >= 0 for count in counts_of(usage))
            quote = book.price("openai", "gpt-4o", NOW_US, usage)
            assert quote is None or quote.cost_pico_usd >= 0


class TestShapes:
    @pytest.mark.parametrize(
        ("raw", "usage"),
        [
            (
                OPENAI_CHAT,
                Usage(2006, 300, cache_read_tokens=1920, reasoning_tokens=128),
            ),
            (OPENAI_RESPONSES, Usage(328, 52, cache_read_tokens=128, reasoning_tokens=40)),
            (
                OPENAI_REALTIME,
                Usage(
                    132,
                    121,
                    cache_read_tokens=64,
                    extras=Extras(
                        input_audio_tokens=13, output_audio_tokens=91, cache_audio_read_tokens=4
                    ),
                ),
            ),
            (
                ANTHROPIC,
                Usage(
                    190_107,
                    393,
                    cache_read_tokens=188_086,
                    cache_write_tokens=2000,
                    cache_write_1h_tokens=1544,
                    extras=Extras(web_searches=2),
                ),
            ),
            (
                GEMINI,
                Usage(
                    1030,
                    700,
                    cache_read_tokens=400,
                    reasoning_tokens=500,
                    extras=Extras(input_audio_tokens=100),
                ),
            ),
            (DEEPSEEK, Usage(500, 10, cache_read_tokens=448)),
            (BEDROCK, Usage(1012, 30, cache_read_tokens=900, cache_write_tokens=100)),
            (VERCEL, Usage(100, 50, cache_read_tokens=80, reasoning_tokens=20)),
        ],
        ids=["chat", "responses", "realtime", "anthropic", "gemini", "deepseek", "bedrock", "ai"],
    )
    def test_a_providers_object_is_read_by_its_own_convention(
        self, raw: dict[str, object], usage: Usage
    ) -> None:
        assert usage_of(SentCounts(), raw) == usage

    def test_geminis_python_names_are_the_same_object(self) -> None:
        raw = {
            "prompt_token_count": 1000,
            "cached_content_token_count": 400,
            "candidates_token_count": 200,
            "thoughts_token_count": 500,
            "prompt_tokens_details": [{"modality": "AUDIO", "token_count": 100}],
        }

        assert usage_of(SentCounts(), raw) == Usage(
            1000,
            700,
            cache_read_tokens=400,
            reasoning_tokens=500,
            extras=Extras(input_audio_tokens=100),
        )

    def test_the_usage_object_is_found_where_each_provider_puts_it(self) -> None:
        assert find_usage({"usage": OPENAI_CHAT}) is OPENAI_CHAT
        assert find_usage({"usageMetadata": GEMINI}) is GEMINI
        assert find_usage({"usage": "no"}) is None
        assert find_usage({"content": "hi", "inputTokens": 50, "outputTokens": 100}) is None
        assert find_usage(["usage"]) is None


class TestTheSendersOwnTotals:
    @pytest.mark.parametrize(
        "sent", [SentCounts(), SentCounts(21, 393), SentCounts(190_107, 393), SentCounts(0, 0)]
    )
    def test_the_providers_object_stands_for_either_reading_of_it(self, sent: SentCounts) -> None:
        usage = usage_of(sent, ANTHROPIC)

        assert (usage.input_tokens, usage.cache_read_tokens) == (190_107, 188_086)

    def test_an_object_about_something_else_is_left_out_side_by_side(self) -> None:
        counted = usage_of(SentCounts(5000, 300), OPENAI_CHAT)

        assert counted == Usage(5000, 300, reasoning_tokens=128)

    def test_plain_counts_have_nothing_to_settle(self) -> None:
        assert usage_of(SentCounts(50, 100), None) == Usage(50, 100)


class TestAmbiguousTotals:
    def test_a_grand_total_decides(self) -> None:
        exclusive = usage_of(SentCounts(100, 10, cache_read_tokens=50, total_tokens=160), None)
        inclusive = usage_of(SentCounts(100, 10, cache_read_tokens=50, total_tokens=110), None)

        assert exclusive == Usage(150, 10, cache_read_tokens=50)
        assert inclusive == Usage(100, 10, cache_read_tokens=50)

    def test_a_grand_total_overrules_the_shape(self) -> None:
        counted = usage_of(SentCounts(), XAI_CHAT)

        assert counted.output_tokens == 103
        assert counted.input_tokens == 32

    def test_more_cached_than_sent_is_counted_beside_it(self) -> None:
        counted = usage_of(SentCounts(50, 10, cache_read_tokens=40, cache_write_tokens=20), None)

        assert counted == Usage(110, 10, cache_read_tokens=40, cache_write_tokens=20)

    def test_without_a_sign_totals_are_taken_as_inclusive(self) -> None:
        counted = usage_of(SentCounts(100, 10, cache_read_tokens=50), None)

        assert counted == Usage(100, 10, cache_read_tokens=50)

    def test_a_protocol_that_says_so_is_followed(self) -> None:
        counted = usage_of(SentCounts(100, 10, cache_read_tokens=50, convention="exclusive"), None)

        assert counted == Usage(150, 10, cache_read_tokens=50)

    def test_an_agents_counts_are_counted_separately_by_default(self) -> None:
        counted = usage_of_agent(CLI)

        assert counted == Usage(
            41_207,
            590,
            cache_read_tokens=40_000,
            cache_write_tokens=1200,
            reasoning_tokens=90,
        )

    def test_an_agents_plain_counts_are_declared(self) -> None:
        raw = {"input_tokens": 7, "output_tokens": 5, "cost": 0.1}

        assert usage_of_agent(raw) == Usage(7, 5)


def test_an_anthropic_answer_is_charged_part_by_part(book: PriceBook) -> None:
    usage = usage_of(SentCounts(21, 393), ANTHROPIC)

    quote = book.price("anthropic", "claude-opus-4-1", NOW_US, usage)

    # USD per million: 15 fresh, 1.50 read, 18.75 written (1 h: 30), 75 out; 0.01 a search.
    micro_usd = 21 * 15 + 188_086 * 1.5 + 456 * 18.75 + 1544 * 30 + 393 * 75 + 2 * 10_000
    assert quote is not None
    assert quote.cost_pico_usd == micro_usd * 10**6
