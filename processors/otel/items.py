"""What the steps of all signals share: an item decoded, and rows that only some items have."""

from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from processors.columns import Columns, Numbers, SentChunk, Unfit
from schemas.otel.bounds import REASONS, Rejected, Undecodable
from schemas.otel.items import ItemDecoder

T = TypeVar("T")
_AT_ONCE = 64


def read_item(decoder: ItemDecoder[T], item: bytes) -> T:
    """Decodes an item of the log. Raises `Unfit`."""
    try:
        return decoder.decode(item)
    except Undecodable as error:
        raise Unfit(str(error)) from error
    except Rejected as rejected:
        raise Unfit(REASONS[rejected.reason]) from rejected


def present(values: Sequence[T | None]) -> tuple[list[T], Numbers]:
    """Returns what is there, and its numbers."""
    found = [(number, one) for number, one in enumerate(values) if one is not None]
    return [one for _, one in found], np.array([number for number, _ in found], np.int64)


def flattened(values: Sequence[Sequence[T]]) -> tuple[list[T], Numbers]:
    """Returns all of them, and for each the number of those it is among."""
    owners = np.repeat(np.arange(len(values)), [len(some) for some in values])
    return [one for some in values for one in some], owners


class Some(NamedTuple, Generic[T]):
    """A few items of one chunk, and the ids that the edge gave them: empty where it gave none."""

    chunk: SentChunk
    items: list[T]
    ids: list[str]


def read_some(
    decoder: ItemDecoder[T], sent: Sequence[SentChunk], dead: dict[int, str]
) -> Iterator[Some[T]]:
    """Yields those items that can be read; puts into `dead` by number why the others cannot.

    A few at a time, so that each step is taken for all of them before the next one: the processor
    then has what the step needs at hand, which saves a twentieth of the time of spans.
    """
    number = 0
    for chunk in sent:
        all_ids = chunk.ids or [""] * len(chunk.bodies)
        named = list(zip(chunk.bodies, all_ids, strict=True))
        for first in range(0, len(named), _AT_ONCE):
            some: Some[T] = Some(chunk, [], [])
            for body, item_id in named[first : first + _AT_ONCE]:
                try:
                    some.items.append(read_item(decoder, body))
                    some.ids.append(item_id)
                except Unfit as error:
                    dead[number] = str(error)
                number += 1
            yield some


def no_rows(dead: dict[int, str]) -> Columns:
    """Returns the columns of a block without any row."""
    return Columns((), {}, dead)
