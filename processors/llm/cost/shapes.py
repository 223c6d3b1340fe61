"""Reads the usage objects of the providers into one `ReportedUsage`. Any junk is read as nothing.

One table, `_LAYOUT`, names every key that a provider, SDK or gateway writes a count under; keys in
camelCase are found by their snake_case. Where one count stands under two names, the larger is
right: the other is a zero that a wrapper filled in. What a total includes depends on the shape:

1. Gemini `usageMetadata`: prompt includes cached but not tool use, candidates exclude thoughts.
2. OpenAI chat, and those who copy it (`prompt_tokens`): totals include their details.
3. Anthropic Messages, Bedrock (`inputTokens`, `cacheReadInputTokens`), Cursor: input excludes
   cache reads and writes; output includes thinking.
4. OpenAI Responses, Realtime, images, LangChain, Vercel AI SDK (details): totals include them.
5. Perplexity: reasoning and citations stand beside the completion, outside of the total.
6. Cohere: the billed units are what is charged, not the tokens.
7. Several calls in one object: see `several`.
8. Others with `input_tokens`, `cache_read_tokens`: the shape does not say.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from processors.llm.cost.parts import INPUT_PARTS, OUTPUT_PARTS, WRITE_LIFETIMES, in_both_cases
from processors.llm.cost.several import note_unlisted, sum_calls

Convention = Literal["inclusive", "exclusive"]

# Larger integers are not exact in the JSON of half of the senders.
MAX_COUNT = 2**53 - 1
# A details list holds one item a modality or lifetime; a longer one is hostile.
_MAX_DETAILS = 16

_Object = dict[str, Any]


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
    citation_tokens: int | None = None
    web_searches: int | None = None
    file_searches: int | None = None
    search_sources: int | None = None
    code_executions: int | None = None
    audio_ms: int | None = None
    call_inputs: tuple[int, int] | None = None
    """Of several calls that are counted as one: the smallest and the largest input."""
    outer_inputs: tuple[int | None, ...] = ()
    """What stands as the input beside the counts of each call, and leaves some out."""
    outer_outputs: tuple[int | None, ...] = ()
    unlisted: tuple[str, ...] = ()
    """What was charged besides, and has no rate."""
    input_convention: Convention | None = None
    output_convention: Convention | None = None


def read_shape(raw: object) -> ReportedUsage | None:
    """The counts of a provider's usage object, or None when it is none that we know."""
    if not isinstance(raw, dict):
        return None
    counts: dict[str, Any] = {}
    if raw.keys().isdisjoint(_BILLED_UNITS):
        _read(raw, _LAYOUT, counts)
    else:  # rule 6
        _read_billed(raw, counts)
    if counts.keys().isdisjoint(_PROOF):
        return None
    _settle_parts(counts)
    _name_conventions(raw, counts)
    if not raw.keys().isdisjoint(_SEVERAL):  # rule 7
        sum_calls(raw, counts, _count)
    return ReportedUsage(**counts)


def _read_billed(raw: _Object, counts: dict[str, Any]) -> None:
    billed = raw.get("billed_units", raw.get("billedUnits"))
    if isinstance(billed, dict):
        _read(billed, _BILLED, counts)
    else:
        _read(raw, _LAYOUT, counts)


def _count(raw: _Object) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    _read(raw, _LAYOUT, counts)
    _settle_parts(counts)
    return counts


def safe_count(value: object) -> int | None:
    """The value when it is an integer from 0 to 2^53 - 1, else None. True is not a count."""
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def _read(raw: _Object, layout: dict[str, Any], counts: dict[str, Any]) -> None:
    for key, value in raw.items():
        field = layout.get(key)
        if field is None or value is None:
            continue
        if type(field) is str:
            if type(value) is int and 0 <= value <= MAX_COUNT and value >= counts.get(field, 0):
                counts[field] = value
        elif type(field) is dict:
            if isinstance(value, dict):
                _read(value, field, counts)
        else:
            field(value, counts)


def _details(side: str, layout: dict[str, Any]) -> Any:
    """Reads an object of parts, or Gemini's [{"modality": "AUDIO", "tokenCount": 9}, ...]."""

    def read(details: object, counts: dict[str, Any]) -> None:
        if isinstance(details, dict):
            return _read(details, layout, counts)
        for item in _items(details):
            modality = str(item.get("modality")).upper()
            name = _MODALITIES.get(modality)
            count = safe_count(item.get("tokenCount", item.get("token_count")))
            if name is not None and count is not None:
                field = side.format(name)
                if field != _CACHED_VIDEO:
                    counts[field] = counts.get(field, 0) + count
            elif count and modality not in _TEXT:
                note_unlisted(counts, "modality")
        return None

    return read


def _lifetimes(details: object, counts: dict[str, Any]) -> None:
    """Reads Bedrock's [{"ttl": "1h", "inputTokens": 9}, ...]."""
    for item in _items(details):
        count = safe_count(item.get("inputTokens"))
        field = {"1h": "cache_write_1h_tokens", "5m": "_write_5m"}.get(str(item.get("ttl")))
        if count is not None and field is not None:
            counts[field] = counts.get(field, 0) + count


def _nested_total(field: str, layout: dict[str, Any]) -> Any:
    """Reads a count, or the AI SDK's {"total": 9, "cacheRead": 5}."""

    def read(value: object, counts: dict[str, Any]) -> None:
        if isinstance(value, dict):
            _read(value, {**layout, "total": field}, counts)
        elif (count := safe_count(value)) is not None:
            counts[field] = max(count, counts.get(field, 0))

    return read


def _unlisted(name: str) -> Any:
    """Reads a count of something that is charged and has no rate."""

    def read(value: object, counts: dict[str, Any]) -> None:
        if safe_count(value):
            note_unlisted(counts, name)

    return read


def _seconds(value: object, counts: dict[str, Any]) -> None:
    if (
        isinstance(value, int | float)
        and type(value) is not bool
        and 0 <= value <= MAX_COUNT // 1000
    ):
        counts["audio_ms"] = max(round(value * 1000), counts.get("audio_ms", 0))


def _items(details: object) -> list[_Object]:
    if not isinstance(details, list):
        return []
    return [item for item in details[:_MAX_DETAILS] if isinstance(item, dict)]


def _settle_parts(counts: dict[str, Any]) -> None:
    by_lifetime = counts.pop("_write_5m", 0) + counts.get("cache_write_1h_tokens", 0)
    if by_lifetime:
        counts["cache_write_tokens"] = max(by_lifetime, counts.get("cache_write_tokens", 0))
    if "_tools" in counts and counts.pop("_tools") and counts.keys().isdisjoint(_TOOLS):
        note_unlisted(counts, "server_side_tools")
    for part, whole in _BESIDE.items():
        if part in counts:
            counts[whole] = counts.pop(part) + counts.get(whole, 0)
    if counts.keys() <= {"total_tokens"}:  # an embedding: there is nothing but input
        counts["input_tokens"] = counts["total_tokens"]


def _name_conventions(raw: _Object, counts: dict[str, Any]) -> None:
    if not raw.keys().isdisjoint(_THOUGHTS_BESIDE):  # rules 1 and 5
        counts["output_convention"] = "exclusive"
        counts["input_convention"] = "inclusive"
        if "citation_tokens" in raw or "num_search_queries" in raw:
            counts.pop("total_tokens", None)
    elif not raw.keys().isdisjoint(_EXCLUSIVE) and raw.keys().isdisjoint(_CHAT):  # rule 3
        counts["input_convention"] = "exclusive"
        counts["output_convention"] = "inclusive"
    elif not raw.keys().isdisjoint(_INCLUSIVE):  # rules 2 and 4
        counts["input_convention"] = counts["output_convention"] = "inclusive"


# Counted beside the total that they belong to.
_BESIDE = {"_beside_input": "input_tokens", "_x_searches": "web_searches"}
# By their names, and as the numbers of Google's older SDKs.
_MODALITIES = {
    **{"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"},
    **{"4": "audio", "2": "image", "5": "image", "3": "video"},
}
_CACHED_VIDEO = "cache_video_read_tokens"
"""Its rate is that of the cached input in every list."""
_TEXT = frozenset(("TEXT", "1", "MODALITY_UNSPECIFIED", "0", "NONE"))
_TOOLS = frozenset(("web_searches", "_x_searches", "code_executions", "file_searches", "unlisted"))
_BILLED_UNITS = frozenset(("billed_units", "billedUnits"))
_SEVERAL = frozenset(("iterations", "requests"))
# Without one of these an object is no usage.
_PROOF = frozenset(("input_tokens", "output_tokens", "total_tokens", "audio_ms", "_beside_input"))
_THOUGHTS_BESIDE = frozenset(
    (
        "promptTokenCount",
        "candidatesTokenCount",
        "candidates_token_count",
        "responseTokenCount",
        "response_token_count",
        "thoughts_token_count",
        "citation_tokens",
        "num_search_queries",
    )
)
_CHAT = frozenset(("prompt_tokens", "completion_tokens", "promptTokens", "completionTokens"))
_EXCLUSIVE = frozenset(
    (
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
        "cacheCreationInputTokens",
        "cacheReadTokens",
        "cacheWriteTokens",
    )
)
_INCLUSIVE = _CHAT | {
    "input_tokens_details",
    "output_tokens_details",
    "input_token_details",
    "output_token_details",
    "inputTokens",
    "outputTokens",
    "inputTokenDetails",
    "native_tokens_prompt",
    "request_tokens",
    "details",
}


_INPUT_DETAILS = _details("input_{}_tokens", in_both_cases(INPUT_PARTS))
_OUTPUT_DETAILS = _details("output_{}_tokens", in_both_cases(OUTPUT_PARTS))
_NAMES: dict[str, Any] = {
    # Totals: OpenAI, Anthropic, Bedrock, Gemini, Llama and Titan on Bedrock, Ollama, TGI, watsonx,
    # OpenRouter's generations, Replicate, pydantic-ai's older usage, llama.cpp.
    "prompt_tokens": "input_tokens",
    "input_tokens": _nested_total(
        "input_tokens",
        {
            "cacheRead": "cache_read_tokens",
            "cacheWrite": "cache_write_tokens",
        },
    ),
    "input_token_count": "input_tokens",
    "input_text_token_count": "input_tokens",
    "prompt_token_count": "input_tokens",
    "prompt_eval_count": "input_tokens",
    "native_tokens_prompt": "input_tokens",
    "request_tokens": "input_tokens",
    "tokens_evaluated": "input_tokens",
    "completion_tokens": "output_tokens",
    "output_tokens": _nested_total("output_tokens", {"reasoning": "reasoning_tokens"}),
    "output_token_count": "output_tokens",
    "generated_token_count": "output_tokens",
    "generation_token_count": "output_tokens",
    "generated_tokens": "output_tokens",
    "candidates_token_count": "output_tokens",
    "response_token_count": "output_tokens",
    "eval_count": "output_tokens",
    "native_tokens_completion": "output_tokens",
    "response_tokens": "output_tokens",
    "tokens_predicted": "output_tokens",
    "total_tokens": "total_tokens",
    "total_token_count": "total_tokens",
    # Parts of the input.
    "prompt_tokens_details": _INPUT_DETAILS,
    "input_tokens_details": _INPUT_DETAILS,
    "input_token_details": _INPUT_DETAILS,
    "prompt_token_details": _INPUT_DETAILS,
    "tool_use_prompt_tokens_details": _INPUT_DETAILS,  # Gemini
    "cache_tokens_details": _details("cache_{}_read_tokens", {}),  # Gemini
    "prompt_cache_hit_tokens": "cache_read_tokens",  # DeepSeek
    "cached_tokens": "cache_read_tokens",  # Moonshot, Together, Cohere
    "num_cached_tokens": "cache_read_tokens",  # Mistral
    "cached_prompt_text_tokens": "cache_read_tokens",  # xAI's own SDK
    "cached_input_tokens": "cache_read_tokens",  # Vercel AI SDK, Codex
    "cache_read_input_tokens": "cache_read_tokens",  # Anthropic, Bedrock, LiteLLM, Databricks
    "cache_read_input_token_count": "cache_read_tokens",  # Bedrock's metrics
    "cache_read_tokens": "cache_read_tokens",
    "cached_content_token_count": "cache_read_tokens",  # Gemini
    "native_tokens_cached": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "cache_write_input_tokens": "cache_write_tokens",
    "cache_write_input_token_count": "cache_write_tokens",
    "cache_creation_tokens": "cache_write_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_creation": WRITE_LIFETIMES,
    "cache_details": _lifetimes,
    "input_audio_tokens": "input_audio_tokens",  # pydantic-ai
    "cache_audio_read_tokens": "cache_audio_read_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "details": {  # pydantic-ai's older usage
        "cached_tokens": "cache_read_tokens",
        "cache_read_input_tokens": "cache_read_tokens",
        "cache_creation_input_tokens": "cache_write_tokens",
        "reasoning_tokens": "reasoning_tokens",
    },
    "tool_use_prompt_token_count": "_beside_input",  # Gemini
    "connector_tokens": "_beside_input",  # Mistral's agents
    # Parts of the output.
    "completion_tokens_details": _OUTPUT_DETAILS,
    "output_tokens_details": _OUTPUT_DETAILS,
    "output_token_details": _OUTPUT_DETAILS,
    "completion_token_details": _OUTPUT_DETAILS,
    "candidates_tokens_details": _OUTPUT_DETAILS,  # Gemini
    "response_tokens_details": _OUTPUT_DETAILS,  # Gemini Live
    "thoughts_token_count": "reasoning_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "native_tokens_reasoning": "reasoning_tokens",
    "citation_tokens": "citation_tokens",
    # What is no token.
    "server_tool_use": {"web_search_requests": "web_searches"},  # Anthropic, OpenRouter
    "server_tool_use_details": {"web_search_requests": "web_searches"},
    "num_search_queries": "web_searches",  # Perplexity
    "tool_calls_details": {"search_web": {"invocation": "web_searches"}},
    "num_sources_used": "search_sources",  # xAI
    "connectors": {"web_search": "web_searches", "web_search_premium": "web_searches"},  # Mistral
    "server_side_tool_usage_details": {  # xAI
        "web_search_calls": "web_searches",
        "x_search_calls": "_x_searches",
        "code_interpreter_calls": "code_executions",
        "file_search_calls": "file_searches",
        "document_search_calls": _unlisted("document_search"),
    },
    "num_server_side_tools_used": "_tools",  # xAI
    "seconds": _seconds,  # OpenAI's transcriptions
    "prompt_audio_seconds": _seconds,  # Mistral
}
_LAYOUT = in_both_cases(_NAMES)
_BILLED = _LAYOUT | {
    name: _unlisted(name) for name in ("search_units", "classifications", "images")
}
