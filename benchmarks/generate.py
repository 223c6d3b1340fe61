"""Seeded bodies of every kind: each system makes its own in `benchmarks.generators`."""

import importlib
import random
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks import generators
from schemas.kinds import KINDS, SYSTEMS

FIRST_KIND = KINDS[0].name


class Body(NamedTuple):
    """The body of a request, cut where fresh ids belong."""

    pieces: Sequence[bytes]
    numbers: Sequence[int]
    """Which of the ids stands between two pieces."""
    items: int
    """So many of the ids, the first ones, are those of its items."""
    is_hex: bool = False
    """Whether ids are 32 hex digits, and no UUIDs with dashes."""


class Generator(NamedTuple):
    """How bodies with items of one kind are made and sent."""

    path: str
    """Of the POST that takes them; empty where a part of Sluice writes them into the log itself."""
    body: Callable[[random.Random, int], Body]
    """Makes one with so many items."""
    most: int = 100
    """Items of one request."""

    def bodies(self, seed: int, batches: int, size: int) -> list[Body]:
        """Returns bodies, for the same seed the same: `fill` joins them with fresh ids."""
        chance = random.Random(seed)
        return [self.body(chance, size) for _ in range(batches)]


def generators_by_kind() -> dict[str, Generator]:
    """Returns the generators of every system of the registry."""
    found: dict[str, Generator] = {}
    for system in SYSTEMS:
        found |= importlib.import_module(f"{generators.__name__}.{system.name}").GENERATORS
    return found


def mark(number: int) -> str:
    """Returns what stands for an id until `fill`: the items' ids are numbered from 0."""
    return f"\0{number}\0"


def cut(body: bytes, items: int, *, is_hex: bool = False) -> Body:
    """Cuts a body, JSON or any other text, at its marks."""
    parts = body.replace(rb"\u0000", b"\0").split(b"\0")
    return Body(parts[::2], [int(number) for number in parts[1::2]], items, is_hex)


def fill(body: Body) -> tuple[bytes, list[str]]:
    """Joins the pieces of a body with new ids; returns it, and the id of each of its items."""
    count = max(body.numbers) + 1
    made = [uuid.UUID(int=random.getrandbits(128), version=4) for _ in range(count)]
    ids = [one.hex if body.is_hex else str(one) for one in made]
    parts = [body.pieces[0]]
    for number, piece in zip(body.numbers, body.pieces[1:], strict=True):
        parts += ids[number].encode(), piece
    return b"".join(parts), ids[: body.items]
