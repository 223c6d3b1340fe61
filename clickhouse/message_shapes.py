"""Messages as answers show them: in the shape of OpenTelemetry's conventions for models. Pure.

A message is `{"role", "parts"}`. A part is `{"type": "text" or "reasoning", "content"}`,
`{"type": "tool_call", "id", "name", "arguments"}`, `{"type": "tool_call_response", "id", "name",
"response"}`, or what its sender sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import DecodeError, Raw, Struct, json

Shown = dict[str, Any]
TOOLS_ROLE = "tools"
"""Of what is no message: the tools that a model could choose from, stored as messages are."""


class StoredPart(Struct):
    """A part of a message as table `messages` has it."""

    type: str = "other"
    text: str | None = None
    id: str | None = None
    name: str | None = None
    value: Any = None


class StoredMessage(Struct):
    """A message as table `messages` has it."""

    role: str
    parts: list[StoredPart] = []


_decode = json.Decoder(StoredMessage).decode


def read_message(body: bytes) -> StoredMessage | None:
    """Reads the body of a message; `None` where it was erased."""
    if not body:
        return None
    try:
        return _decode(body)
    except DecodeError:
        return None


def shown_messages(hashes: Iterable[str], bodies: Mapping[str, bytes]) -> list[Shown]:
    """Returns messages in their order; those that are no more there are left out."""
    found = (read_message(bodies.get(one, b"")) for one in hashes)
    return [shown_message(one) for one in found if one is not None and one.role != TOOLS_ROLE]


def shown_message(message: StoredMessage) -> Shown:
    """Returns one message."""
    return {"role": message.role, "parts": [_part(part) for part in message.parts]}


def offered_tools(hashes: Iterable[str], bodies: Mapping[str, bytes]) -> Any:
    """Returns the tools that a model could choose from, as they were sent; `None` for none."""
    for one in hashes:
        message = read_message(bodies.get(one, b""))
        if message is not None and message.role == TOOLS_ROLE and message.parts:
            return message.parts[0].value
    return None


def text_of(hashes: Iterable[str], bodies: Mapping[str, bytes]) -> str | None:
    """Returns the text of messages, without thoughts and calls of tools; `None` for none."""
    found = (read_message(bodies.get(one, b"")) for one in hashes)
    texts = [
        part.text
        for message in found
        if message is not None
        for part in message.parts
        if part.type == "text" and part.text
    ]
    return "\n".join(texts) if texts else None


def with_messages(known: Mapping[str, Any], messages: Sequence[Shown], left_out: int) -> Raw | None:
    """Returns a body of messages and what else is known; `None` where there are none."""
    if not messages and not left_out:
        return None
    said: Shown = dict(known) | {"messages": messages}
    if left_out:
        said["messagesLeftOut"] = left_out
    return Raw(json.encode(said))


def _part(part: StoredPart) -> Shown:
    if part.type in ("text", "reasoning"):
        return {"type": part.type, "content": part.text or ""}
    if part.type == "tool_call":
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.value}
    if part.type == "tool_result":
        told = {"type": "tool_call_response", "id": part.id, "response": part.value}
        return told | ({"name": part.name} if part.name else {})
    if isinstance(part.value, dict):
        return part.value
    return {"type": part.type, "value": part.value}
