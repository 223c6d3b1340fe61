"""Messages, whichever shape they came in.

Taken are: OTel's parts; OpenAI's and Anthropic's content; the items of OpenAI's Responses; Gemini's
contents; Vercel's parts; and choices with a message within. What is none of these stays as it came,
in a part of type `other`.
"""

from typing import Any

from processors.otel.plain import json_of, text_of
from schemas.otel.meanings import Message, Part, PartType
from schemas.otel.values import Value

_TYPES: dict[str, PartType] = {
    **dict.fromkeys(("text", "input_text", "output_text"), "text"),
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking", "summary_text"), "reasoning"),
    **dict.fromkeys(("tool_call", "tool_use", "tool-call", "function_call"), "tool_call"),
    **dict.fromkeys(
        (
            *("tool_call_response", "tool_result", "tool-result", "function_call_output"),
            "tool_response",
        ),
        "tool_result",
    ),
    **dict.fromkeys(
        (
            *("image", "image_url", "input_image", "audio", "input_audio", "video", "blob"),
            *("file", "uri", "document"),
        ),
        "media",
    ),
}
_LISTS = ("messages", "contents", "choices", "candidates", "input", "output")
_ITEM_ROLES = {
    "function_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
}
"""Whose the items are that OpenAI's Responses put beside messages."""
_WRAPPERS = ("message", "content")
_TEXT_KEYS = ("text", "content", "thinking", "reasoning", "value")
_ID_KEYS = ("id", "toolCallId", "tool_use_id", "call_id", "tool_call_id")
_NAME_KEYS = ("name", "toolName", "tool_name")
_ARGUMENT_KEYS = ("arguments", "input", "args", "parameters")
_RESULT_KEYS = ("response", "result", "output", "content")
_MAX_DEPTH = 4
"""Of messages within what holds them."""


def messages_of(value: Value, role: str, depth: int = 0) -> list[Message]:
    """Reads messages; `role` is whose they are where they do not say. Empty for nothing."""
    value = json_of(value)
    if isinstance(value, list):
        return _of_list(value, role, depth) if value else []
    if isinstance(value, dict):
        return _of_object(value, role, depth) if value else []
    if value is None or value == "":
        return []
    return [Message(role, [_plain(value)])]


def parts_of(value: Value) -> list[Part]:
    """Reads the content of one message."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [_part(one) for one in value]
    return [_part(value)]


def _of_list(value: list[Value], role: str, depth: int) -> list[Message]:
    if all(isinstance(one, dict) and _is_message(one) for one in value):
        return [message for one in value for message in messages_of(one, role, depth)]
    if any(isinstance(one, dict) and "role" in one and "type" in one for one in value):
        return [message for one in value for message in _of_item(one, role, depth)]
    return [Message(role, parts_of(value))]


def _of_item(value: Value, role: str, depth: int) -> list[Message]:
    if isinstance(value, dict) and "role" not in value:
        sort = value.get("type")
        if isinstance(sort, str):
            return [Message(_ITEM_ROLES.get(sort, role), [_part(value)])]
    return messages_of(value, role, depth)


def _is_message(value: dict[str, Value]) -> bool:
    if "type" in value:
        return "role" in value
    return not value.keys().isdisjoint(("role", "parts", "content", "message"))


def _of_object(value: dict[str, Value], role: str, depth: int) -> list[Message]:
    if depth < _MAX_DEPTH:
        for name in _LISTS:
            if isinstance(value.get(name), list):
                return [*_system(value), *messages_of(value[name], role, depth + 1)]
        if "model" in value and isinstance(value.get("input"), str):
            return [*_system(value), *messages_of(value["input"], role, depth + 1)]
        if "role" not in value:
            for name in _WRAPPERS:
                inner = value.get(name)
                if isinstance(inner, dict):
                    return messages_of(inner, role, depth + 1)
    if not _is_message(value) and value.keys().isdisjoint(("content", "tool_calls")):
        return [Message(role, [_part(value)])]
    found = _message(value, role)
    # An answer of which nothing but its counts is told, is no message.
    return [found] if found.parts or "role" in value else []


def _system(value: dict[str, Value]) -> list[Message]:
    for name in ("system", "instructions", "systemInstruction", "system_instruction"):
        if name in value and (found := messages_of(value[name], "system", _MAX_DEPTH)):
            return found
    return []


def _message(value: dict[str, Value], role: str) -> Message:
    said = text_of(value.get("role")) or role
    content = json_of(value.get("parts") or value.get("content") or value.get("contents"))
    call_id = text_of(value.get("tool_call_id")) or text_of(value.get("id"))
    if said == "tool" and call_id and not isinstance(content, list):
        parts = [Part("tool_result", id=call_id, name=_named(value), value=content)]
    else:
        parts = parts_of(content)
    thought = text_of(value.get("reasoning_content")) or text_of(value.get("reasoning"))
    if thought:
        parts.insert(0, Part("reasoning", text=thought))
    calls = json_of(value.get("tool_calls"))
    for one in calls if isinstance(calls, list) else ():
        parts.append(_call(one))
    return Message({"model": "assistant"}.get(said, said), parts)


def _named(value: dict[str, Value]) -> str | None:
    return _first_text(value, _NAME_KEYS)


def _call(sent: Value) -> Part:
    if not isinstance(sent, dict):
        return Part("other", value=sent)
    inner = sent.get("tool_call")
    outer = inner if isinstance(inner, dict) else sent
    function = outer.get("function")
    held = function if isinstance(function, dict) else outer
    return Part(
        "tool_call",
        id=_first_text(outer, _ID_KEYS),
        name=_first_text(held, _NAME_KEYS),
        value=json_of(_first(held, _ARGUMENT_KEYS)),
    )


def _part(sent: Value) -> Part:
    if not isinstance(sent, dict):
        return _plain(sent)
    inner = sent.get("message_content")
    held: dict[str, Any] = inner if isinstance(inner, dict) else sent
    said = text_of(held.get("type"))
    kind = _TYPES.get(said or "")
    if kind is None:
        return _untyped(held, said)
    if kind in ("text", "reasoning"):
        return Part(kind, text=_first_text(held, _TEXT_KEYS))
    if kind == "tool_call":
        return _call(held)
    if kind == "tool_result":
        identity = _first_text(held, ("tool_use_id", *_ID_KEYS))
        value = json_of(_first(held, _RESULT_KEYS))
        return Part(kind, id=identity, name=_named(held), value=value)
    return Part(kind, value=held)


def _untyped(held: dict[str, Any], said: str | None) -> Part:
    for name in ("functionCall", "function_call"):
        if isinstance(held.get(name), dict):
            return _call(held[name])
    for name in ("functionResponse", "function_response"):
        if isinstance(inner := held.get(name), dict):
            return Part(
                "tool_result",
                id=_first_text(inner, _ID_KEYS),
                name=_named(inner),
                value=inner.get("response"),
            )
    if said is None and isinstance(held.get("text"), str):
        return Part("reasoning" if held.get("thought") is True else "text", text=held["text"])
    return Part("other", value=held)


def _plain(sent: Value) -> Part:
    text = text_of(sent)
    return Part("other", value=sent) if text is None else Part("text", text=text)


def _first(held: dict[str, Any], names: tuple[str, ...]) -> Value:
    return next((held[name] for name in names if held.get(name) is not None), None)


def _first_text(held: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next(filter(None, (text_of(held.get(name)) for name in names)), None)
