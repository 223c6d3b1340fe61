"""What went to the model and what it answered: from attributes, from pieces, from events."""

from collections.abc import Iterable
from typing import NamedTuple

from processors.otel.indexed import gathered
from processors.otel.messages import messages_of, parts_of
from processors.otel.names import Names, Side
from processors.otel.plain import json_of, text_of
from processors.otel.reading import Reading
from schemas.otel.meanings import Message
from schemas.otel.signals import Event
from schemas.otel.values import Attributes, Value

_CONTENT = ("gen_ai.event.content", "gen_ai.prompt", "gen_ai.completion", "message", "content")
_INPUT = ("gen_ai.input.messages",)
_OUTPUT = ("gen_ai.output.messages",)
_SYSTEM = ("gen_ai.system_instructions",)


class Conversation(NamedTuple):
    """The messages of one call, and the tools that it offered."""

    input: list[Message]
    output: list[Message]
    tools: Value = None


def read_conversation(reading: Reading, events: Iterable[Event]) -> Conversation:
    """Reads the messages of a span. Attributes count before pieces, and these before events."""
    pieces = _pieces(reading)
    told = [message_of(reading.names, one.name, one.attributes) for one in events]
    from_events = [one for one in told if one is not None]
    into = (
        reading.first("input", lambda value: messages_of(value, "user") or None)
        or messages_of(pieces.get("input"), "user")
        or [message for one in from_events for message in one.input]
    )
    system = reading.first("system", lambda value: messages_of(value, "system") or None)
    if system and not any(one.role == "system" for one in into):
        into = [*system, *into]
    out = (
        _answer(reading)
        or reading.first("output", lambda value: messages_of(value, "assistant") or None)
        or messages_of(pieces.get("output"), "assistant")
        or [message for one in from_events for message in one.output]
    )
    tools = reading.first_value("tools")
    offered: Value = pieces.get("tools") if tools is None else tools
    return Conversation(into, out, offered)


def message_of(names: Names, event: str, attributes: Attributes) -> Conversation | None:
    """The messages of an event or a log record by its name; `None` where it is no message."""
    known = names.message_events.get(event)
    if known is None:
        return None
    side, role = known
    if side == "both":
        into = [
            *_by_name(attributes, _SYSTEM, "system"),
            *_by_name(attributes, _INPUT, "user"),
        ]
        return Conversation(into, _by_name(attributes, _OUTPUT, "assistant"))
    found = _event_messages(attributes, role or ("user" if side == "input" else "assistant"))
    return Conversation(found, []) if side == "input" else Conversation([], found)


def _event_messages(attributes: Attributes, role: str) -> list[Message]:
    if "tool_calls" in attributes:
        return messages_of({"role": role, **attributes}, role)
    for name in _CONTENT:
        if name not in attributes:
            continue
        held = json_of(attributes[name])
        if name == "content" and not isinstance(held, dict):
            return messages_of({"role": role, **attributes, "content": held}, role)
        if found := messages_of(held, text_of(attributes.get("role")) or role):
            return found
    return []


def _by_name(attributes: Attributes, names: tuple[str, ...], role: str) -> list[Message]:
    return next(filter(None, (messages_of(attributes.get(name), role) for name in names)), [])


def _pieces(reading: Reading) -> dict[Side, list[Value]]:
    found: dict[Side, list[Value]] = {}
    prefixes = tuple(reading.names.indexed)
    if not any(name.startswith(prefixes) for name in reading.attributes):
        return found
    for prefix, side in reading.names.indexed.items():
        listed = gathered(reading.beginning(prefix))
        if listed:
            found.setdefault(side, listed)
            reading.understood(prefix)
    return found


def _answer(reading: Reading) -> list[Message]:
    """An answer whose text and calls stand in attributes of their own, as Vercel's AI SDK does."""
    text = reading.first("output_text", text_of)
    calls = reading.first("output_calls", lambda value: json_of(value) or None)
    if text is None and calls is None:
        return []
    parts = [*parts_of(text), *(parts_of(_as_calls(calls)) if isinstance(calls, list) else ())]
    return [Message("assistant", parts)]


def _as_calls(calls: list[Value]) -> Value:
    return [{**one, "type": "tool_call"} if isinstance(one, dict) else one for one in calls]
