"""Reads the usage objects of the providers into one `ReportedUsage`. Any junk is read as nothing.

1. Gemini `usageMetadata`: prompt includes cached but not tool use, candidates exclude thoughts.
2. OpenAI chat, and those who copy it (`prompt_tokens`): totals include their details.
3. Anthropic Messages: input excludes cache reads and writes; output includes thinking.
4. OpenAI Responses and Realtime (`input_tokens` with details): totals include their details.
5. Bedrock Converse (`inputTokens`, `cacheReadInputTokens`): input excludes the cache.
6. Vercel AI SDK (`inputTokens`, `cachedInputTokens`): totals include their details.
7. Others with `input_tokens`, `cache_read_tokens`: the shape does not say.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Convention = Literal["inclusive", "exclusive"]

# Larger integers are not exact in the JSON of half of the senders.
MAX_COUNT = 2**53 - 1
# A details list holds one item a modality; a longer one is hostile.
_MAX_MODALITIES = 16

_Object = dict[object, object]


class ReportedUsage(Struct, frozen=True, kw_only=True, gc=False):
    """Counts as reported, and whether their totals include their parts (None: not said)."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    cache_audio_read_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    cache_image_read_tokens: int | None = None
    input_video_tokens: int | None = None
    output_video_tokens: int | None = None
    web_searches: int | None = None
    input_convention: Convention | None = None
    output_convention: Convention | None = None


def read_shape(raw: object) -> ReportedUsage | None:
    """The counts of a provider's usage object, or None when it is none that we know."""
    if not isinstance(raw, dict):
        return None
    if _has(raw, "promptTokenCount", "candidatesTokenCount"):
        return _gemini(raw)
    if _has(raw, "prompt_token_count", "candidates_token_count"):
        return _gemini({_camel(key): value for key, value in raw.items()})
    if _has(raw, "prompt_tokens", "completion_tokens"):
        return _openai_chat(raw)
    if _has(raw, "input_tokens", "output_tokens"):
        return _snake(raw)
    if _has(raw, "inputTokens", "outputTokens"):
        return _camel_case(raw)
    return None


def safe_count(value: object) -> int | None:
    """The value when it is an integer from 0 to 2^53 - 1, else None. True is not a count."""
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def _gemini(raw: _Object) -> ReportedUsage:
    prompt = _modalities(raw.get("promptTokensDetails"))
    cached = _modalities(raw.get("cacheTokensDetails"))
    answer = _modalities(raw.get("candidatesTokensDetails"))
    return ReportedUsage(
        input_tokens=_sum(_count(raw, "promptTokenCount"), _count(raw, "toolUsePromptTokenCount")),
        output_tokens=_count(raw, "candidatesTokenCount"),
        total_tokens=_count(raw, "totalTokenCount"),
        cache_read_tokens=_count(raw, "cachedContentTokenCount"),
        reasoning_tokens=_count(raw, "thoughtsTokenCount"),
        input_audio_tokens=prompt.get("AUDIO"),
        output_audio_tokens=answer.get("AUDIO"),
        cache_audio_read_tokens=cached.get("AUDIO"),
        input_image_tokens=prompt.get("IMAGE"),
        output_image_tokens=answer.get("IMAGE"),
        cache_image_read_tokens=cached.get("IMAGE"),
        input_video_tokens=prompt.get("VIDEO"),
        output_video_tokens=answer.get("VIDEO"),
        input_convention="inclusive",
        output_convention="exclusive",
    )


def _openai_chat(raw: _Object) -> ReportedUsage:
    prompt = _object(raw, "prompt_tokens_details")
    return _openai(
        raw,
        ("prompt_tokens", "completion_tokens"),
        prompt,
        _object(raw, "completion_tokens_details"),
        # DeepSeek, Moonshot, LiteLLM; OpenRouter and LiteLLM for the writes.
        cache_read=_first(
            _count(prompt, "cached_tokens"),
            _count(raw, "prompt_cache_hit_tokens"),
            _count(raw, "cached_tokens"),
            _count(raw, "cache_read_input_tokens"),
        ),
        cache_write=_first(
            _count(prompt, "cache_write_tokens"),
            _count(prompt, "cache_creation_tokens"),
            _count(raw, "cache_creation_input_tokens"),
        ),
    )


def _snake(raw: _Object) -> ReportedUsage:
    if _has(raw, "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"):
        return _anthropic(raw)
    details = _object(raw, "input_tokens_details", "input_token_details")
    output_details = _object(raw, "output_tokens_details", "output_token_details")
    if details or output_details:
        return _openai(
            raw,
            ("input_tokens", "output_tokens"),
            details,
            output_details,
            cache_read=_count(details, "cached_tokens"),
            cache_write=_count(details, "cache_write_tokens"),
        )
    return ReportedUsage(
        input_tokens=_count(raw, "input_tokens"),
        output_tokens=_count(raw, "output_tokens"),
        total_tokens=_count(raw, "total_tokens"),
        cache_read_tokens=_count(raw, "cache_read_tokens"),
        cache_write_tokens=_count(raw, "cache_write_tokens"),
        reasoning_tokens=_count(raw, "reasoning_tokens"),
        web_searches=_count(_object(raw, "server_tool_use"), "web_search_requests"),
    )


def _openai(
    raw: _Object,
    totals: tuple[str, str],
    input_details: _Object,
    output_details: _Object,
    *,
    cache_read: int | None,
    cache_write: int | None,
) -> ReportedUsage:
    cached = _object(input_details, "cached_tokens_details")
    return ReportedUsage(
        input_tokens=_count(raw, totals[0]),
        output_tokens=_count(raw, totals[1]),
        total_tokens=_count(raw, "total_tokens"),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        reasoning_tokens=_first(
            _count(output_details, "reasoning_tokens"), _count(raw, "reasoning_tokens")
        ),
        input_audio_tokens=_count(input_details, "audio_tokens"),
        output_audio_tokens=_count(output_details, "audio_tokens"),
        cache_audio_read_tokens=_count(cached, "audio_tokens"),
        input_image_tokens=_count(input_details, "image_tokens"),
        output_image_tokens=_count(output_details, "image_tokens"),
        cache_image_read_tokens=_count(cached, "image_tokens"),
        input_convention="inclusive",
        output_convention="inclusive",
    )


def _anthropic(raw: _Object) -> ReportedUsage:
    lifetimes = _object(raw, "cache_creation")
    one_hour = _count(lifetimes, "ephemeral_1h_input_tokens")
    by_lifetime = _sum(one_hour, _count(lifetimes, "ephemeral_5m_input_tokens"))
    return ReportedUsage(
        input_tokens=_count(raw, "input_tokens"),
        output_tokens=_count(raw, "output_tokens"),
        cache_read_tokens=_count(raw, "cache_read_input_tokens"),
        cache_write_tokens=_first(_count(raw, "cache_creation_input_tokens"), by_lifetime),
        cache_write_1h_tokens=one_hour,
        reasoning_tokens=_count(_object(raw, "output_tokens_details"), "thinking_tokens"),
        web_searches=_count(_object(raw, "server_tool_use"), "web_search_requests"),
        input_convention="exclusive",
        output_convention="inclusive",
    )


def _camel_case(raw: _Object) -> ReportedUsage:
    bedrock = _has(raw, "cacheReadInputTokens", "cacheWriteInputTokens")
    details = _object(raw, "inputTokenDetails")
    return ReportedUsage(
        input_tokens=_count(raw, "inputTokens"),
        output_tokens=_count(raw, "outputTokens"),
        total_tokens=_count(raw, "totalTokens"),
        cache_read_tokens=_first(
            _count(raw, "cacheReadInputTokens"),
            _count(details, "cacheReadTokens"),
            _count(raw, "cachedInputTokens"),
        ),
        cache_write_tokens=_first(
            _count(raw, "cacheWriteInputTokens"), _count(details, "cacheWriteTokens")
        ),
        reasoning_tokens=_first(
            _count(_object(raw, "outputTokenDetails"), "reasoningTokens"),
            _count(raw, "reasoningTokens"),
        ),
        input_convention="exclusive" if bedrock else "inclusive",
        output_convention="inclusive",
    )


def _modalities(details: object) -> dict[str, int]:
    """Sums Gemini's [{"modality": "AUDIO", "tokenCount": 9}, ...]."""
    counts: dict[str, int] = {}
    if not isinstance(details, list):
        return counts
    for item in details[:_MAX_MODALITIES]:
        if not isinstance(item, dict):
            continue
        modality = item.get("modality")
        count = _first(safe_count(item.get("tokenCount")), safe_count(item.get("token_count")))
        if isinstance(modality, str) and count is not None:
            counts[modality.upper()] = counts.get(modality.upper(), 0) + count
    return counts


def _has(raw: _Object, *keys: str) -> bool:
    for key in keys:  # noqa: SIM110 (runs for every trace, and a generator takes twice as long)
        if raw.get(key) is not None:
            return True
    return False


def _object(raw: _Object, *keys: str) -> _Object:
    found = (raw.get(key) for key in keys)
    return next((value for value in found if isinstance(value, dict)), {})


def _count(raw: _Object, key: str) -> int | None:
    return safe_count(raw.get(key))


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _camel(key: object) -> object:
    if not isinstance(key, str):
        return key
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)
