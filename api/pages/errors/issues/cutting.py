"""How much of an event its page shows: whatever was sent, the page stays small.

What is cut says how much is missing. The raw event has all of it, one link away.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from api.pages.parts.code import Colours
from api.pages.parts.trees import decoded

MOST_CHARS = 120_000
"""Of all that is shown of one event."""
LEAST_CHARS = 60
"""Of a text, when the page is full: what it begins with tells what it is."""
SHORT, USUAL, LONG = 200, 1_000, 8_000


class Cut(NamedTuple):
    """The beginning of a text, and how many characters come after it."""

    text: str
    left: int = 0


class Pair(NamedTuple):
    """A name with its value."""

    name: str
    value: Cut


class Pairs(NamedTuple):
    """What an object holds, and how many more there are."""

    shown: list[Pair]
    left: int = 0


class Budget:
    """What one page may still show of its event."""

    def __init__(self, chars: int = MOST_CHARS) -> None:
        self.chars = chars
        self.colours = Colours()

    def cut(self, text: str, most: int = USUAL) -> Cut:
        """Returns the beginning of a text, and counts it."""
        most = min(most, max(self.chars, LEAST_CHARS))
        shown = text[:most]
        self.chars -= len(shown)
        return Cut(shown, len(text) - len(shown))

    def pairs(self, values: Mapping[str, Any], *, most: int, chars: int = USUAL) -> Pairs:
        """Returns the first values of an object, as texts; none where the page is full."""
        if self.chars <= 0:
            return Pairs([], len(values))
        shown = []
        for name, value in list(values.items())[:most]:
            shown.append(Pair(self.cut(str(name), SHORT).text, self.cut(as_text(value), chars)))
        return Pairs(shown, len(values) - len(shown))


def as_text(value: Any) -> str:
    """Returns a value in a line: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def object_of(raw: Raw) -> dict[str, Any]:
    """Returns a part of an event that is kept as a JSON object; of anything else, an empty one."""
    value = decoded(raw)
    return value if isinstance(value, dict) else {}
