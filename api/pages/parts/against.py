"""How a call differs from the one before it: its messages, its settings, its tools."""

from msgspec import Struct

from api.pages.parts.messages import Said


class Setting(Struct, frozen=True):
    """A parameter that changed. `None` where it was, or is, not sent."""

    name: str
    before: str | None
    now: str | None


class Tools(Struct, frozen=True):
    """Names of the tools that changed."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class Difference(Struct, frozen=True):
    """A call against the call before."""

    said: list[Said]
    """The messages of both, in order."""
    counts: dict[str, int]
    """Messages by their state."""
    settings: list[Setting]
    tools: Tools
    is_system_changed: bool
