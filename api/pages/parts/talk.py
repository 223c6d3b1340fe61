"""A conversation, ready to be shown: what is folded, rendered, coloured, a tree; of bounded work.

The newest messages take from what a page can afford first; what is left for older ones is text.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal

import msgspec
from markupsafe import Markup, escape
from msgspec import Struct, structs

from api.pages.parts.code import Colours, coloured
from api.pages.parts.messages import Part, Said, State, Word
from api.pages.parts.prose import MOST_CHARS, prose
from api.pages.parts.trees import MOST_OF_MANY, Node, tree_of

MOST_PROSE = 30_000
"""Characters of a page that are read as Markdown, at 1 us each."""
MOST_NODES = 1_000
"""Of all trees within a conversation."""
LONG = 3_000
"""Longer texts are folded."""
PREVIEW = 280
ONE_LINE = 90
"""Bytes of JSON that needs no lines."""
MOST_PRETTY = 2_000
"""Longer JSON is a tree."""
Shape = Literal["prose", "plain", "code", "tree"]


class Shown(Struct, frozen=True):
    """A text or a value as it is shown."""

    shape: Shape
    html: Markup
    size: int
    """In characters."""
    preview: str
    """The beginning, where it is so long that it is folded; else empty."""
    source: str
    """What is copied, where that is not what is seen."""
    tree: Node | None


class Piece(Struct, frozen=True):
    """One part of a message."""

    part: Part
    shown: Shown | None
    pieces: list["Piece"]
    """What a tool gave back, where that has parts."""
    number: int
    """Which call of the conversation it is, or answers; 0 where the other one is not here."""


class Turn(Struct, frozen=True):
    """One message."""

    role: str
    name: str
    state: State
    words: tuple[Word, ...]
    pieces: list[Piece]
    beginning: str


class Group(Struct, frozen=True):
    """Neighbours of one state."""

    state: State
    turns: list[Turn]


class Budget:
    """What a page can still afford."""

    def __init__(self) -> None:
        self.colours = Colours()
        self.prose = MOST_PROSE
        self.nodes = MOST_NODES


def talk_of(said: Sequence[Said], budget: Budget) -> list[Group]:
    """Returns the messages in order, neighbours of one state together."""
    numbers = _numbers(said)
    turns = [_turn(one, numbers, budget) for one in reversed(said)][::-1]
    return [Group(state, list(many)) for state, many in groupby(turns, lambda turn: turn.state)]


def shown_value(value: Any, budget: Budget) -> Shown:
    """Returns a value of any kind: a text as it is, JSON with its lines broken, or as a tree."""
    if isinstance(value, str):
        return _plain(value)
    packed = msgspec.json.encode(value)
    text = msgspec.json.format(packed, indent=0 if len(packed) <= ONE_LINE else 2).decode()
    if len(text) <= MOST_PRETTY:
        return Shown("code", coloured(text, "json", budget.colours), len(text), "", "", None)
    if budget.nodes <= 0:
        return _plain(text)
    tree = tree_of(value, most=min(budget.nodes, MOST_OF_MANY))
    budget.nodes -= _count(tree)
    return Shown("tree", Markup(""), len(packed), "", packed.decode(), tree)


def shown_prose(text: str, budget: Budget) -> Shown:
    """Returns a text that is read as Markdown, as far as the budget allows."""
    if len(text) > min(MOST_CHARS, budget.prose):
        return _plain(text)
    budget.prose -= len(text)
    html = prose(text, budget.colours)
    return Shown("prose", html, len(text), _preview(text), text, None)


def _turn(one: Said, numbers: dict[str, int], budget: Budget) -> Turn:
    message = one.message
    # A message that is gone may be another's former self, with the same ids.
    numbers = {} if one.state == "dropped" else numbers
    return Turn(
        role=message.role,
        name=message.name,
        state=one.state,
        words=one.words,
        pieces=[_piece(part, numbers, budget) for part in message.parts],
        beginning=next((part.text[:200] for part in message.parts if part.text), ""),
    )


def _piece(part: Part, numbers: dict[str, int], budget: Budget) -> Piece:
    shown = None
    if part.kind in ("text", "reasoning", "refusal") and part.text:
        shown = shown_prose(part.text, budget)
    elif part.kind in ("call", "result", "json", "file") and not part.parts:
        shown = shown_value(part.text or part.value, budget)
    pieces = [_piece(inner, numbers, budget) for inner in part.parts]
    # What is shown stands in `shown` alone: the template cannot show it another time.
    kept = structs.replace(part, value=part.value if part.kind == "audio" else None, parts=[])
    return Piece(kept, shown, pieces, numbers.get(part.id, 0) if part.id else 0)


def _plain(text: str) -> Shown:
    return Shown("plain", escape(text), len(text), _preview(text), "", None)


def _preview(text: str) -> str:
    return text[:PREVIEW] if len(text) > LONG else ""


def _numbers(said: Sequence[Said]) -> dict[str, int]:
    """Numbers the calls whose results are here, by their ids."""
    parts = [part for one in said for part in one.message.parts if part.id]
    answered = {part.id for part in parts if part.kind == "result"}
    calls = dict.fromkeys(part.id for part in parts if part.kind == "call" and part.id in answered)
    return {call: number for number, call in enumerate(calls, 1)}


def _count(node: Node) -> int:
    return 1 + sum(map(_count, node.children))
