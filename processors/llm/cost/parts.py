"""Under which keys senders write the parts of a total, as `shapes` reads them. Forms only."""

from __future__ import annotations

from typing import Any

_CACHED_DETAILS = {
    "audio_tokens": "cache_audio_read_tokens",
    "image_tokens": "cache_image_read_tokens",
}
WRITE_LIFETIMES = {
    "ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    "ephemeral_5m_input_tokens": "_write_5m",
}
INPUT_PARTS: dict[str, Any] = {
    **WRITE_LIFETIMES,
    "cached_tokens": "cache_read_tokens",
    "cache_read": "cache_read_tokens",  # LangChain
    "flex_cache_read": "cache_read_tokens",
    "priority_cache_read": "cache_read_tokens",
    "cache_read_tokens": "cache_read_tokens",  # Vercel AI SDK
    "cache_read_input_tokens": "cache_read_tokens",  # Perplexity
    "cache_write_tokens": "cache_write_tokens",  # OpenAI, OpenRouter
    "cache_creation_tokens": "cache_write_tokens",  # LiteLLM
    "cache_creation_input_tokens": "cache_write_tokens",
    "cache_creation": "cache_write_tokens",  # LangChain
    "cache_creation_token_details": WRITE_LIFETIMES,  # LiteLLM
    "cached_tokens_details": _CACHED_DETAILS,  # Realtime
    "audio_tokens": "input_audio_tokens",
    "audio": "input_audio_tokens",
    "image_tokens": "input_image_tokens",
    "image": "input_image_tokens",
    "video_tokens": "input_video_tokens",
    "video": "input_video_tokens",
    "web_search_requests": "web_searches",  # LiteLLM
}
OUTPUT_PARTS: dict[str, Any] = {
    "reasoning_tokens": "reasoning_tokens",
    "reasoning": "reasoning_tokens",
    "flex_reasoning": "reasoning_tokens",
    "priority_reasoning": "reasoning_tokens",
    "thinking_tokens": "reasoning_tokens",
    "audio_tokens": "output_audio_tokens",
    "audio": "output_audio_tokens",
    "image_tokens": "output_image_tokens",
    "image": "output_image_tokens",
    "video_tokens": "output_video_tokens",
    "video": "output_video_tokens",
}


def in_both_cases(layout: dict[str, Any]) -> dict[str, Any]:
    """The layout, with each key in camelCase besides."""
    names = {
        key: in_both_cases(field) if type(field) is dict else field for key, field in layout.items()
    }
    return {_camel(key): field for key, field in names.items()} | names


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)
