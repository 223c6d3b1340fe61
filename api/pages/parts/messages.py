"""A conversation as it is shown: who said what, in which pieces, and what of it is new."""

from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

Kind = Literal[
    "text", "reasoning", "refusal", "call", "result", "image", "link", "audio", "file", "json"
]
State = Literal["", "same", "new", "changed", "dropped"]
"""Of a message, against the call before; empty where there is none to compare with."""


class Part(Struct, frozen=True):
    """One piece of a message."""

    kind: Kind
    text: str = ""
    """What was said; of media, its address."""
    name: str = ""
    """Of the tool, or of the file; of JSON, the key that it stood under."""
    value: Any = None
    """What a tool was called with, or gave back."""
    id: str = ""
    """What joins a tool's result to its call."""
    is_failed: bool = False
    parts: list["Part"] = field(default_factory=list)
    """What a tool gave back, where it is more than a text or a value."""


class Message(Struct, frozen=True):
    """What one side said."""

    role: str
    parts: list[Part]
    name: str = ""
    """Who of that side, where the sender says so."""


class Word(NamedTuple):
    """A stretch of a text against what it was before."""

    kind: Literal["same", "old", "new", "cut"]
    """`cut` stands for so many characters that are not shown."""
    text: str


class Said(NamedTuple):
    """A message of a call, against the call before."""

    message: Message
    state: State = ""
    words: tuple[Word, ...] = ()
    """How a changed one differs; empty where that is too much to show."""
