"""The pieces that a message is made of. Pure: JSON in, parts out; whatever is unknown stays JSON.

Pieces of these makers are read, by their `type` or by the key that they have:
    1. OpenAI: chat completions and responses, with their built-in tools
    2. Anthropic: content blocks, with server tools and documents
    3. Google: parts with `inlineData`, `fileData`, `functionCall`, `executableCode`
    4. Vercel's AI SDK: `tool-call`, `tool-result`, and the parts of its user interface
    5. OpenTelemetry: `text` and `reasoning` with `content`, `tool_call_response`
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from api.pages.llm.media import AUDIO_KEYS, FILE_KEYS, audio, image, image_or_file
from api.pages.parts.messages import Part

MOST_JSON_CHARS = 1 << 20
MOST_OF_RESULT = 50
"""Pieces that a tool gave back: more are shown as JSON."""
TEXTS = ("text", "input_text", "output_text")
REASONING = ("thinking", "reasoning", "reasoning_text", "reasoning.text", "reasoning.summary")
ENCRYPTED = ("redacted_thinking", "reasoning.encrypted")
CALLS = ("tool_use", "function_call", "tool-call", "tool_call")
RESULTS = ("tool_result", "tool-result", "tool_call_response")
RESULT_ENDS = ("_tool_result", "_call_output")
CALL_ENDS = ("_tool_use", "_tool_call", "_call")
NAMES = ("name", "toolName", "tool_name")
IDS = ("call_id", "tool_use_id", "toolCallId", "tool_call_id", "id")
INPUTS = ("input", "arguments", "args", "action")
OUTPUTS = ("content", "output", "result", "response")
INVOCATIONS = ("tool-invocation", "dynamic-tool")
RESULT_KEYS = {"functionResponse", "codeExecutionResult"}
OF_NO_USE = ("step-start",)


def is_call(kind: str) -> bool:
    """Tells whether an assistant calls a tool with it."""
    return kind in CALLS or kind.endswith(CALL_ENDS)


def is_result(kind: str) -> bool:
    """Tells whether a tool answers with it."""
    return kind in RESULTS or kind.endswith(RESULT_ENDS)


def parts_of(content: Any) -> Iterator[Part]:
    """Yields the parts of what a message says, of any shape."""
    if content is None or content == "":
        return
    if isinstance(content, str):
        yield Part("text", content)
    elif isinstance(content, list):
        for one in content:
            if isinstance(one, list):
                yield Part("json", value=one)
            else:
                yield from _piece(one) if isinstance(one, dict) else parts_of(one)
    elif isinstance(content, dict):
        yield from _piece(content)
    else:
        yield Part("json", value=content)


def call(one: dict[str, Any], *, name: str = "") -> Part:
    """Returns the call of a tool, of any shape."""
    kind = str(one.get("type", ""))
    value = next((one[key] for key in INPUTS if one.get(key) is not None), None)
    if value is None:
        value = {key: one[key] for key in one if key not in ("type", "status", *NAMES, *IDS)}
    named = _first(one, NAMES) or name or kind.removesuffix("_call")
    return Part("call", name=named, value=parsed(value), id=_first(one, IDS))


def result(content: Any, *, of: str = "", name: str = "", failed: bool = False) -> Part:
    """Returns what a tool gave back: as a value, or as parts where it is a list of pieces."""
    if isinstance(content, dict) and content.keys() == {"type", "value"}:
        # Vercel's: {"type": "json" or "text" or "error-text" or "content", "value": ...}
        failed = failed or str(content["type"]).startswith("error")
        content = content["value"]
    pieces = content if isinstance(content, list) else [content]
    if pieces and len(pieces) <= MOST_OF_RESULT and all(_is_said(one) for one in pieces):
        parts = list(parts_of(pieces))
        if len(parts) == 1 and parts[0].kind == "text":
            return Part("result", name=name, value=parsed(parts[0].text), id=of, is_failed=failed)
        if any(part.kind != "json" for part in parts):
            return Part("result", name=name, id=of, is_failed=failed, parts=parts)
    return Part("result", name=name, value=parsed(content), id=of, is_failed=failed)


def parsed(value: Any) -> Any:
    """Returns what a JSON text holds, and anything else as it is."""
    if not isinstance(value, str) or len(value) > MOST_JSON_CHARS:
        return value
    if value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return value


def _piece(one: dict[str, Any]) -> Iterator[Part]:
    kind = str(one.get("type", ""))
    if kind in OF_NO_USE:
        return
    if kind in ("text", "reasoning") and isinstance(one.get("content"), str) and "text" not in one:
        one = {**one, "text": one["content"]}
    if (spoken := _spoken(kind, one)) is not None:
        yield spoken
    elif isinstance(one.get("text"), str) and (kind in TEXTS or not kind):
        yield from _text(one)
    else:
        yield from _used(kind, one)


def _spoken(kind: str, one: dict[str, Any]) -> Part | None:
    if kind in REASONING or one.get("thought") is True:
        return _reasoning(one)
    if kind in ENCRYPTED:
        return Part("reasoning")
    return Part("refusal", str(one.get("refusal", ""))) if kind == "refusal" else None


def _used(kind: str, one: dict[str, Any]) -> Iterator[Part]:
    """Yields what tools are called with and give back; what is neither is media, or JSON."""
    if kind in INVOCATIONS or _is_own_tool(kind, one):
        yield from _invocation(one)
    elif is_result(kind):
        failed = one.get("is_error") is True or one.get("isError") is True
        content = next((one[key] for key in OUTPUTS if key in one), None)
        yield result(content, of=_first(one, IDS), name=_first(one, NAMES), failed=failed)
    elif kind == "image_generation_call":
        yield image({"image": one.get("result")}) or call(one)
    elif is_call(kind):
        yield call(one)
        if kind == "mcp_call" and (one.get("output") or one.get("error")):
            failed = bool(one.get("error"))
            given = one.get("error") or one.get("output")
            yield result(given, of=_first(one, IDS), name=_first(one, NAMES), failed=failed)
    else:
        yield _by_key(one) or Part("json", value=one)


def _text(one: dict[str, Any]) -> Iterator[Part]:
    if one["text"]:
        yield Part("text", one["text"])
    for name in ("citations", "annotations"):
        if one.get(name):
            yield Part("json", name=name, value=one[name])


def _reasoning(one: dict[str, Any]) -> Part:
    pieces = [one.get(name) for name in ("thinking", "text", "reasoning")]
    summary = one.get("summary")
    for many in (summary if isinstance(summary, list) else [summary], one.get("content")):
        for part in many if isinstance(many, list) else []:
            pieces.append(part.get("text") if isinstance(part, dict) else part)
    return Part("reasoning", "\n\n".join(piece for piece in pieces if isinstance(piece, str)))


def _is_own_tool(kind: str, one: dict[str, Any]) -> bool:
    return kind.startswith("tool-") and kind not in CALLS + RESULTS and "toolCallId" in one


def _invocation(one: dict[str, Any]) -> Iterator[Part]:
    """Yields a call and its result, which Vercel's user interface keeps as one."""
    given = one.get("toolInvocation", one)
    if not isinstance(given, dict):
        yield Part("json", value=one)
        return
    name = _first(given, NAMES) or str(one.get("type", "")).removeprefix("tool-")
    made: Any = next((given[key] for key in ("input", "args") if key in given), {})
    of = _first(given, IDS)
    yield Part("call", name=name, value=parsed(made), id=of)
    if given.get("errorText"):
        yield result(given["errorText"], of=of, name=name, failed=True)
    for key in ("output", "result"):
        if key in given:
            yield result(given[key], of=of, name=name)


def _by_key(one: dict[str, Any]) -> Part | None:
    for key, read in READERS.items():
        if key in one and (found := read(one)) is not None:
            return found
    return None


def _google_call(one: dict[str, Any]) -> Part | None:
    given = one.get("functionCall")
    return call(given) if isinstance(given, dict) else None


def _google_result(one: dict[str, Any]) -> Part | None:
    given = one.get("functionResponse")
    if not isinstance(given, dict):
        return None
    named = str(given.get("name", ""))
    return result(given.get("response"), of=str(given.get("id", "")), name=named)


def _google_code(one: dict[str, Any]) -> Part | None:
    given = one.get("executableCode")
    if not isinstance(given, dict) or not isinstance(given.get("code"), str):
        return None
    language = str(given.get("language", "")).lower()
    return Part("call", name=f"code, {language}" if language else "code", value=given["code"])


def _google_outcome(one: dict[str, Any]) -> Part | None:
    given = one.get("codeExecutionResult")
    if not isinstance(given, dict):
        return None
    failed = given.get("outcome") not in (None, "OUTCOME_OK")
    return result(given.get("output"), name="code", failed=failed)


def _is_said(one: Any) -> bool:
    """Tells whether a tool may have given it back as a piece: no call, no result of another.

    So results never nest, however deep the JSON does.
    """
    if not isinstance(one, dict) or not isinstance(one.get("type"), str):
        return False
    kind = one["type"]
    if is_call(kind) or is_result(kind) or kind in INVOCATIONS or _is_own_tool(kind, one):
        return False
    return not RESULT_KEYS & one.keys()


def _first(one: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(one[name]) for name in names if one.get(name)), "")


READERS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "functionCall": _google_call,
    "functionResponse": _google_result,
    "executableCode": _google_code,
    "codeExecutionResult": _google_outcome,
    **dict.fromkeys(AUDIO_KEYS, audio),
    **dict.fromkeys(FILE_KEYS, image_or_file),
}
"""By a key that only such a piece has. Each gives `None` for what it cannot read."""
