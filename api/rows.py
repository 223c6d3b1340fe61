"""Answers made of what the store has: one thing, held whole, or a list, read and sent in parts.

Their bytes are counted from before they are read. What a list needs for its largest part is its own
from its beginning to its end: an answer that has begun waits for no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from litestar.response import Response
from msgspec import Raw, Struct, json

from api.outgoing import PIECE_BYTES, Share, Texts, whole
from api.parameters import NothingFound
from api.reads import Reader
from clickhouse.client import Warehouse
from clickhouse.queries.parts import (
    PART_BYTES,
    Bounds,
    Part,
    Selection,
    find_parts,
    read_part,
    read_whole,
)

T = TypeVar("T")
Ask = Callable[[Warehouse], Awaitable[Sequence[Struct]]]


class Begun(NamedTuple):
    """The beginning of a list: its first items, and what is asked, in order, for the others."""

    first: Sequence[Struct]
    more: Iterable[Ask] = ()
    largest: int = 0
    """Bytes of what is asked for together, at most; 0 for `PART_BYTES`."""


class Items(Texts):
    """A list that has begun, as texts. Close it at the end."""

    def __init__(self, reader: Reader, begun: Begun, share: Share) -> None:
        self._reader = reader
        self._first = begun.first
        self._more = iter(begun.more)
        self._next = next(self._more, None)
        self._share = share
        self._comma = b""

    @property
    def are_none(self) -> bool:
        """Whether there is no item at all."""
        return not self._first and self._next is None

    @property
    def is_last(self) -> bool:
        """Whether no text comes after the one that was taken last."""
        return self._next is None

    async def take(self) -> bytes:
        """Returns the next items. Raises `TooManyAnswers`, `TooManyQueries` and the store's."""
        items, self._first = self._first, ()
        while not items and self._next is not None:
            # What was to come may be gone meanwhile.
            ask, self._next = self._next, next(self._more, None)
            async with self._reader.next_turn() as warehouse:
                items = await ask(warehouse)
        if not items:
            return b""
        text = self._comma + b",".join(map(json.encode, items))
        self._comma = b","
        if len(text) > self._share.size or self.is_last:
            self._share.change(len(text) if len(text) > PIECE_BYTES else 0)
        return text

    def close(self) -> None:
        """Gives back the bytes that it holds."""
        self._share.give_back()


class Held(Texts):
    """An answer whose one text is there."""

    is_last = True

    def __init__(self, share: Share) -> None:
        self._share = share

    async def take(self) -> bytes:
        """Returns nothing more."""
        return b""

    def close(self) -> None:
        """Gives back the bytes that it holds."""
        self._share.give_back()


async def one(
    reader: Reader,
    ask: Callable[[Warehouse], Awaitable[Struct | Raw | None]],
    *,
    missing: str = "Not found",
) -> Response[bytes]:
    """Answers with what the store has. Raises `NothingFound` where that is nothing."""
    project_id = reader.project.project_id
    async with (
        reader.turn() as warehouse,
        reader.outgoing.taken(project_id, PART_BYTES) as share,
    ):
        found = await ask(warehouse)
        if found is None:
            raise NothingFound(missing)
        text = json.encode(found)
        share.change(len(text) if len(text) > PIECE_BYTES else 0)
    return whole(text, Held(share))


async def begin(
    reader: Reader, ask: Callable[[Warehouse], Awaitable[tuple[Begun, T]]]
) -> tuple[Items, T]:
    """Returns a list that has begun, with what was asked beside it."""
    project_id = reader.project.project_id
    async with (
        reader.turn() as warehouse,
        reader.outgoing.taken(project_id, PART_BYTES) as share,
    ):
        begun, beside = await ask(warehouse)
        if begun.largest:
            share.change(begun.largest)
        return Items(reader, begun, share), beside


async def _nothing(_: Warehouse) -> None:
    """Asks nothing beside the rows."""


async def begin_rows(
    reader: Reader,
    selection: Selection,
    beside: Callable[[Warehouse], Awaitable[Any]] = _nothing,
    *,
    bounds: Bounds = Bounds(),  # noqa: B008 - cannot be changed
) -> tuple[Items, Any]:
    """Returns the rows of a selection, with what `beside` asks in the same turn."""
    project = reader.project

    async def ask(warehouse: Warehouse) -> tuple[Begun, Any]:
        reading = read_whole(warehouse, project, selection, bounds)
        rows, found = await asyncio.gather(reading, beside(warehouse))
        if rows is not None:
            return Begun(rows), found
        parts = await find_parts(warehouse, project, selection, bounds)

        def more(part: Part) -> Ask:
            return partial(read_part, project=project, part=part)

        return Begun((), map(more, parts), parts.largest), found

    return await begin(reader, ask)
