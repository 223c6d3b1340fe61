"""A conversation as it is shown: who said what, in which pieces."""

from typing import Any, Literal

from msgspec import Struct

Kind = Literal["text", "reasoning", "call", "result", "image", "link", "json"]


class Part(Struct, frozen=True):
    """One piece of a message."""

    kind: Kind
    text: str = ""
    name: str = ""
    """Of the tool; of a result, the id of its call."""
    value: Any = None
    """What a tool was called with, or gave back."""


class Message(Struct, frozen=True):
    """What one side said."""

    role: str
    parts: list[Part]
