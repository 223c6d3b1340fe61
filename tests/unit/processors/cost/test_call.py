"""A call as SDKs and gateways of today really answer it: what is counted, by whom it was written.

Each body is cut down from the page named beside it. `counted` are the counts as a price needs them:
input and output include their parts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from processors.llm.cost.call import Call, read_call
from processors.llm.cost.fit import counts_of
from processors.llm.cost.table import COUNTERS
from schemas.llm.wire import Counts

NOTHING_SENT = Counts(None, None, None, None, None)


def called(response: object, request: object = None, sent: Counts = NOTHING_SENT) -> Call:
    return read_call(sent, msgspec.json.encode(request or {}), msgspec.json.encode(response))


def counted(call: Call) -> dict[str, int]:
    """The counts that are not zero, by the first word or two of their names."""
    found = zip(COUNTERS, counts_of(call.usage), strict=True)
    return {name.removesuffix("_tokens"): count for name, count in found if count}


class Body(NamedTuple):
    """An answer, and what was consumed."""

    sender: str
    page: str
    answer: dict[str, Any]
    consumed: dict[str, int]


CHAT = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
PLAIN = {"input": 19, "output": 10}
BODIES = (
    Body(
        "OpenAI chat",
        "https://developers.openai.com/api/reference/resources/chat",
        {
            "usage": {
                "prompt_tokens": 1117,
                "completion_tokens": 46,
                "total_tokens": 1163,
                "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 0},
            }
        },
        {"input": 1117, "output": 46, "cache_read": 1024, "reasoning": 30},
    ),
    Body(
        "OpenAI Responses",
        "https://developers.openai.com/api/reference/resources/responses",
        {
            "usage": {
                "input_tokens": 2006,
                "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 900},
                "output_tokens": 87,
                "output_tokens_details": {"reasoning_tokens": 64},
                "total_tokens": 2093,
            }
        },
        {"input": 2006, "output": 87, "cache_read": 1000, "cache_write": 900, "reasoning": 64},
    ),
    Body(
        "OpenAI Responses, last event of a stream",
        "https://developers.openai.com/api/docs/guides/streaming-responses",
        {
            "type": "response.completed",
            "response": {"usage": {"input_tokens": 19, "output_tokens": 10, "total_tokens": 29}},
        },
        PLAIN,
    ),
    Body(
        "OpenAI chat, list of chunks",
        "https://developers.openai.com/api/docs/guides/streaming-responses",
        {"chunks": [{"choices": [{}], "usage": None}, {"choices": [], "usage": CHAT}]},
        PLAIN,
    ),
    Body(
        "OpenAI transcription by tokens",
        "https://developers.openai.com/api/reference/resources/audio",
        {
            "text": "Hi",
            "usage": {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
                "output_tokens": 45,
                "total_tokens": 59,
            },
        },
        {"input": 14, "output": 45, "input_audio": 14},
    ),
    Body(
        "OpenAI transcription by the second",
        "https://developers.openai.com/api/reference/resources/audio",
        {"text": "Hi", "usage": {"type": "duration", "seconds": 9.5}},
        {"audio_ms": 9500},
    ),
    Body(
        "OpenAI images",
        "https://developers.openai.com/api/reference/resources/images",
        {
            "usage": {
                "total_tokens": 100,
                "input_tokens": 50,
                "output_tokens": 50,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                "output_tokens_details": {"text_tokens": 0, "image_tokens": 50},
            }
        },
        {"input": 50, "output": 50, "input_image": 40, "output_image": 50},
    ),
    Body(
        "OpenAI embeddings",
        "https://developers.openai.com/api/reference/resources/embeddings",
        {"usage": {"prompt_tokens": 8, "total_tokens": 8}},
        {"input": 8},
    ),
    Body(
        "OpenAI Agents SDK",
        "https://openai.github.io/openai-agents-python/usage/",
        {
            "usage": {
                "requests": 2,
                "input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 40},
                "output_tokens": 20,
                "output_tokens_details": {"reasoning_tokens": 5},
                "total_tokens": 120,
            }
        },
        {"input": 100, "output": 20, "cache_read": 40, "reasoning": 5},
    ),
    Body(
        "Realtime",
        "https://developers.openai.com/api/docs/guides/realtime-costs",
        {
            "type": "response.done",
            "response": {
                "usage": {
                    "total_tokens": 253,
                    "input_tokens": 132,
                    "output_tokens": 121,
                    "input_token_details": {
                        "text_tokens": 119,
                        "audio_tokens": 13,
                        "cached_tokens": 64,
                        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4},
                    },
                    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
                }
            },
        },
        {
            "input": 132,
            "output": 121,
            "cache_read": 64,
            "input_audio": 13,
            "output_audio": 91,
            "cache_audio_read": 4,
        },
    ),
    Body(
        "Anthropic",
        "https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
        {
            "usage": {
                "input_tokens": 2048,
                "cache_read_input_tokens": 1800,
                "cache_creation_input_tokens": 248,
                "output_tokens": 503,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 148,
                    "ephemeral_1h_input_tokens": 100,
                },
                "server_tool_use": {"web_search_requests": 1},
            }
        },
        {
            "input": 4096,
            "output": 503,
            "cache_read": 1800,
            "cache_write": 248,
            "cache_write_1h": 100,
            "web_searches": 1,
        },
    ),
    Body(
        "Anthropic, events of a stream",
        "https://platform.claude.com/docs/en/build-with-claude/streaming",
        {
            "events": [
                {
                    "type": "message_start",
                    "message": {
                        "usage": {
                            "input_tokens": 25,
                            "cache_read_input_tokens": 1000,
                            "cache_creation_input_tokens": 0,
                            "output_tokens": 1,
                        }
                    },
                },
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}},
                {"type": "message_delta", "usage": {"output_tokens": 15}},
            ]
        },
        {"input": 1025, "output": 15, "cache_read": 1000},
    ),
    Body(
        "Gemini",
        "https://ai.google.dev/api/generate-content#UsageMetadata",
        {
            "usageMetadata": {
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 400,
                "candidatesTokenCount": 200,
                "toolUsePromptTokenCount": 30,
                "thoughtsTokenCount": 500,
                "totalTokenCount": 1730,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 700},
                    {"modality": "AUDIO", "tokenCount": 100},
                    {"modality": "DOCUMENT", "tokenCount": 200},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}],
                "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 30}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 150}],
            }
        },
        {
            "input": 1030,
            "output": 700,
            "cache_read": 400,
            "reasoning": 500,
            "input_audio": 100,
            "cache_audio_read": 50,
            "input_image": 230,
            "output_image": 150,
        },
    ),
    Body(
        "Gemini Live",
        "https://ai.google.dev/api/live#UsageMetadata",
        {
            "usageMetadata": {
                "promptTokenCount": 300,
                "responseTokenCount": 90,
                "totalTokenCount": 390,
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 90}],
            }
        },
        {"input": 300, "output": 90, "output_audio": 90},
    ),
    Body(
        "Bedrock Converse",
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html",
        {
            "usage": {
                "inputTokens": 12,
                "outputTokens": 30,
                "totalTokens": 1042,
                "cacheReadInputTokens": 900,
                "cacheWriteInputTokens": 100,
                "cacheDetails": [
                    {"ttl": "1h", "inputTokens": 60},
                    {"ttl": "5m", "inputTokens": 40},
                ],
            }
        },
        {
            "input": 1012,
            "output": 30,
            "cache_read": 900,
            "cache_write": 100,
            "cache_write_1h": 60,
        },
    ),
    Body(
        "Bedrock ConverseStream",
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html",
        {
            "stream": [
                {"messageStop": {}},
                {"metadata": {"usage": {"inputTokens": 19, "outputTokens": 10}}},
            ]
        },
        PLAIN,
    ),
    Body(
        "Bedrock InvokeModel, Titan",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html",
        {"inputTextTokenCount": 19, "results": [{"tokenCount": 10, "outputText": "Hi"}]},
        PLAIN,
    ),
    Body(
        "Bedrock InvokeModel, Llama",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html",
        {"generation": "Hi", "prompt_token_count": 19, "generation_token_count": 10},
        PLAIN,
    ),
    Body(
        "Bedrock InvokeModel, Nova",
        "https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html",
        {
            "usage": {
                "inputTokens": 10,
                "outputTokens": 10,
                "cacheReadInputTokenCount": 9,
                "cacheWriteInputTokenCount": 0,
            }
        },
        {"input": 19, "output": 10, "cache_read": 9},
    ),
    Body(
        "Bedrock InvokeModel, headers",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html",
        {
            "ResponseMetadata": {
                "HTTPHeaders": {
                    "x-amzn-bedrock-input-token-count": "19",
                    "x-amzn-bedrock-output-token-count": "10",
                }
            }
        },
        PLAIN,
    ),
    Body(
        "Bedrock InvokeModel, metrics of a stream",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude.html",
        {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 19, "outputTokenCount": 10}},
        PLAIN,
    ),
    Body(
        "Cohere v2",
        "https://docs.cohere.com/reference/chat",
        {
            "usage": {
                "billed_units": {"input_tokens": 19, "output_tokens": 10},
                "tokens": {"input_tokens": 214, "output_tokens": 12},
                "cached_tokens": 64,
            }
        },
        PLAIN,
    ),
    Body(
        "Cohere v1",
        "https://docs.cohere.com/v1/reference/chat",
        {
            "meta": {
                "api_version": {"version": "1"},
                "billed_units": {"input_tokens": 19, "output_tokens": 10},
                "tokens": {"input_tokens": 84, "output_tokens": 10},
            }
        },
        PLAIN,
    ),
    Body(
        "Cohere, end of a stream",
        "https://docs.cohere.com/docs/streaming",
        {
            "type": "message-end",
            "delta": {"usage": {"billed_units": {"input_tokens": 19, "output_tokens": 10}}},
        },
        PLAIN,
    ),
    Body(
        "DeepSeek",
        "https://api-docs.deepseek.com/api/create-chat-completion",
        {
            "usage": {
                **CHAT,
                "prompt_cache_hit_tokens": 16,
                "prompt_cache_miss_tokens": 3,
                "completion_tokens_details": {"reasoning_tokens": 4},
            }
        },
        {**PLAIN, "cache_read": 16, "reasoning": 4},
    ),
    Body(
        "Mistral with audio",
        "https://docs.mistral.ai/capabilities/audio",
        {"usage": {**CHAT, "prompt_audio_seconds": 305}},
        {**PLAIN, "audio_ms": 305_000},
    ),
    Body(
        "Mistral's agents",
        "https://docs.mistral.ai/agents/connectors/websearch",
        {
            "usage": {
                "prompt_tokens": 188,
                "completion_tokens": 55,
                "total_tokens": 7355,
                "connector_tokens": 7112,
                "connectors": {"web_search": 1},
            }
        },
        {"input": 7300, "output": 55, "web_searches": 1},
    ),
    Body(
        "xAI chat: reasoning stands beside the completion",
        "https://docs.x.ai/docs/guides/reasoning",
        {
            "usage": {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "prompt_tokens_details": {"text_tokens": 32, "cached_tokens": 6},
                "completion_tokens_details": {"reasoning_tokens": 94},
                "num_sources_used": 3,
            }
        },
        {"input": 32, "output": 103, "cache_read": 6, "reasoning": 94, "search_sources": 3},
    ),
    Body(
        "xAI Responses with server tools",
        "https://docs.x.ai/developers/tools/overview",
        {
            "output": [{"type": "web_search_call"}],
            "usage": {
                "input_tokens": 19,
                "output_tokens": 10,
                "input_tokens_details": {"cached_tokens": 0},
                "server_side_tool_usage_details": {
                    "web_search_calls": 2,
                    "x_search_calls": 1,
                    "code_interpreter_calls": 1,
                },
            },
        },
        {**PLAIN, "web_searches": 3, "code_executions": 1},
    ),
    Body(
        "Perplexity: reasoning and citations stand beside the completion",
        "https://docs.perplexity.ai/getting-started/models/models/sonar-deep-research",
        {
            "usage": {
                "prompt_tokens": 33,
                "completion_tokens": 7163,
                "total_tokens": 7196,
                "citation_tokens": 20016,
                "num_search_queries": 18,
                "reasoning_tokens": 73997,
            }
        },
        {
            "input": 33,
            "output": 101_176,
            "reasoning": 73_997,
            "citation": 20_016,
            "web_searches": 18,
        },
    ),
    Body(
        "Groq, last chunk",
        "https://console.groq.com/docs/api-reference",
        {"choices": [], "x_groq": {"id": "req_1", "usage": CHAT}},
        PLAIN,
    ),
    Body(
        "Together",
        "https://docs.together.ai/reference/chat-completions-1",
        {"usage": {**CHAT, "cached_tokens": 16}},
        {**PLAIN, "cache_read": 16},
    ),
    Body(
        "Ollama",
        "https://github.com/ollama/ollama/blob/main/docs/api.md",
        {"message": {"content": "Hi"}, "prompt_eval_count": 19, "eval_count": 10},
        PLAIN,
    ),
    Body(
        "watsonx",
        "https://cloud.ibm.com/apidocs/watsonx-ai#text-generation",
        {"results": [{"generated_token_count": 10, "input_token_count": 19}]},
        PLAIN,
    ),
    Body(
        "Text Generation Inference",
        "https://huggingface.co/docs/text-generation-inference/conceptual/streaming",
        {"generated_text": "Hi", "details": {"finish_reason": "length", "generated_tokens": 10}},
        {"output": 10},
    ),
    Body(
        "Replicate",
        "https://replicate.com/docs/reference/http",
        {"metrics": {"predict_time": 1.5, "input_token_count": 19, "output_token_count": 10}},
        PLAIN,
    ),
    Body(
        "Cloudflare",
        "https://developers.cloudflare.com/workers-ai/models/",
        {"result": {"response": "Hi", "usage": CHAT}, "success": True},
        PLAIN,
    ),
    Body(
        "Voyage",
        "https://docs.voyageai.com/reference/embeddings-api",
        {"usage": {"total_tokens": 10}},
        {"input": 10},
    ),
    Body(
        "OpenRouter with a cache write",
        "https://openrouter.ai/docs/guides/usage-accounting",
        {
            "usage": {
                "prompt_tokens": 10_339,
                "completion_tokens": 60,
                "total_tokens": 10_399,
                "prompt_tokens_details": {"cached_tokens": 318, "cache_write_tokens": 10_000},
            }
        },
        {"input": 10_339, "output": 60, "cache_read": 318, "cache_write": 10_000},
    ),
    Body(
        "LiteLLM for Anthropic: the prompt includes the cache",
        "https://docs.litellm.ai/docs/completion/prompt_caching",
        {
            "usage": {
                "prompt_tokens": 2018,
                "completion_tokens": 300,
                "total_tokens": 2318,
                "prompt_tokens_details": {
                    "cached_tokens": 1000,
                    "cache_creation_tokens": 900,
                    "cache_creation_token_details": {
                        "ephemeral_5m_input_tokens": 0,
                        "ephemeral_1h_input_tokens": 900,
                    },
                },
                "cache_creation_input_tokens": 900,
                "cache_read_input_tokens": 1000,
            }
        },
        {
            "input": 2018,
            "output": 300,
            "cache_read": 1000,
            "cache_write": 900,
            "cache_write_1h": 900,
        },
    ),
    Body(
        "LangChain message",
        "https://docs.langchain.com/oss/python/langchain/messages#token-usage",
        {
            "usage_metadata": {
                "input_tokens": 350,
                "output_tokens": 240,
                "total_tokens": 590,
                "input_token_details": {"audio": 10, "cache_creation": 200, "cache_read": 100},
                "output_token_details": {"audio": 0, "reasoning": 200},
            }
        },
        {
            "input": 350,
            "output": 240,
            "cache_read": 100,
            "cache_write": 200,
            "reasoning": 200,
            "input_audio": 10,
        },
    ),
    Body(
        "LangChain result",
        "https://reference.langchain.com/python/langchain_core/outputs/",
        {"generations": [[{"text": "Hi"}]], "llm_output": {"token_usage": CHAT}},
        PLAIN,
    ),
    Body(
        "LangChain serialised message",
        "https://docs.langchain.com/oss/python/langchain/messages",
        {"lc": 1, "kwargs": {"content": "Hi", "response_metadata": {"token_usage": CHAT}}},
        PLAIN,
    ),
    Body(
        "LlamaIndex",
        "https://developers.llamaindex.ai/python/framework-api-reference/llms/",
        {"message": {"role": "assistant"}, "raw": {"id": "chatcmpl-1", "usage": CHAT}},
        PLAIN,
    ),
    Body(
        "Vercel AI SDK 4",
        "https://v4.ai-sdk.dev/docs/reference/ai-sdk-core/generate-text",
        {"text": "Hi", "usage": {"promptTokens": 19, "completionTokens": 10, "totalTokens": 29}},
        PLAIN,
    ),
    Body(
        "Vercel AI SDK 5, several steps",
        "https://ai-sdk.dev/docs/reference/ai-sdk-core/generate-text",
        {
            "usage": {"inputTokens": 5, "outputTokens": 1, "totalTokens": 6},
            "totalUsage": {
                "inputTokens": 100,
                "outputTokens": 50,
                "totalTokens": 150,
                "reasoningTokens": 20,
                "cachedInputTokens": 80,
            },
        },
        {"input": 100, "output": 50, "cache_read": 80, "reasoning": 20},
    ),
    Body(
        "Vercel AI SDK 6",
        "https://ai-sdk.dev/docs/reference/ai-sdk-core/generate-text",
        {
            "usage": {
                "inputTokens": 100,
                "inputTokenDetails": {
                    "noCacheTokens": 15,
                    "cacheReadTokens": 80,
                    "cacheWriteTokens": 5,
                },
                "outputTokens": 50,
                "outputTokenDetails": {"textTokens": 30, "reasoningTokens": 20},
                "totalTokens": 150,
            }
        },
        {"input": 100, "output": 50, "cache_read": 80, "cache_write": 5, "reasoning": 20},
    ),
    Body(
        "Vercel AI SDK, a provider's own answer",
        "https://ai-sdk.dev/providers/community-providers/custom-providers",
        {
            "usage": {
                "inputTokens": {"total": 100, "noCache": 15, "cacheRead": 80, "cacheWrite": 5},
                "outputTokens": {"total": 50, "text": 30, "reasoning": 20},
            }
        },
        {"input": 100, "output": 50, "cache_read": 80, "cache_write": 5, "reasoning": 20},
    ),
    Body(
        "OpenRouter's SDK, in camelCase",
        "https://openrouter.ai/docs/client-sdks/typescript",
        {
            "usage": {
                "promptTokens": 19,
                "completionTokens": 10,
                "totalTokens": 29,
                "promptTokensDetails": {"cachedTokens": 16},
                "completionTokensDetails": {"reasoningTokens": 4},
            }
        },
        {**PLAIN, "cache_read": 16, "reasoning": 4},
    ),
    Body(
        "OpenRouter's record of a generation",
        "https://openrouter.ai/docs/api-reference/get-a-generation",
        {
            "data": {
                "native_tokens_prompt": 19,
                "native_tokens_completion": 10,
                "native_tokens_reasoning": 4,
                "tokens_prompt": 21,
            }
        },
        {**PLAIN, "reasoning": 4},
    ),
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.sender)
def test_what_a_sender_answers_is_counted(body: Body) -> None:
    assert counted(called(body.answer)) == body.consumed


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.sender)
def test_to_read_a_call_again_with_its_own_counts_changes_nothing(body: Body) -> None:
    call = called(body.answer)
    usage = call.usage
    stored = Counts(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )

    assert called(body.answer, sent=stored) == call


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.sender)
def test_the_senders_own_counts_are_kept_where_the_answer_tells_something_else(body: Body) -> None:
    call = called(body.answer, sent=Counts(7_777_777, 8_888_888, None, None, None))

    assert (call.usage.input_tokens, call.usage.output_tokens) == (7_777_777, 8_888_888)
