"""Usage that is easily counted too low: sums of several calls, SDKs' side channels, odd units.

Each body is cut down from the page named beside it; `counted` are the counts that are billed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.call import Call, read_agent_call, read_call
from processors.llm.cost.fit import counts_of
from processors.llm.cost.table import COUNTERS
from schemas.llm.wire import Counts

NOW_US = 1_795_000_000_000_000  # 2026-11-18
NOTHING_SENT = Counts(None, None, None, None, None)


def called(response: object, request: object = None, sent: Counts = NOTHING_SENT) -> Call:
    return read_call(sent, msgspec.json.encode(request or {}), msgspec.json.encode(response))


def counted(call: Call) -> dict[str, int]:
    found = zip(COUNTERS, counts_of(call.usage), strict=True)
    return {name.removesuffix("_tokens"): count for name, count in found if count}


def cents(book: PriceBook, name: str, call: Call) -> float | None:
    provider, _, model = name.partition(" ")
    quote = book.price(provider, model, NOW_US, call.usage)
    told = book.explain(provider, model, NOW_US, call.usage)
    assert told.cost_pico_usd == (quote.cost_pico_usd if quote else None)
    return quote.cost_pico_usd / 10**10 if quote else None


def reasons(book: PriceBook, name: str, call: Call) -> tuple[str, ...]:
    provider, _, model = name.partition(" ")
    return book.explain(provider, model, NOW_US, call.usage).reasons


class Body(NamedTuple):
    sender: str
    page: str
    answer: dict[str, Any]
    counted: dict[str, int]


COMPACTED = {
    "input_tokens": 23_000,
    "output_tokens": 1000,
    "iterations": [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
    ],
}
ADVISED = {
    "input_tokens": 412,
    "output_tokens": 531,
    "iterations": [
        {"type": "message", "input_tokens": 412, "output_tokens": 89},
        {
            "type": "advisor_message",
            "model": "claude-opus-5",
            "input_tokens": 823,
            "output_tokens": 1612,
        },
        {
            "type": "message",
            "input_tokens": 1348,
            "cache_read_input_tokens": 412,
            "output_tokens": 442,
        },
    ],
}
ANTHROPIC = {
    "input_tokens": 2000,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 1000,
    "output_tokens": 500,
}
OF_ANTHROPIC = {"input": 3300, "output": 500, "cache_read": 1000, "cache_write": 300}
BODIES = (
    Body(
        "Anthropic with a compaction: the totals leave it out",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-compaction.html",
        {"usage": COMPACTED},
        {"input": 203_000, "output": 4500},
    ),
    Body(
        "Anthropic with an advisor: the totals leave out later inputs",
        "https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool",
        {"usage": ADVISED},
        {"input": 412 + 1348 + 412, "output": 531, "cache_read": 412},
    ),
    Body(
        "Anthropic with one iteration",
        "https://platform.claude.com/docs/en/build-with-claude/compaction",
        {"usage": {**ANTHROPIC, "iterations": [{"type": "message", **ANTHROPIC}]}},
        OF_ANTHROPIC,
    ),
    Body(
        "AI SDK 4 with Anthropic: cached tokens stand in the metadata",
        "https://v4.ai-sdk.dev/providers/ai-sdk-providers/anthropic#cache-control",
        {
            "usage": {"promptTokens": 2000, "completionTokens": 500},
            "providerMetadata": {
                "anthropic": {"cacheCreationInputTokens": 300, "cacheReadInputTokens": 1000}
            },
        },
        OF_ANTHROPIC,
    ),
    Body(
        "AI SDK 4 with OpenAI: the prompt includes the cached tokens",
        "https://v4.ai-sdk.dev/providers/ai-sdk-providers/openai#prompt-caching",
        {
            "usage": {"promptTokens": 2000, "completionTokens": 500, "totalTokens": 2500},
            "providerMetadata": {"openai": {"cachedPromptTokens": 1024, "reasoningTokens": 128}},
        },
        {"input": 2000, "output": 500, "cache_read": 1024, "reasoning": 128},
    ),
    Body(
        "AI SDK 5 with Anthropic: the input leaves out what is cached",
        "https://ai-sdk.dev/v5/providers/ai-sdk-providers/anthropic#cache-control",
        {
            "usage": {
                "inputTokens": 2000,
                "outputTokens": 500,
                "totalTokens": 2500,
                "cachedInputTokens": 1000,
            },
            "providerMetadata": {
                "anthropic": {"usage": ANTHROPIC, "cacheCreationInputTokens": 300}
            },
        },
        OF_ANTHROPIC,
    ),
    Body(
        "AI SDK 5 with Bedrock",
        "https://ai-sdk.dev/v5/providers/ai-sdk-providers/amazon-bedrock#cache-points",
        {
            "usage": {"inputTokens": 2000, "outputTokens": 500, "cachedInputTokens": 1000},
            "providerMetadata": {"bedrock": {"usage": {"cacheWriteInputTokens": 300}}},
        },
        OF_ANTHROPIC,
    ),
    Body(
        "AI SDK 6: the details tell all",
        "https://ai-sdk.dev/docs/reference/ai-sdk-core/generate-text",
        {
            "usage": {
                "inputTokens": 3300,
                "inputTokenDetails": {
                    "noCacheTokens": 2000,
                    "cacheReadTokens": 1000,
                    "cacheWriteTokens": 300,
                },
                "outputTokens": 500,
            },
            "providerMetadata": {"anthropic": {"usage": ANTHROPIC}},
        },
        OF_ANTHROPIC,
    ),
    Body(
        "pydantic-ai with audio",
        "https://ai.pydantic.dev/api/usage/",
        {
            "usage": {
                "input_tokens": 1000,
                "input_audio_tokens": 900,
                "cache_audio_read_tokens": 100,
                "cache_read_tokens": 200,
                "output_tokens": 100,
                "output_audio_tokens": 80,
                "details": {},
            }
        },
        {
            "input": 1000,
            "output": 100,
            "cache_read": 200,
            "input_audio": 900,
            "output_audio": 80,
            "cache_audio_read": 100,
        },
    ),
    Body(
        "pydantic-ai before 1.0",
        "https://github.com/pydantic/pydantic-ai/blob/v0.4.0/pydantic_ai_slim/pydantic_ai/usage.py",
        {
            "usage": {
                "requests": 1,
                "request_tokens": 1000,
                "response_tokens": 500,
                "total_tokens": 1500,
                "details": {"cached_tokens": 200, "reasoning_tokens": 64},
            }
        },
        {"input": 1000, "output": 500, "cache_read": 200, "reasoning": 64},
    ),
    Body(
        "llama.cpp's own completion",
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        {"content": "Hi", "tokens_evaluated": 19, "tokens_predicted": 10, "timings": {}},
        {"input": 19, "output": 10},
    ),
    Body(
        "Gemini with a cached video",
        "https://ai.google.dev/api/generate-content#UsageMetadata",
        {
            "usageMetadata": {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 500,
                "cachedContentTokenCount": 600,
                "cacheTokensDetails": [{"modality": "VIDEO", "tokenCount": 600}],
                "promptTokensDetails": [{"modality": "VIDEO", "tokenCount": 900}],
            }
        },
        {"input": 1000, "output": 500, "cache_read": 600, "input_video": 900},
    ),
    Body(
        "Gemini by Google's older SDK: modalities are numbers",
        "https://docs.cloud.google.com/vertex-ai/docs/reference/rpc/google.cloud.aiplatform.v1#modality",
        {
            "usage_metadata": {
                "prompt_token_count": 1000,
                "candidates_token_count": 500,
                "prompt_tokens_details": [
                    {"modality": 1, "token_count": 900},
                    {"modality": 4, "token_count": 100},
                ],
            }
        },
        {"input": 1000, "output": 500, "input_audio": 100},
    ),
    Body(
        "LiteLLM with Google's search",
        "https://docs.litellm.ai/docs/completion/web_search",
        {
            "usage": {
                "prompt_tokens": 1000,
                "completion_tokens": 500,
                "prompt_tokens_details": {"web_search_requests": 1, "text_tokens": 1000},
            }
        },
        {"input": 1000, "output": 500, "web_searches": 1},
    ),
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.sender)
def test_what_is_billed_is_counted(body: Body) -> None:
    assert counted(called(body.answer)) == body.counted


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.sender)
def test_the_counts_of_the_row_are_taken_as_they_are(body: Body) -> None:
    usage = called(body.answer).usage
    row = Counts(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )

    assert called(body.answer, sent=row).usage == usage


class TestSeveralCallsInOneUsage:
    def test_each_iteration_is_paid(self, book: PriceBook) -> None:
        # Opus 4.8 at 5 and 25 dollars a million.
        want = (203_000 * 5 + 4500 * 25) / 10_000

        assert cents(book, "anthropic claude-opus-4-8", called({"usage": COMPACTED})) == want

    @pytest.mark.parametrize("sent", [(23_000, 1000), (0, 0), (203_000, 4500)])
    def test_a_sender_who_repeats_the_totals_tells_nothing_else(
        self, book: PriceBook, sent: tuple[int, int]
    ) -> None:
        call = called({"usage": COMPACTED}, sent=Counts(*sent, None, None, None))

        assert counted(call) == {"input": 203_000, "output": 4500}

    def test_an_agents_usage_counts_its_iterations_too(self) -> None:
        assert counted(read_agent_call(COMPACTED)) == {"input": 203_000, "output": 4500}

    def test_another_models_advice_makes_the_cost_unknown(self, book: PriceBook) -> None:
        call = called({"usage": ADVISED})

        assert cents(book, "anthropic claude-opus-4-8", call) is None
        assert reasons(book, "anthropic claude-opus-4-8", call) == ("charge:advisor",)

    @pytest.mark.parametrize(
        ("inputs", "want"),
        [
            # Haiku 5.5: .10 and .50, above 100,000 tokens .50 and 2.50.
            ((60_000, 60_000), 120_000 * 0.10 + 20 * 0.50),
            ((160_000, 120_000), 280_000 * 0.50 + 20 * 2.50),
            ((160_000, 20_000), None),
        ],
    )
    def test_the_price_for_long_inputs_goes_by_each_call_and_not_by_their_sum(
        self, book: PriceBook, inputs: tuple[int, int], want: float | None
    ) -> None:
        each = [{"type": "message", "input_tokens": one, "output_tokens": 10} for one in inputs]
        call = called({"usage": {"input_tokens": 1, "output_tokens": 1, "iterations": each}})

        got = cents(book, "anthropic claude-haiku-5-5", call)

        assert got == (None if want is None else pytest.approx(want / 10_000))
        assert reasons(book, "anthropic claude-haiku-5-5", call) == (
            ("calls",) if want is None else ()
        )

    @pytest.mark.parametrize(
        ("answer", "want"),
        [
            # GPT-5.4 at 2.50 and 15, twice the input's above 272,000 tokens.
            ({"usage": {"requests": 4, "input_tokens": 200_000, "output_tokens": 0}}, 50),
            ({"usage": {"requests": 4, "input_tokens": 400_000, "output_tokens": 0}}, None),
            ({"usage": {"requests": 1, "input_tokens": 400_000, "output_tokens": 0}}, 200),
            (
                {
                    "totalUsage": {"inputTokens": 400_000, "outputTokens": 0},
                    "usage": {"inputTokens": 90_000, "outputTokens": 0},
                },
                None,
            ),
            (
                {
                    "totalUsage": {"inputTokens": 400_000, "outputTokens": 0},
                    "usage": {"inputTokens": 400_000, "outputTokens": 0},
                },
                200,
            ),
        ],
    )
    def test_a_sum_that_may_hide_a_long_call_has_no_price(
        self, book: PriceBook, answer: dict[str, Any], want: float | None
    ) -> None:
        assert cents(book, "openai gpt-5.4", called(answer)) == want

    def test_the_sum_of_calls_has_a_price_where_length_does_not_matter(
        self, book: PriceBook
    ) -> None:
        answer = {"usage": {"requests": 9, "input_tokens": 1_000_000, "output_tokens": 0}}

        assert cents(book, "openai gpt-4o", called(answer)) == 250


class TestWhatIsChargedAndHasNoRate:
    @pytest.mark.parametrize(
        ("name", "answer", "reason"),
        [
            # https://docs.cohere.com/reference/rerank, /embed
            (
                "cohere command-a-03-2025",
                {"usage": {"billed_units": {"input_tokens": 9, "search_units": 2}}},
                "charge:search_units",
            ),
            (
                "cohere embed-v4.0",
                {"meta": {"billed_units": {"input_tokens": 0, "images": 3}}},
                "charge:images",
            ),
            # https://docs.x.ai/developers/pricing: attachments cost four times a collection.
            (
                "xai grok-4.3",
                {
                    "usage": {
                        "input_tokens": 9,
                        "output_tokens": 9,
                        "server_side_tool_usage_details": {"document_search_calls": 1},
                    }
                },
                "charge:document_search",
            ),
            (
                "xai grok-4.3",
                {
                    "usage": {
                        "input_tokens": 9,
                        "output_tokens": 9,
                        "num_server_side_tools_used": 1,
                    }
                },
                "charge:server_side_tools",
            ),
            (
                "google gemini-2.5-flash",
                {
                    "usageMetadata": {
                        "promptTokenCount": 9,
                        "promptTokensDetails": [{"modality": "SMELL", "tokenCount": 9}],
                    }
                },
                "charge:modality",
            ),
        ],
    )
    def test_it_makes_the_cost_unknown(
        self, book: PriceBook, name: str, answer: dict[str, Any], reason: str
    ) -> None:
        call = called(answer)

        assert cents(book, name, call) is None
        assert reasons(book, name, call) == (reason,)

    def test_none_of_it_changes_nothing(self, book: PriceBook) -> None:
        answer = {
            "usage": {
                "input_tokens": 9,
                "output_tokens": 9,
                "num_server_side_tools_used": 2,
                "server_side_tool_usage_details": {
                    "web_search_calls": 2,
                    "document_search_calls": 0,
                },
            }
        }

        assert counted(called(answer)) == {"input": 9, "output": 9, "web_searches": 2}
        assert cents(book, "xai grok-4.3", called(answer)) is not None


class TestWhatStandsBesideTheUsageInAListOfAnswers:
    """GPT-5 mini: .25 and 2, by flex half, by priority .45 and 3.60; a search 1 cent."""

    @pytest.mark.parametrize(
        ("answer", "want"),
        [
            (
                {
                    "events": [
                        {"type": "response.created", "response": {"service_tier": "auto"}},
                        {
                            "type": "response.completed",
                            "response": {
                                "service_tier": "flex",
                                "output": [{"type": "web_search_call"}],
                                "usage": {"input_tokens": 1000, "output_tokens": 1000},
                            },
                        },
                    ]
                },
                0.1125 + 1,
            ),
            (
                {
                    "generations": [
                        [
                            {
                                "message": {
                                    "usage_metadata": {"input_tokens": 1000, "output_tokens": 1000},
                                    "response_metadata": {"service_tier": "priority"},
                                }
                            }
                        ]
                    ]
                },
                0.405,
            ),
            (
                {
                    "chunks": [
                        {"choices": [{}], "service_tier": "flex"},
                        {
                            "choices": [],
                            "usage": {"prompt_tokens": 1000, "completion_tokens": 1000},
                        },
                    ]
                },
                0.1125,
            ),
        ],
    )
    def test_it_counts(self, book: PriceBook, answer: dict[str, Any], want: float) -> None:
        assert cents(book, "openai gpt-5-mini", called(answer)) == want


class TestTermsThatOnlyTheRequestSays:
    """1,000 tokens in and 1,000 out."""

    @pytest.mark.parametrize(
        ("name", "request_body", "want"),
        [
            # A line of a batch: half of 2.50/10 and of 5/25.
            ("openai gpt-4o", {"custom_id": "1", "method": "POST", "body": {}}, 0.625),
            ("anthropic claude-opus-4-8", {"custom_id": "1", "params": {}}, 1.5),
            ("aws amazon.nova-pro-v1:0", {"recordId": "1", "modelInput": {}}, 0.2),
            # Nobody lists what optimised latency costs.
            ("aws amazon.nova-pro-v1:0", {"performanceConfig": {"latency": "optimized"}}, None),
            ("aws amazon.nova-pro-v1:0", {"performanceConfig": {"latency": "standard"}}, 0.4),
            # 1/1, and 12 dollars for 1,000 requests.
            ("perplexity sonar", {"web_search_options": {"search_context_size": "high"}}, 1.4),
            ("perplexity sonar", {"web_search_options": {}}, 0.7),
            ("perplexity sonar", {"web_search_options": [1]}, 0.7),
        ],
    )
    def test_they_count(
        self, book: PriceBook, name: str, request_body: object, want: float | None
    ) -> None:
        answer = {"usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}

        assert cents(book, name, called(answer, request_body)) == want


@pytest.mark.parametrize(
    ("answer", "usd"),
    [
        # The gateway's fee is not what the call cost, where it does not tell what the key paid.
        ({"usage": {"prompt_tokens": 9, "cost": 0, "is_byok": True}}, None),
        (
            {
                "usage": {
                    "prompt_tokens": 9,
                    "cost": 0.01,
                    "is_byok": True,
                    "cost_details": {"upstream_inference_cost": None},
                }
            },
            None,
        ),
        # https://docs.perplexity.ai/docs/agent-api/quickstart: a cost names its currency.
        ({"usage": {"prompt_tokens": 9, "cost": {"total_cost": 1.5, "currency": "USD"}}}, "1.5"),
        ({"usage": {"prompt_tokens": 9, "cost": {"total_cost": 1.5, "currency": "EUR"}}}, None),
        ({"usage": {"prompt_tokens": 9, "cost": 1.5, "currency": "cny"}}, None),
        ({"usage": {"prompt_tokens": 9}, "total_cost": 1.5, "currency": "INR"}, None),
        ({"usage": {"prompt_tokens": 9}, "total_cost": 1.5, "currency": "usd"}, "1.5"),
        # https://vercel.com/docs/ai-gateway: with one's own key the gateway charges nothing.
        (
            {"usage": {"prompt_tokens": 9}, "providerMetadata": {"gateway": {"cost": "0"}}},
            None,
        ),
    ],
)
def test_a_cost_that_is_not_the_calls_or_not_in_dollars_is_not_stated(
    answer: dict[str, Any], usd: str | None
) -> None:
    stated = called(answer).stated_usd

    assert (None if stated is None else str(stated)) == usd
