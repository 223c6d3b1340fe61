"""Which prompt a call used, and which version of it. Pure.

What the sender names counts first. Else it is the template of the first message of the system, or
of the developer (`processors.llm.templates`). A call without either used no prompt that is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from processors.llm.fields import text_of
from processors.llm.templates import MOST_CHARS, template_of

MOST_NAME_CHARS = 256
MOST_VERSION_CHARS = 128
"""Longer names and versions are not taken."""
MOST_BYTES = 512 << 10
"""Into longer requests nobody looks for a system message."""
FIRST_MESSAGES = 8
"""Among so many of the first, the system's is looked for."""
ROLES = ("system", "developer")
# Spelt as JSON has them: a request without any of these holds no system message.
_MARKS = (b'"system', b'"developer"', b'"instructions"')
_NAMES = ("prompt_name", "prompt.name", "promptName", "gen_ai.prompt.name")
_VERSIONS = ("prompt_version", "prompt.version", "promptVersion", "gen_ai.prompt.version")
_KEYS = frozenset((*_NAMES, *_VERSIONS, "prompt"))
_ABSENT = Raw(b"")


class UsedPrompt(NamedTuple):
    """The prompt of a call; all is empty where none is known."""

    name: str = ""
    version: str = ""
    text: str = ""
    """Its template, where the call holds it."""


class _Asked(Struct, gc=False):
    system: Raw = _ABSENT
    instructions: Raw = _ABSENT
    system_instruction: Raw = _ABSENT
    systemInstruction: Raw = _ABSENT  # noqa: N815 - as Gemini has it
    messages: Raw = _ABSENT
    input: Raw = _ABSENT


class _Said(Struct, gc=False):
    role: str | None = None
    content: Raw = _ABSENT


NONE = UsedPrompt()
_asked = msgspec.json.Decoder(_Asked)
_said = msgspec.json.Decoder(list[_Said])


def used_prompt(metadata: Mapping[str, Any], request: bytes) -> UsedPrompt:
    """Returns the prompt of a call from its metadata and its request as JSON. Never raises."""
    is_told = request.find(b'"system') >= 0 or any(mark in request for mark in _MARKS[1:])
    message = _system_in(request) if is_told else ""
    return prompt_of(metadata, message) if message or metadata else NONE


def prompt_of(metadata: Mapping[str, Any], message: str) -> UsedPrompt:
    """Returns the same of a call whose system message is read already; it may be empty."""
    name, version = _told(metadata)
    found = template_of(message[:MOST_CHARS]) if message else None
    if found is None:
        return UsedPrompt(name, version) if name else NONE
    return UsedPrompt(name or found.prompt, version or found.version, found.text)


def _told(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Returns the name and the version that a sender gives; empty for none."""
    if _KEYS.isdisjoint(metadata):  # most
        return "", ""
    name = _first(metadata, _NAMES, MOST_NAME_CHARS)
    version = _first(metadata, _VERSIONS, MOST_VERSION_CHARS)
    inner = metadata.get("prompt")
    if type(inner) is dict:
        name = name or _first(inner, ("name",), MOST_NAME_CHARS)
        version = version or _first(inner, ("version",), MOST_VERSION_CHARS)
    return name, version


def _first(held: Mapping[str, Any], names: Sequence[str], most: int) -> str:
    for name in names:
        if name in held:
            text = text_of(held[name])
            if text and len(text) <= most:
                return text
    return ""


def _system_in(request: bytes) -> str:
    if len(request) > MOST_BYTES:
        return ""
    try:
        asked = _asked.decode(request)
        return next(filter(None, map(_text, _told_by(asked))), "")
    except (ValueError, RecursionError):
        return ""


def _told_by(asked: _Asked) -> Iterator[Raw]:
    """Yields what may be the system's message. SDKs write fields that they do not use as null."""
    yield from (asked.system, asked.instructions)
    yield from (asked.system_instruction, asked.systemInstruction)
    for listed in (asked.messages, asked.input):
        if bytes(memoryview(listed)[:1]) == b"[":
            first = _said.decode(listed)[:FIRST_MESSAGES]
            yield next((one.content for one in first if one.role in ROLES), _ABSENT)


def _text(value: Raw) -> str:
    """Returns the text of a message's content: it may be a list of parts, or hold some."""
    if value is _ABSENT:
        return ""
    held = msgspec.json.decode(value)
    if isinstance(held, dict):
        held = held.get("parts") or held.get("content") or held.get("text")
    if isinstance(held, str):
        return held
    parts = held if isinstance(held, list) else ()
    said = [one.get("text") if isinstance(one, dict) else one for one in parts]
    return "\n".join(one for one in said if isinstance(one, str))
