"""One call of a model as twenty senders tell it.

The names are those of each instrumentation's source or documentation, read in November 2026. What a
sender has no name for (`lacks`) it cannot be asked to tell.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.otel.signals import LogRecord, Span
from tests.unit.processors.otel.made import record, span

CACHE = frozenset(("cache_read", "cache_write"))
REASONING = frozenset(("reasoning",))


class Told(NamedTuple):
    """A call: totals include their parts."""

    provider: str
    model: str
    into: int
    out: int
    read: int = 0
    written: int = 0
    thought: int = 0

    @property
    def parts(self) -> frozenset[str]:
        names = {"cache_read": self.read, "cache_write": self.written, "reasoning": self.thought}
        return frozenset(name for name, count in names.items() if count)

    @property
    def fresh(self) -> int:
        return self.into - self.read - self.written

    @property
    def total(self) -> int:
        return self.into + self.out


class Sender(NamedTuple):
    """Who tells it, and what it cannot say."""

    send: Callable[[Told], Span | LogRecord]
    lacks: frozenset[str] = frozenset()
    providers: frozenset[str] | None = None

    def can_tell(self, call: Told) -> bool:
        sells = self.providers is None or call.provider in self.providers
        return sells and not (call.parts & self.lacks)


def provider(call: Told, **names: str) -> str:
    """How a sender calls a provider, where that is not the usual name."""
    return names.get(call.provider.replace("-", "_"), call.provider)


def genai(call: Told) -> Span:
    return span(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider(
                call,
                azure="azure.ai.openai",
                aws="aws.bedrock",
                google="gcp.gemini",
                x_ai="x_ai",
                mistral="mistral_ai",
            ),
            "gen_ai.request.model": call.model,
            "gen_ai.response.model": call.model,
            "gen_ai.usage.input_tokens": call.into,
            "gen_ai.usage.output_tokens": call.out,
            "gen_ai.usage.cache_read.input_tokens": call.read or None,
            "gen_ai.usage.cache_write.input_tokens": call.written or None,
            "gen_ai.usage.reasoning.output_tokens": call.thought or None,
        },
        "opentelemetry.instrumentation.openai_v2",
    )


def genai_of_1_40(call: Told) -> Span:
    found = genai(call)
    attributes = dict(found.attributes)
    written = attributes.pop("gen_ai.usage.cache_write.input_tokens", None)
    return span(
        {**attributes, "gen_ai.usage.cache_creation.input_tokens": written},
        "opentelemetry.util.genai",
    )


def genai_legacy(call: Told) -> Span:
    return span(
        {
            "gen_ai.system": provider(call, azure="az.ai.openai", aws="aws.bedrock", x_ai="xai"),
            "gen_ai.request.model": call.model,
            "gen_ai.usage.prompt_tokens": call.into,
            "gen_ai.usage.completion_tokens": call.out,
        },
        "opentelemetry.instrumentation.openai_v2",
    )


def openinference(call: Told) -> Span:
    return span(
        {
            "openinference.span.kind": "LLM",
            "llm.provider": provider(call, x_ai="xai", mistral="mistralai"),
            "llm.model_name": call.model,
            "llm.token_count.prompt": call.into,
            "llm.token_count.completion": call.out,
            "llm.token_count.total": call.total,
            "llm.token_count.prompt_details.cache_read": call.read or None,
            "llm.token_count.prompt_details.cache_write": call.written or None,
            "llm.token_count.completion_details.reasoning": call.thought or None,
        },
        "openinference.instrumentation.openai",
    )


def openllmetry(call: Told) -> Span:
    return span(
        {
            "llm.request.type": "chat",
            "gen_ai.system": provider(
                call,
                openai="OpenAI",
                anthropic="Anthropic",
                azure="Azure",
                aws="AWS",
                google="Google",
                mistral="MistralAI",
                x_ai="xAI",
                groq="Groq",
                cohere="Cohere",
            ),
            "gen_ai.request.model": call.model,
            "gen_ai.response.model": call.model,
            "gen_ai.usage.input_tokens": call.into,
            "gen_ai.usage.output_tokens": call.out,
            "llm.usage.total_tokens": call.total,
            "gen_ai.usage.cache_read_input_tokens": call.read,
            "gen_ai.usage.cache_creation_input_tokens": call.written,
            "gen_ai.usage.reasoning_tokens": call.thought or None,
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "hi",
        },
        "opentelemetry.instrumentation.anthropic",
    )


VERCEL = {
    "openai": "openai.chat",
    "anthropic": "anthropic.messages",
    "google": "google.generative-ai",
    "azure": "azure-openai.chat",
    "aws": "amazon-bedrock",
    "x-ai": "xai.chat",
}


def vercel_5(call: Told) -> Span:
    """Versions 4 and 5: the input is what the provider counts, and so is their own total."""
    is_exclusive = call.provider in ("anthropic", "aws")
    into = call.fresh if is_exclusive else call.into
    written = {"cacheCreationInputTokens": call.written, "usage": {"input_tokens": into}}
    metadata = {
        "anthropic": {"anthropic": written},
        "aws": {"bedrock": {"usage": {"cacheWriteInputTokens": call.written}}},
    }.get(call.provider)
    return span(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "operation.name": "ai.generateText.doGenerate",
            "ai.model.provider": VERCEL.get(call.provider, f"{call.provider}.chat"),
            "ai.model.id": call.model,
            "ai.response.model": call.model,
            "ai.usage.inputTokens": into,
            "ai.usage.outputTokens": call.out,
            "ai.usage.totalTokens": into + call.out,
            "ai.usage.cachedInputTokens": call.read or None,
            "ai.usage.reasoningTokens": call.thought or None,
            "ai.response.providerMetadata": json.dumps(metadata) if metadata else None,
            "gen_ai.system": VERCEL.get(call.provider, f"{call.provider}.chat"),
            "gen_ai.request.model": call.model,
            "gen_ai.usage.input_tokens": into,
            "gen_ai.usage.output_tokens": call.out,
        },
        "ai",
        "ai.generateText.doGenerate",
    )


def vercel_6(call: Told) -> Span:
    return span(
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.model.provider": VERCEL.get(call.provider, f"{call.provider}.chat"),
            "ai.model.id": call.model,
            "ai.usage.inputTokens": call.into,
            "ai.usage.outputTokens": call.out,
            "ai.usage.totalTokens": call.total,
            "ai.usage.inputTokenDetails.noCacheTokens": call.fresh,
            "ai.usage.inputTokenDetails.cacheReadTokens": call.read or None,
            "ai.usage.inputTokenDetails.cacheWriteTokens": call.written or None,
            "ai.usage.outputTokenDetails.reasoningTokens": call.thought or None,
        },
        "ai",
        "ai.streamText.doStream",
    )


def pydantic_ai(call: Told) -> Span:
    return span(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": provider(call, google="google-gla", aws="bedrock", mistral="mistral"),
            "gen_ai.request.model": call.model,
            "gen_ai.response.model": call.model,
            "gen_ai.usage.input_tokens": call.into,
            "gen_ai.usage.output_tokens": call.out,
            "gen_ai.usage.details.cache_read_tokens": call.read or None,
            "gen_ai.usage.details.cache_write_tokens": call.written or None,
            "gen_ai.usage.details.reasoning_tokens": call.thought or None,
            "operation.cost": 0.01,
            "logfire.msg": f"chat {call.model}",
        },
        "pydantic-ai",
        f"chat {call.model}",
    )


def langfuse(call: Told) -> Span:
    """Each key beside the others, as its own integrations write it."""
    details = {
        "input": call.fresh,
        "output": call.out - call.thought,
        "input_cache_read": call.read,
        "input_cache_creation": call.written,
        "output_reasoning_tokens": call.thought,
        "total": call.total,
    }
    return _langfuse(call, {name: count for name, count in details.items() if count})


def langfuse_of_openai(call: Told) -> Span:
    """Its wrapper of OpenAI's client passes the usage object on."""
    return _langfuse(
        call,
        {
            "prompt_tokens": call.into,
            "completion_tokens": call.out,
            "total_tokens": call.total,
            "prompt_tokens_details": {"cached_tokens": call.read},
            "completion_tokens_details": {"reasoning_tokens": call.thought},
        },
    )


def _langfuse(call: Told, details: dict[str, Any]) -> Span:
    return span(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": call.model,
            "langfuse.observation.usage_details": json.dumps(details),
            "server.address": {
                "openai": "api.openai.com",
                "anthropic": "api.anthropic.com",
                "google": "generativelanguage.googleapis.com",
                "azure": "shop.openai.azure.com",
                "aws": "bedrock-runtime.eu-west-1.amazonaws.com",
                "mistral": "api.mistral.ai",
                "groq": "api.groq.com",
                "x-ai": "api.x.ai",
                "cohere": "api.cohere.com",
                "deepseek": "api.deepseek.com",
            }[call.provider],
        },
        "langfuse-sdk",
    )


def litellm(call: Told) -> Span:
    return span(
        {
            "gen_ai.request.model": call.model,
            "gen_ai.system": provider(call, aws="bedrock", google="gemini", x_ai="xai"),
            "llm.is_streaming": "False",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.model": call.model,
            "llm.usage.total_tokens": call.total,
            "gen_ai.usage.total_tokens": call.total,
            "gen_ai.usage.completion_tokens": call.out,
            "gen_ai.usage.prompt_tokens": call.into,
            "gen_ai.usage.cache_read_input_tokens": call.read or None,
            "gen_ai.usage.cache_creation_input_tokens": call.written or None,
            "gen_ai.usage.reasoning_tokens": call.thought or None,
            "gen_ai.cost.total_cost": 0.01,
            "metadata.user_api_key_alias": "shop",
        },
        "litellm",
        "litellm_request",
    )


def _claude_code(call: Told) -> dict[str, Any]:
    return {
        "session.id": "cec62d6f-60f8-43e8-a67b-133b2a138a83",
        "model": call.model,
        "request_id": "req_A",
        "input_tokens": call.fresh,
        "output_tokens": call.out,
        "cache_read_tokens": call.read,
        "cache_creation_tokens": call.written,
    }


def claude_code_span(call: Told) -> Span:
    return span(
        {
            **_claude_code(call),
            "span.type": "llm_request",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": call.model,
            "success": True,
            "stop_reason": "tool_use",
        },
        "com.anthropic.claude_code.tracing",
        "claude_code.llm_request",
    )


def claude_code_log(call: Told) -> LogRecord:
    """Its counts are texts, and it belongs to no trace."""
    told = {name: str(value) for name, value in _claude_code(call).items()}
    return record(
        {**told, "event.name": "api_request", "cost_usd": "0.01", "duration_ms": "5"},
        "com.anthropic.claude_code.events",
        body="claude_code.api_request",
    )


def pulse(call: Told) -> Span:
    return span(
        {
            "pulse.source": "sdk",
            "pulse.kind": "llm_call",
            "pulse.event_type": "provider_call",
            "pulse.session_id": "550e8400-e29b-41d4-a716-446655440000",
            "gen_ai.request.model": call.model,
            "gen_ai.provider.name": call.provider,
            "gen_ai.response.model": call.model,
            "gen_ai.response.finish_reasons": '["stop"]',
            "gen_ai.usage.input_tokens": call.into,
            "gen_ai.usage.output_tokens": call.out,
            "pulse.cost_cents": 0.1125,
            "pulse.output_text": "hi",
        },
        "@eklabs/pulse-sdk",
        "provider_call",
    )


def openlit(call: Told) -> Span:
    return span(
        {
            "telemetry.sdk.name": "openlit",
            "gen_ai.operation.name": "chat",
            "gen_ai.system": provider(call, aws="aws.bedrock", google="gemini", x_ai="xai"),
            "gen_ai.request.model": call.model,
            "gen_ai.response.model": call.model,
            "gen_ai.usage.input_tokens": call.into,
            "gen_ai.usage.output_tokens": call.out,
            "gen_ai.client.token.usage": call.total,
            "gen_ai.usage.cost": 0.01,
        },
        "openlit.otel.tracing",
    )


def logfire(call: Told) -> Span:
    """Its own instrumentation of OpenAI's and Anthropic's clients, in the versions before 4."""
    if call.provider == "anthropic":
        usage: dict[str, Any] = {
            "input_tokens": call.fresh,
            "output_tokens": call.out,
            "cache_read_input_tokens": call.read,
            "cache_creation_input_tokens": call.written,
        }
    else:
        usage = {
            "prompt_tokens": call.into,
            "completion_tokens": call.out,
            "total_tokens": call.total,
            "prompt_tokens_details": {"cached_tokens": call.read},
            "completion_tokens_details": {"reasoning_tokens": call.thought},
        }
    return span(
        {
            "logfire.msg": f"Chat Completion with '{call.model}'",
            "request_data": json.dumps({"model": call.model, "messages": []}),
            "response_data": json.dumps({"message": {"role": "assistant"}, "usage": usage}),
            "gen_ai.system": call.provider,
            "gen_ai.request.model": call.model,
        },
        f"logfire.{call.provider}",
    )


def mlflow(call: Told) -> Span:
    return span(
        {
            "mlflow.spanType": '"CHAT_MODEL"'.strip('"'),
            "mlflow.llm.model": call.model,
            "mlflow.llm.provider": provider(call, aws="bedrock", google="gemini", x_ai="xai"),
            "mlflow.chat.tokenUsage": {
                "input_tokens": call.into,
                "output_tokens": call.out,
                "total_tokens": call.total,
                "cache_read_input_tokens": call.read,
                "cache_creation_input_tokens": call.written,
            },
        }
    )


def adk(call: Told) -> Span:
    """Gemini counts thoughts beside the candidates."""
    usage = {
        "prompt_token_count": call.into,
        "candidates_token_count": call.out - call.thought,
        "thoughts_token_count": call.thought,
        "cached_content_token_count": call.read,
        "total_token_count": call.total,
    }
    return span(
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": call.model,
            "gcp.vertex.agent.llm_response": json.dumps({"usage_metadata": usage}),
        },
        "gcp.vertex.agent",
        "call_llm",
    )


def strands(call: Told) -> Span:
    """What Bedrock counts: the input beside the cache, the total with it."""
    return span(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": call.model,
            "gen_ai.usage.prompt_tokens": call.fresh,
            "gen_ai.usage.completion_tokens": call.out,
            "gen_ai.usage.total_tokens": call.total,
            "gen_ai.usage.cache_read_input_tokens": call.read,
            "gen_ai.usage.cache_write_input_tokens": call.written,
            "server.address": "bedrock-runtime.eu-west-1.amazonaws.com",
        },
        "strands.telemetry.tracer",
    )


def langsmith(call: Told) -> Span:
    return span(
        {
            "langsmith.span.kind": "LLM",
            "gen_ai.system": provider(call, aws="amazon_bedrock", google="gemini", x_ai="xai"),
            "gen_ai.request.model": call.model,
            "gen_ai.usage.input_tokens": call.into,
            "gen_ai.usage.output_tokens": call.out,
            "gen_ai.usage.total_tokens": call.total,
        },
        "langsmith",
    )


WRITES = frozenset(("cache_write",))
SENDERS: dict[str, Sender] = {
    "genai": Sender(genai),
    "genai_of_1_40": Sender(genai_of_1_40),
    "genai_legacy": Sender(genai_legacy, CACHE | REASONING),
    "openinference": Sender(openinference),
    "openllmetry": Sender(openllmetry),
    "vercel_5": Sender(vercel_5),
    "vercel_6": Sender(vercel_6),
    "pydantic_ai": Sender(pydantic_ai),
    "langfuse": Sender(langfuse),
    "langfuse_of_openai": Sender(langfuse_of_openai, WRITES),
    "litellm": Sender(litellm),
    "claude_code_span": Sender(claude_code_span, REASONING, frozenset(("anthropic",))),
    "claude_code_log": Sender(claude_code_log, REASONING, frozenset(("anthropic",))),
    "pulse": Sender(pulse, CACHE | REASONING),
    "openlit": Sender(openlit, CACHE | REASONING),
    "logfire": Sender(logfire, providers=frozenset(("openai", "anthropic"))),
    "mlflow": Sender(mlflow, REASONING),
    "adk": Sender(adk, WRITES, frozenset(("google",))),
    "strands": Sender(strands, REASONING, frozenset(("aws",))),
    "langsmith": Sender(langsmith, CACHE | REASONING),
}
