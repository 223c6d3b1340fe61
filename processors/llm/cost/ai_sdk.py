"""What Vercel's AI SDK keeps beside its own usage object: `providerMetadata`. Pure.

Its versions 4 and 5 write counts into `usage` as the provider counts them, Anthropic and Bedrock
without cached tokens, and what that object has no place for into the metadata:

1. A provider's whole usage object there stands for the SDK's.
2. Else the counts there are added to the SDK's. Whether its input includes them, the provider's
   name says.
3. Version 6 tells all in `inputTokenDetails` or nested totals: there is nothing to add. Nor is
   there to `totalUsage`, for the metadata are those of the last step.
"""

from __future__ import annotations

from typing import Any

from processors.llm.cost.shapes import read_shape

_Object = dict[str, Any]

METADATA = ("providerMetadata", "provider_metadata", "experimental_providerMetadata")
_WITHOUT_CACHED = frozenset(("anthropic", "bedrock"))
# How the metadata names a count, and how a usage object of such a provider does.
_COUNTS = {
    "cacheReadInputTokens": "cacheReadInputTokens",
    "cacheCreationInputTokens": "cacheWriteInputTokens",
    "cacheWriteInputTokens": "cacheWriteInputTokens",
    "cachedPromptTokens": "cached_tokens",
    "reasoningTokens": "reasoning_tokens",
}
_MAX_PROVIDERS = 16


def completed(usage: _Object, holder: _Object) -> _Object:
    """The usage of an answer of the AI SDK with what stands in its metadata."""
    nested = usage.get("inputTokens")
    if "inputTokenDetails" in usage or (isinstance(nested, dict) and "total" in nested):
        return usage
    for name in METADATA:
        if isinstance(metadata := holder.get(name), dict):
            for provider, told in list(metadata.items())[:_MAX_PROVIDERS]:
                if isinstance(told, dict) and (whole := _completed(usage, provider, told)):
                    return whole
    return usage


def _completed(usage: _Object, provider: str, told: _Object) -> _Object | None:
    inner = told.get("usage")
    if isinstance(inner, dict):
        report = read_shape(inner)
        if report is not None and report.output_tokens is not None:
            return inner
    else:
        inner = told
    counts = {_COUNTS[name]: count for name, count in inner.items() if name in _COUNTS and count}
    if provider not in _WITHOUT_CACHED:
        return {**usage, **counts} if counts else None
    plain = {
        "inputTokens": usage.get("inputTokens", usage.get("promptTokens")),
        "outputTokens": usage.get("outputTokens", usage.get("completionTokens")),
        "cacheReadInputTokens": usage.get("cachedInputTokens"),
    }
    return {**plain, **counts}
