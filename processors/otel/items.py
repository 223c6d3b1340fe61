"""What the steps of all signals share: an item decoded, and rows that only some items have."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from processors.columns import Columns, Numbers, SentChunk, Unfit
from schemas.otel.bounds import REASONS, Rejected, Undecodable
from schemas.otel.items import ItemDecoder

T = TypeVar("T")
R = TypeVar("R")


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


def fitting(
    sent: Sequence[SentChunk], rows_of: Callable[[SentChunk, bytes, str], R]
) -> tuple[list[R], dict[int, str]]:
    """Returns the rows of each item that can be read; of the others by number why they cannot."""
    found, dead, number = [], {}, 0
    for chunk in sent:
        for body, item_id in zip(chunk.bodies, chunk.ids or [""] * len(chunk.bodies), strict=True):
            try:
                found.append(rows_of(chunk, body, item_id))
            except Unfit as error:
                dead[number] = str(error)
            number += 1
    return found, dead


def no_rows(dead: dict[int, str]) -> Columns:
    """Returns the columns of a block without any row."""
    return Columns((), {}, dead)
