"""What the answer to an LLM call says of its cost, wherever a provider, SDK or gateway puts it.

An answer is one provider's object, or something around it: a batch's line, an event of a stream, a
list of chunks, the message of a framework. So the objects that may hold one are walked from the
outside in, and the first usage object found is the call's. `shapes` reads it, `terms` and `stated`
read what stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from processors.llm.cost.ai_sdk import METADATA, completed
from processors.llm.cost.shapes import read_shape

_Object = dict[str, Any]

# Where a usage object stands in its holder, most common first.
_USAGE_NAMES = (
    "totalUsage",  # Vercel AI SDK: `usage` beside it is that of the last step
    "usage",
    "usageMetadata",
    "usage_metadata",
    "token_usage",
    "tokenUsage",
    "meta",  # Cohere v1
    "usage_info",
    "amazon-bedrock-invocationMetrics",
    "metrics",  # Replicate
    "details",  # Text Generation Inference
)
# What may hold the provider's answer; lists of answers or chunks are merged.
CONTAINERS = (
    "response",  # OpenAI's batches and events, Gemini's batches
    "body",
    "result",  # Anthropic's batches, Cloudflare
    "modelOutput",  # Bedrock's batches
    "message",  # Anthropic's message_start, Ollama, LangChain
    "x_groq",
    "raw",  # LlamaIndex, LangChain
    "raw_response",
    "kwargs",  # LangChain's serialised messages
    "response_metadata",
    "llm_output",
    "generations",
    "delta",  # Cohere's message-end
    "metadata",  # Bedrock's ConverseStream
    "ResponseMetadata",
    "data",  # OpenRouter's generations
    "chunks",
    "events",
    "stream",
    "responses",
    "results",  # watsonx
)
# Objects that are usage and answer in one, by what proves it.
_BARE = (
    "prompt_eval_count",  # Ollama
    "eval_count",
    "inputTextTokenCount",  # Titan
    "generation_token_count",  # Llama on Bedrock
    "generated_token_count",  # watsonx
    "native_tokens_prompt",  # OpenRouter's generations
    "tokens_predicted",  # llama.cpp
)
_HEADERS = ("HTTPHeaders", "headers", "responseHeaders", "response_headers")
_BEDROCK_HEADER = "x-amzn-bedrock-"
_METADATA = frozenset(METADATA)
_MAX_HOLDERS = 32
_MAX_CHUNKS = 100_000
TELLING = frozenset(
    (
        *_USAGE_NAMES,
        *CONTAINERS,
        *_BARE,
        *_HEADERS,
        *METADATA,
        "_hidden_params",
        "response_cost",
        "total_cost_usd",
        "cost_usd",
    )
)
"""Without one of these members an answer says nothing of its cost."""
LOOKED_INTO = TELLING | {
    "output",
    "candidates",
    "choices",
    "tools",
    "serviceTier",
    "performanceConfig",
}
"""The members of an answer that are worth decoding, where they are no scalars."""


class Answer(NamedTuple):
    """A usage object and the objects around it, the nearest first."""

    usage: object
    holders: tuple[_Object, ...]


def read_answer(body: object) -> Answer:
    """Finds the usage object of an answer; `usage` is None where there is none."""
    if not isinstance(body, dict):
        return Answer(None, ())
    usage = body.get("usage")
    if isinstance(usage, dict) and "totalUsage" not in body:  # nearly every one
        told = usage if _METADATA.isdisjoint(body) else completed(usage, body)
        return Answer(told, (body,))
    holders: list[_Object] = []
    for holder in _walk(body):
        holders.insert(0, holder)
        if (usage := _usage_in(holder)) is not None:
            return Answer(usage, tuple(holders))
    return Answer(None, tuple(holders))


def sums_steps(answer: Answer) -> bool:
    """Whether the usage is the AI SDK's sum of several steps."""
    nearest = answer.holders[0] if answer.holders else {}
    return "totalUsage" in nearest and nearest["totalUsage"] != nearest.get("usage")


def find_usage(response_body: object) -> object:
    """The usage object inside a provider's answer, or None."""
    return read_answer(response_body).usage


def _walk(body: _Object) -> Iterator[_Object]:
    """The objects that may hold an answer, breadth first."""
    waiting = [body]
    for seen in range(_MAX_HOLDERS):
        if seen >= len(waiting):
            return
        holder = waiting[seen]
        yield holder
        for name in CONTAINERS:
            inner = holder.get(name)
            if isinstance(inner, list):
                inner = _merged(inner)
            if isinstance(inner, dict):
                waiting.append(inner)


def _usage_in(holder: _Object) -> object:
    for name in _USAGE_NAMES:
        usage = holder.get(name)
        if isinstance(usage, dict) and read_shape(usage) is not None:
            return usage
    for name in _BARE:
        if name in holder:
            return _bare(holder)
    for name in _HEADERS:
        if isinstance(headers := holder.get(name), dict) and (usage := _from_headers(headers)):
            return usage
    return None


def _bare(holder: _Object) -> _Object:
    results = holder.get("results")
    if not isinstance(results, list):
        return holder
    counts = [r.get("tokenCount") for r in results[:_MAX_HOLDERS] if isinstance(r, dict)]
    return {**holder, "outputTokenCount": sum(c for c in counts if type(c) is int)}


def _from_headers(headers: _Object) -> _Object:
    """Bedrock's InvokeModel counts in headers: x-amzn-bedrock-input-token-count and others."""
    found = {}
    for name, value in headers.items():
        key = name.lower()
        if key.startswith(_BEDROCK_HEADER) and key.endswith("-token-count"):
            text = str(value)
            if text.isascii() and text.isdigit() and len(text) < 17:
                found[key.removeprefix(_BEDROCK_HEADER).replace("-", "_")] = int(text)
    return found


def _merged(chunks: list[Any]) -> _Object | None:
    """One object of a stream's chunks: what a later one says replaces what an earlier one said.

    Anthropic counts the input in the first event and the output in the last.
    """
    merged: _Object = {}
    usage: _Object = {}
    for chunk in chunks[:_MAX_CHUNKS]:
        # LangChain's generations are lists of lists.
        inner = chunk[0] if isinstance(chunk, list) and chunk else chunk
        if not isinstance(inner, dict):
            continue
        holder, found = _usage_of_chunk(inner)
        for told, into in ((holder, merged), (inner, merged), (found, usage)):
            into.update({key: value for key, value in told.items() if value is not None})
    if usage:
        merged["usage"] = usage
    return merged or None


def _usage_of_chunk(chunk: _Object) -> tuple[_Object, _Object]:
    """The usage object of one event of a stream and the object around it; both empty without."""
    for holder in (chunk, chunk.get("message"), chunk.get("response"), chunk.get("x_groq")):
        if isinstance(holder, dict):
            for name in _USAGE_NAMES[1:4]:
                if isinstance(usage := holder.get(name), dict):
                    return holder, usage
    return {}, {}
