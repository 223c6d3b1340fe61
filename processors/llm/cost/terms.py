"""Under which terms a call was served, and what it was charged besides tokens.

Terms are pairs such as ("service_tier", "flex"): what a price list may know another price for. The
rules:

1. What the answer says is what was served; only what it does not say is taken from the request.
2. What means the standard price ("default", "auto", "on_demand", "global") is no term.
3. A batch is a way of sending, not a tier, and has its own key: ("processing", "batch").
4. A term that is not understood is kept: it has no price, so the cost is unknown.
"""

from __future__ import annotations

from typing import Any

from processors.llm.cost.answers import Answer

_Object = dict[str, Any]

_STANDARD = frozenset(
    (
        "",
        "auto",
        "default",
        "standard",
        "standard_only",
        "on_demand",
        "unspecified",
        "traffic_type_unspecified",
        "global",
        "not_available",
        "none",
        "null",
    )
)
# How the key is written, and the term that it stands for.
_NAMES = {
    "service_tier": "service_tier",
    "serviceTier": "service_tier",
    "traffic_type": "service_tier",  # Gemini on Vertex AI
    "trafficType": "service_tier",
    "speed": "speed",  # Anthropic
    "inference_geo": "inference_geo",  # Anthropic
    "inferenceGeo": "inference_geo",
    "search_context_size": "search_context_size",  # Perplexity
}
REQUESTED = (
    *("service_tier", "serviceTier", "speed", "inference_geo"),
    *("performanceConfig", "web_search_options", "custom_id", "recordId"),
)
"""A request without any of these members asks for nothing but the standard terms."""
_OF_BATCH = frozenset(("custom_id", "recordId"))
_SURROUNDINGS = frozenset(
    (
        "response_metadata",
        "providerMetadata",
        "provider_metadata",
        "performanceConfig",
        "custom_id",
        "recordId",
        "processed_time",
        "key",
    )
)
_TOOL_PLACES = frozenset(("output", "candidates", "choices"))
_CONTAINER = "container "
_Terms = tuple[tuple[str, str], ...]
_NAMED = frozenset(_NAMES)
_MAX_ITEMS = 10_000
_MAX_CHARS = 64


def terms_of(answer: Answer, request: _Object) -> _Terms:
    """The terms of a call, by key. `request` is its body, empty where it says nothing of them."""
    said: dict[str, str] = {}
    if isinstance(answer.usage, dict):
        _note(answer.usage, said)
    for holder in answer.holders:
        _note(holder, said)
        if not _SURROUNDINGS.isdisjoint(holder):
            _note_metadata(holder, said)
            if _is_batch(holder):
                said.setdefault("processing", "batch")
    if request:
        _note_request(request, said)
    if not any(said.values()):  # nearly always
        return ()
    if said.get("service_tier") == "batch":
        said.update(service_tier="", processing="batch")
    return tuple(sorted((key, value) for key, value in said.items() if value not in _STANDARD))


def charges_of(answer: Answer) -> tuple[dict[str, int], tuple[str, ...]]:
    """What an answer shows to have been charged besides its usage: counts, and what has none."""
    counts: dict[str, int] = {}
    unlisted: set[str] = set()
    for holder in answer.holders:
        if not _TOOL_PLACES.isdisjoint(holder):
            _count_tools(holder, counts, unlisted)
    if not counts:
        return counts, tuple(sorted(unlisted))
    unnamed = counts.pop("_unnamed", 0)
    named = [key for key in counts if key.startswith(_CONTAINER)]
    tallied = {key: count for key, count in counts.items() if not key.startswith(_CONTAINER)}
    if named or unnamed:
        tallied["containers"] = len(named) or 1
    return tallied, tuple(sorted(unlisted))


def _count_tools(holder: _Object, counts: dict[str, int], unlisted: set[str]) -> None:
    for item in _objects(holder.get("output")):
        _count_item(item, counts, unlisted)
    searches = _grounding(holder, unlisted) if "candidates" in holder else 0
    for choice in _objects(holder.get("choices")):
        if "message" in choice and _cites(choice):
            searches = searches or 1
    if searches:
        counts["web_searches"] = max(searches, counts.get("web_searches", 0))


def searches_by_preview(answer: Answer) -> bool:
    """Whether the answer names OpenAI's preview of web search as its tool, which costs more."""
    return any(
        str(tool.get("type")).startswith("web_search_preview")
        for holder in answer.holders
        for tool in _objects(holder.get("tools"))
    )


def _note(holder: _Object, said: dict[str, str]) -> None:
    if _NAMED.isdisjoint(holder):
        return
    for name in _NAMED & holder.keys():
        key, value = _NAMES[name], holder[name]
        if isinstance(value, dict):  # Bedrock: {"type": "flex"}
            value = value.get("type")
        if isinstance(value, str) and key not in said:
            said[key] = "" if value in _STANDARD else _plain(value)


def _note_metadata(holder: _Object, said: dict[str, str]) -> None:
    """What frameworks keep of an answer: LangChain, Vercel's AI SDK by the provider's name."""
    if isinstance(metadata := holder.get("response_metadata"), dict):
        _note(metadata, said)
    for name in ("providerMetadata", "provider_metadata"):
        if isinstance(providers := holder.get(name), dict):
            for inner in list(providers.values())[:_MAX_CHARS]:
                if isinstance(inner, dict):
                    _note(inner, said)
                    if isinstance(usage := inner.get("usage"), dict):
                        _note(usage, said)
    _note_latency(holder, said)


def _note_request(request: _Object, said: dict[str, str]) -> None:
    _note(request, said)
    _note_latency(request, said)
    if isinstance(options := request.get("web_search_options"), dict):  # Perplexity
        _note(options, said)
    if not _OF_BATCH.isdisjoint(request):  # a line of a batch: the call itself is within
        said.setdefault("processing", "batch")


def _note_latency(holder: _Object, said: dict[str, str]) -> None:
    if isinstance(config := holder.get("performanceConfig"), dict):  # Bedrock
        said.setdefault("latency", _plain(str(config.get("latency"))))


def _plain(value: str) -> str:
    text = value[:_MAX_CHARS].lower().removeprefix("service_tier_").removeprefix("on_demand_")
    return text.strip()


def _is_batch(holder: _Object) -> bool:
    """A line of a batch's result: OpenAI and Mistral, Anthropic, Bedrock, Vertex AI, Gemini."""
    if "custom_id" in holder:
        return "response" in holder or "result" in holder
    if "recordId" in holder:
        return "modelOutput" in holder
    if "processed_time" in holder:
        return "response" in holder
    return "key" in holder and "response" in holder and "type" not in holder


def _count_item(item: _Object, counts: dict[str, int], unlisted: set[str]) -> None:
    kind = item.get("type")
    if not isinstance(kind, str) or not kind.endswith("_call") or item.get("status") == "failed":
        return
    if kind == "web_search_call":
        action = item.get("action")
        # To open or read a found page costs nothing.
        if not isinstance(action, dict) or action.get("type") in (None, "search"):
            counts["web_searches"] = counts.get("web_searches", 0) + 1
    elif kind == "file_search_call":
        counts["file_searches"] = counts.get("file_searches", 0) + 1
    elif kind == "code_interpreter_call":
        container = item.get("container_id")
        name = _CONTAINER + container if isinstance(container, str) else "_unnamed"
        counts[name] = 1
    elif kind == "image_generation_call":
        unlisted.add("image_generation")
    elif kind == "shell_call":
        unlisted.add("shell")


def _grounding(holder: _Object, unlisted: set[str]) -> int:
    """Gemini's searches: unique queries that are not empty."""
    queries: set[str] = set()
    for candidate in _objects(holder.get("candidates")):
        found = candidate.get("groundingMetadata", candidate.get("grounding_metadata"))
        if not isinstance(found, dict):
            continue
        asked = found.get("webSearchQueries", found.get("web_search_queries"))
        if isinstance(asked, list):
            queries |= {query for query in asked[:_MAX_ITEMS] if isinstance(query, str) and query}
        chunks = found.get("groundingChunks", found.get("grounding_chunks"))
        if any("maps" in chunk for chunk in _objects(chunks)):
            unlisted.add("google_maps")
    return len(queries)


def _cites(choice: _Object) -> bool:
    """Whether a chat model that searches (OpenAI) did so."""
    message = choice.get("message")
    if not isinstance(message, dict) or not message.get("annotations"):
        return False
    return any(note.get("type") == "url_citation" for note in _objects(message.get("annotations")))


def _objects(value: object) -> list[_Object]:
    if not value or not isinstance(value, list):
        return []
    return [item for item in value[:_MAX_ITEMS] if isinstance(item, dict)]
