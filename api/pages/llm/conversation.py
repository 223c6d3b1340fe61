"""The bodies of a call as a conversation. Pure: JSON in, messages out; whatever is odd stays JSON.

Shapes that are read:
    1. OpenAI's chat completions, and all that speak like them: `messages`, `choices`
    2. OpenAI's responses: `instructions`, `input`, `output`
    3. Anthropic's messages: `system`, `messages`, `content`
    4. Google's: `systemInstruction`, `contents`, `candidates`
    5. Ollama's `message`, completions' `prompt` and `text`, and a bare `content`
    6. Vercel's AI SDK: `messages` with `parts`
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from api.pages.llm.pieces import call, is_call, is_result, parsed, parts_of, result
from api.pages.parts.messages import Message, Part, Said

MOST_PARTS = 300
MOST_NAME = 80
ROLES = {"model": "assistant", "developer": "system", "function": "tool"}
REASONING = ("reasoning_content", "reasoning", "thinking")
SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction")
ASKED = ("messages", "input", "contents", "prompt")
READ = frozenset(
    {
        *("role", "content", "parts", "name", "type", "id", "status", "object", "index", "phase"),
        *("tool_calls", "function_call", "refusal", "audio", "images", "tool_call_id", "is_error"),
        *(
            "toolInvocations",
            "reasoning_details",
            "cache_control",
            "thought_signature",
            "createdAt",
        ),
        *REASONING,
    }
)
"""Keys of a message that are shown in their way; any other is shown as JSON."""


def bounded(said: Sequence[Said]) -> tuple[list[Said], int]:
    """Returns the last messages, with as many parts as a page can show, and how many others."""
    left, kept = MOST_PARTS, 0
    shown: list[Said] = []
    for one in reversed(said[-MOST_PARTS:]):
        if left <= 0:
            break
        message = structs.replace(one.message, parts=one.message.parts[:left])
        shown.append(one._replace(message=message))
        left -= sum(1 + len(part.parts) for part in message.parts)
        kept += 1
    return shown[::-1], len(said) - kept


def asked(body: Any) -> list[Message]:
    """Returns the messages of a request."""
    if not isinstance(body, dict):
        return [Message("user", list(parts_of(body)))] if body else []
    found = [Message("system", parts) for one in _systems(body) if (parts := list(parts_of(one)))]
    for name in ASKED:
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


def joined(said: Sequence[Said]) -> list[Said]:
    """Returns the messages with each tool's result named as the call that it answers."""
    names = {
        part.id: part.name
        for one in said
        for part in one.message.parts
        if part.kind == "call" and part.id
    }
    return [one._replace(message=_named(one.message, names)) for one in said]


def _named(message: Message, names: dict[str, str]) -> Message:
    if not any(part.kind == "result" and part.id in names for part in message.parts):
        return message
    parts = [
        structs.replace(part, name=names[part.id])
        if part.kind == "result" and part.id in names
        else part
        for part in message.parts
    ]
    return structs.replace(message, parts=parts)


def _systems(body: dict[str, Any]) -> Iterator[Any]:
    for name in SYSTEMS:
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
    return Message("assistant", list(parts_of(content)))


def _messages(given: Any, role: str = "user") -> list[Message]:
    items = given if isinstance(given, list) else [given]
    return [message for one in items if (message := _message(one, role)).parts]


def _message(one: Any, role: str) -> Message:
    if not isinstance(one, dict):
        return Message(role, list(parts_of(one)))
    kind = str(one.get("type", ""))
    if one.get("role") is None and (kind not in ("", "message") or "content" not in one):
        content = one["parts"] if isinstance(one.get("parts"), list) else [one]
        return Message(_role_of(kind, role), list(parts_of(content)))
    named = str(one.get("role") or role)
    named = ROLES.get(named, named)[:MOST_NAME]
    name = one.get("name") if named != "tool" else None
    return Message(
        named, list(_contents(one, named)), name[:MOST_NAME] if isinstance(name, str) else ""
    )


def _role_of(kind: str, role: str) -> str:
    if is_result(kind):
        return "tool"
    return "assistant" if is_call(kind) or kind == "reasoning" else role


def _contents(one: dict[str, Any], role: str) -> Iterator[Part]:
    yield from _thoughts(one)
    parts = one.get("parts")
    content = parts if isinstance(parts, list) and parts else one.get("content")
    if role == "tool" and content is not None and not _has_results(content):
        of = str(one.get("tool_call_id") or "")
        failed = one.get("is_error") is True or one.get("status") == "error"
        yield result(content, of=of, name=str(one.get("name") or ""), failed=failed)
    else:
        yield from parts_of(content)
    if isinstance(one.get("refusal"), str) and one["refusal"]:
        yield Part("refusal", one["refusal"])
    yield from _beside(one)
    yield from _calls(one)
    if not parts:
        yield from parts_of(_invocations(one))
    for name, value in one.items():
        if name not in READ and value not in (None, "", [], {}):
            yield Part("json", name=name, value=value)


def _thoughts(one: dict[str, Any]) -> Iterator[Part]:
    texts = [one[name] for name in REASONING if isinstance(one.get(name), str) and one[name]]
    if texts:
        yield Part("reasoning", texts[0])
    else:
        yield from parts_of(one.get("reasoning_details"))


def _beside(one: dict[str, Any]) -> Iterator[Part]:
    """Yields what stands beside the content: a spoken answer, pictures."""
    if isinstance(one.get("audio"), dict):
        yield from parts_of([{"audio": {"format": "wav", **one["audio"]}}])
    for picture in one["images"] if isinstance(one.get("images"), list) else []:
        yield from parts_of([{"image": picture} if isinstance(picture, str) else picture])


def _calls(one: dict[str, Any]) -> Iterator[Part]:
    for made in _dicts(one.get("tool_calls")):
        function = made.get("function") or made.get("custom")
        given = function if isinstance(function, dict) else made
        yield call({"id": made.get("id"), "input": {}, **given})
    if isinstance(one.get("function_call"), dict):
        old = one["function_call"]
        yield Part("call", name=str(old.get("name", "")), value=parsed(old.get("arguments")))


def _invocations(one: dict[str, Any]) -> list[dict[str, Any]]:
    made = _dicts(one.get("toolInvocations"))
    return [{"type": "tool-invocation", "toolInvocation": given} for given in made]


def _has_results(content: Any) -> bool:
    return any(is_result(str(one.get("type", ""))) for one in _dicts(content))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
