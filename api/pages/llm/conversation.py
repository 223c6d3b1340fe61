"""The bodies of a call as a conversation. Pure: JSON in, messages out; whatever is odd stays JSON.

Shapes that are read:
    1. OpenAI's chat completions, and all that speak like them: `messages`, `choices`
    2. OpenAI's responses: `instructions`, `input`, `output`
    3. Anthropic's messages: `system`, `messages`, `content`
    4. Google's: `systemInstruction`, `contents`, `candidates`
    5. Ollama's `message`, completions' `prompt` and `text`, and a bare `content`
"""

import re
from collections.abc import Iterator
from typing import Any

from api.pages.parts.messages import Message, Part

PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
MEDIA = re.compile(r"image/(?:png|jpeg|gif|webp)")
MOST_PARTS = 300
MOST_PICTURE_CHARS = 2 << 20
ROLES = {"model": "assistant", "developer": "system", "function": "tool"}
REASONING = ("reasoning_content", "reasoning", "thinking")


def bounded(messages: list[Message]) -> tuple[list[Message], int]:
    """Returns the last messages, with as many parts as a page can show, and how many others."""
    left, kept = MOST_PARTS, 0
    shown: list[Message] = []
    for message in reversed(messages[-MOST_PARTS:]):
        if left <= 0:
            break
        shown.append(Message(message.role, message.parts[:left]))
        left -= len(message.parts)
        kept += 1
    return shown[::-1], len(messages) - kept


def asked(body: Any) -> list[Message]:
    """Returns the messages of a request."""
    if not isinstance(body, dict):
        return [Message("user", list(_parts(body)))] if body else []
    found = [Message("system", parts) for one in _systems(body) if (parts := list(_parts(one)))]
    for name in ("messages", "input", "contents", "prompt"):
        given = body.get(name)
        if given:
            found += _messages(given)
            break
    return found


def answered(body: Any, output_text: str | None) -> list[Message]:
    """Returns the messages of an answer; the text that the sender kept is the last resort."""
    found = list(_answers(body)) if isinstance(body, dict) else []
    found = [message for message in found if message.parts]
    if not found and output_text:
        return [Message("assistant", [Part("text", output_text)])]
    return found


def _systems(body: dict[str, Any]) -> Iterator[Any]:
    for name in ("system", "instructions", "systemInstruction", "system_instruction"):
        given = body.get(name)
        if given:
            yield given.get("parts", given) if isinstance(given, dict) else given


def _answers(body: dict[str, Any]) -> Iterator[Message]:
    for choice in _dicts(body.get("choices")):
        said = choice.get("message") or choice.get("delta")
        yield _message(said, "assistant") if said else _said(choice.get("text"))
    for candidate in _dicts(body.get("candidates")):
        yield _message(candidate.get("content"), "assistant")
    if isinstance(body.get("output"), list):
        yield from _messages(body["output"], role="assistant")
    if isinstance(body.get("message"), dict):
        yield _message(body["message"], "assistant")
    yield _said(body.get("content"))


def _said(content: Any) -> Message:
    return Message("assistant", list(_parts(content)))


def _messages(given: Any, role: str = "user") -> list[Message]:
    items = given if isinstance(given, list) else [given]
    return [message for one in items if (message := _message(one, role)).parts]


def _message(one: Any, role: str) -> Message:
    if not isinstance(one, dict):
        return Message(role, list(_parts(one)))
    kind = one.get("type")
    if kind in ("function_call", "reasoning") or one.get("role") is None and "content" not in one:
        own = "assistant" if kind in ("function_call", "reasoning") else role
        own = "tool" if kind == "function_call_output" else own
        content = one["parts"] if isinstance(one.get("parts"), list) else [one]
        return Message(own, list(_parts(content)))
    named = str(one.get("role") or role)
    named = ROLES.get(named, named)
    return Message(named, list(_contents(one, named)))


def _contents(one: dict[str, Any], role: str) -> Iterator[Part]:
    for name in REASONING:
        if isinstance(one.get(name), str) and one[name]:
            yield Part("reasoning", one[name])
    content = one.get("content", one.get("parts"))
    if role == "tool" and content is not None:
        yield Part(
            "result", name=str(one.get("tool_call_id") or one.get("name") or ""), value=content
        )
    else:
        yield from _parts(content)
    for call in _dicts(one.get("tool_calls")):
        function = call.get("function")
        given = function if isinstance(function, dict) else call
        yield Part("call", name=str(given.get("name", "")), value=_json(given.get("arguments")))


def _parts(content: Any) -> Iterator[Part]:
    if content is None or content == "":
        return
    if isinstance(content, str):
        yield Part("text", content)
    elif isinstance(content, list):
        for one in content:
            yield from _piece(one) if isinstance(one, dict) else _parts(one)
    elif isinstance(content, dict):
        yield from _piece(content)
    else:
        yield Part("json", value=content)


def _piece(one: dict[str, Any]) -> Iterator[Part]:
    kind = str(one.get("type", ""))
    if kind in ("thinking", "reasoning") or one.get("thought") is True:
        text = one.get("thinking") or one.get("text") or _summary(one)
        if text:
            yield Part("reasoning", str(text))
    elif isinstance(one.get("text"), str):
        yield Part("text", one["text"])
    elif kind in ("tool_use", "function_call", "server_tool_use"):
        value = one.get("input", one.get("arguments"))
        yield Part("call", name=str(one.get("name", "")), value=_json(value))
    elif isinstance(call := one.get("functionCall"), dict):
        yield Part("call", name=str(call.get("name", "")), value=call.get("args"))
    elif kind in ("tool_result", "function_call_output"):
        of = str(one.get("tool_use_id") or one.get("call_id") or "")
        yield Part("result", name=of, value=one.get("content", one.get("output")))
    elif isinstance(given := one.get("functionResponse"), dict):
        yield Part("result", name=str(given.get("name", "")), value=given.get("response"))
    else:
        yield _picture(one) or Part("json", value=one)


def _picture(one: dict[str, Any]) -> Part | None:
    """Returns an image: shown where it is here, else as an address that nothing is fetched from."""
    url: Any = one.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    source = one.get("source") or one.get("inlineData") or one.get("inline_data")
    if isinstance(source, dict):
        media = source.get("media_type") or source.get("mimeType") or source.get("mime_type")
        data = source.get("data")
        if isinstance(media, str) and isinstance(data, str) and MEDIA.fullmatch(media):
            url = f"data:{media};base64,{data}"
        else:
            url = source.get("url", url)
    if not isinstance(url, str):
        return None
    if len(url) <= MOST_PICTURE_CHARS and PICTURE.fullmatch(url):
        return Part("image", url)
    return Part("link", f"{url[:200]}…" if len(url) > 200 else url)


def _summary(one: dict[str, Any]) -> str:
    return "\n\n".join(str(part.get("text", "")) for part in _dicts(one.get("summary")))


def _json(value: Any) -> Any:
    return value if value is not None else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
