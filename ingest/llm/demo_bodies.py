"""A made-up conversation in the words of each provider's API, for the demo."""

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

Item = dict[str, Any]


class ToolUse(NamedTuple):
    """A function that the model asked for, and what it returned."""

    name: str
    arguments: Item
    result: str


class Said(NamedTuple):
    """One thing said: by the user, or by the model, which may use a tool instead of answering."""

    role: str
    text: str = ""
    tool: ToolUse | None = None
    thought: str = ""
    has_image: bool = False


def bodies(provider: str, model: str, system: str, said: Sequence[Said]) -> tuple[Item, Item]:
    """Returns request and response: the last of `said` is what the model answered."""
    ask, answer = {
        "anthropic": (_ask_anthropic, _answered_by_anthropic),
        "google": (_ask_google, _answered_by_google),
    }.get(provider, (_ask_openai, _answered_by_openai))
    return ask(model, system, said[:-1]), answer(model, said[-1])


def _ask_openai(model: str, system: str, said: Sequence[Said]) -> Item:
    messages: list[Item] = [{"role": "system", "content": system}]
    for number, one in enumerate(said):
        messages.append(_openai_message(one, number))
        if one.tool:
            result = {"role": "tool", "tool_call_id": f"call_{number}", "content": one.tool.result}
            messages.append(result)
    return {"model": model, "messages": messages}


def _openai_message(said: Said, number: int) -> Item:
    if said.has_image:
        shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture()}"}}
        return {"role": said.role, "content": [{"type": "text", "text": said.text}, shown]}
    if not said.tool:
        return {"role": said.role, "content": said.text}
    function = {"name": said.tool.name, "arguments": json.dumps(said.tool.arguments)}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _answered_by_openai(model: str, said: Said) -> Item:
    message = _openai_message(said, 0)
    reason = "tool_calls" if said.tool else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {"object": "chat.completion", "model": model, "choices": [choice]}


def _ask_anthropic(model: str, system: str, said: Sequence[Said]) -> Item:
    messages: list[Item] = []
    for number, one in enumerate(said):
        messages.append({"role": one.role, "content": _anthropic_blocks(one, number)})
        if one.tool:
            block = {"type": "tool_result", "tool_use_id": f"toolu_{number}"}
            messages.append({"role": "user", "content": [{**block, "content": one.tool.result}]})
    return {"model": model, "max_tokens": 4096, "system": system, "messages": messages}


def _anthropic_blocks(said: Said, number: int) -> list[Item]:
    blocks: list[Item] = []
    if said.thought:
        blocks.append({"type": "thinking", "thinking": said.thought})
    if said.has_image:
        source = {"type": "base64", "media_type": "image/png", "data": picture()}
        blocks.append({"type": "image", "source": source})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    if said.tool:
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": said.tool.name}
        blocks.append({**use, "input": said.tool.arguments})
    return blocks


def _answered_by_anthropic(model: str, said: Said) -> Item:
    reason = "tool_use" if said.tool else "end_turn"
    head = {"type": "message", "role": "assistant", "model": model, "stop_reason": reason}
    return {**head, "content": _anthropic_blocks(said, 0)}


def _ask_google(model: str, system: str, said: Sequence[Said]) -> Item:
    contents: list[Item] = []
    for one in said:
        contents.append(_google_content(one))
        if one.tool:
            response = {"name": one.tool.name, "response": {"result": one.tool.result}}
            contents.append({"role": "user", "parts": [{"functionResponse": response}]})
    return {
        "model": model,
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": contents,
    }


def _google_content(said: Said) -> Item:
    parts: list[Item] = []
    if said.has_image:
        parts.append({"inlineData": {"mimeType": "image/png", "data": picture()}})
    if said.text:
        parts.append({"text": said.text})
    if said.tool:
        parts.append({"functionCall": {"name": said.tool.name, "args": said.tool.arguments}})
    return {"role": "model" if said.role == "assistant" else "user", "parts": parts}


def _answered_by_google(model: str, said: Said) -> Item:
    candidate = {"content": _google_content(said), "finishReason": "STOP", "index": 0}
    return {"modelVersion": model, "candidates": [candidate]}


def picture() -> str:
    """Returns a small picture as the base64 of a PNG: a parcel with a dent."""
    size = 48
    rows = b"".join(b"\0" + b"".join(_pixel(x, y, size) for x in range(size)) for y in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return base64.b64encode(png).decode()


def _pixel(x: int, y: int, size: int) -> bytes:
    if not (6 <= x < size - 6 and 10 <= y < size - 6):
        return b"\xee\xf0\xf2"
    if (x - 34) ** 2 + (y - 16) ** 2 < 40:
        return b"\x6b\x4a\x2b"
    return b"\xe2\xc4\x91" if abs(x - size // 2) < 3 else b"\xc8\x9b\x62"
