"""What judges look at of a call: its input, its output and what was expected, as texts. Pure."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import DATASET, EXPECTED, ITEM, VERSION

MAX_CHARS = 1 << 20
"""Of an input, an output or what is expected."""
MAX_DEPTH = 20
SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction")
SAID = ("messages", "input", "contents", "prompt")
WITHIN = ("content", "parts", "text", "content_text")
LEFT_OUT = "messagesLeftOut"


class Subject(Struct, frozen=True):
    """A call as judges see it."""

    answer: TraceAnswer
    output: str | None
    """`None` where it has none, or more than is looked at."""
    input: str
    expected: Any = None
    """JSON; `None` where nothing is."""
    is_cut: bool = False
    """Whether input or output is more than is looked at."""

    @property
    def expected_text(self) -> str | None:
        """What is expected as a text: JSON where it is none."""
        return None if self.expected is None else text_of(self.expected)


class OfItem(Struct, frozen=True):
    """Which item of a dataset a call is of."""

    dataset: str
    item: str
    version: int | None = None
    """Of the dataset; `None` where the call does not say: the newest."""


def subject_of(answer: TraceAnswer, expected: Any = None) -> Subject:
    """Returns a call as judges see it."""
    request, response = _read(answer.request_body), _read(answer.response_body)
    output = answer.output_text
    if output is None and response is not None:
        output = text_of(response)
    asked = input_of(request)
    is_left_out = isinstance(response, dict) and LEFT_OUT in response
    is_cut = is_left_out or len(output or "") > MAX_CHARS or len(asked) > MAX_CHARS
    return Subject(answer, output, asked, expected, is_cut)


def expected_of(answer: TraceAnswer) -> tuple[Any, OfItem | None]:
    """Returns what the metadata of a call say: what is expected, and of which item it is."""
    metadata = _read(answer.metadata)
    if not isinstance(metadata, dict):
        return None, None
    dataset, item = metadata.get(DATASET), metadata.get(ITEM)
    if not isinstance(dataset, str) or not isinstance(item, str):
        return metadata.get(EXPECTED), None
    version = str(metadata.get(VERSION, ""))
    known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
    return metadata.get(EXPECTED), OfItem(dataset, item, known)


def input_of(body: Any) -> str:
    """Returns the messages of a request, each with its role before it; else its JSON."""
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return "" if body is None else text_of(body)
    lines = [f"system: {text}" for name in SYSTEMS if (text := _joined(body.get(name)))]
    given = next((body[name] for name in SAID if body.get(name)), None)
    if isinstance(given, list):
        lines += [line for one in given if (line := _line(one))]
    elif given is not None:
        lines.append(_joined(given))
    return "\n".join(lines) if any(lines) else text_of(body)


def normalised(text: str) -> str:
    """Returns a text without what does not count: capitals, blanks, ways to write a sign."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_of(value: Any) -> str:
    """Returns a JSON value as a text: a text as it is."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _line(message: Any) -> str:
    if isinstance(message, str):
        return message
    text = _joined(message)
    role = message.get("role") if isinstance(message, dict) else None
    return f"{role}: {text}" if text and isinstance(role, str) else text


def _joined(value: Any) -> str:
    return "\n".join(_texts(value, 0))


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < MAX_DEPTH and isinstance(value, list):
        for one in value:
            yield from _texts(one, depth + 1)
    elif depth < MAX_DEPTH and isinstance(value, dict):
        found = [value[name] for name in WITHIN if value.get(name)]
        if found:
            for one in found:
                yield from _texts(one, depth + 1)
        elif "type" in value and value["type"] != "text":
            # A call of a tool, an image: as it is.
            yield text_of(value)


def _read(raw: Raw | None) -> Any:
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
