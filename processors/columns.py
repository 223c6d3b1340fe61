"""What a kind's pure step is given, and what it makes of it: items in, columns out.

No Faust, no store, no clock, no waiting. A step works on the items of a whole block at once, for
what Python does for each of them costs most.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.projects import ProjectId

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Unfit(ValueError):
    """Raised when an item cannot become a row; the message is the dead letter's reason."""


class SentChunk(NamedTuple):
    """Items of one request, as the log has them."""

    project_id: ProjectId
    received_at_us: int
    bodies: Sequence[bytes]
    ids: Sequence[str]
    """Those that the edge gave; empty where an item has its own."""
    key_id: str = ""
    """Of the API key or DSN key that they came with; empty where it is not known."""


class Rows(NamedTuple):
    """The rows of one table, as columns by name.

    Without what all tables share: `project_id`, `received_at`, the item's id and its place in the
    log are put beside them.
    """

    arrays: Mapping[str, pa.Array]
    items: Numbers | None = None
    """To which of `Columns.ids` each row belongs, ascending; `None` where each has one row."""


class Columns(NamedTuple):
    """What items become."""

    ids: Sequence[str]
    """Of those that became rows, in order."""
    tables: Mapping[str, Rows]
    """By the name of the table."""
    dead: Mapping[int, str] = {}
    """Why an item became none, by its number among those given."""


Build = Callable[[Sequence[SentChunk]], Columns]
"""May raise for an item at fault: then that item is looked for, and the others are built anew."""


def row_by_row(
    sent: Sequence[SentChunk],
    row_of: Callable[[bytes, str], Sequence[Any]],
    tables_of: Callable[[Sequence[Sequence[Any]]], Mapping[str, Rows]],
) -> Columns:
    """Builds columns where each item is worked out by itself, and its first value is its id.

    `row_of` takes a body and the id that the edge gave; it raises `Unfit`. `tables_of` takes the
    columns.
    """
    rows = []
    dead: dict[int, str] = {}
    for number, (body, given) in enumerate(bodies_of(sent)):
        try:
            rows.append(row_of(body, given))
        except Unfit as error:
            dead[number] = str(error)
    if not rows:
        return Columns((), {}, dead)
    columns = tuple(zip(*rows, strict=True))
    return Columns(columns[0], tables_of(columns), dead)


def bodies_of(sent: Sequence[SentChunk]) -> Iterator[tuple[bytes, str]]:
    """Yields the items one after the other, each with the id that the edge gave, or none."""
    for one in sent:
        yield from zip(one.bodies, one.ids or [""] * len(one.bodies), strict=True)


def only(sent: Sequence[SentChunk], numbers: Sequence[int]) -> list[SentChunk]:
    """Returns some of the items, by their numbers, which ascend."""
    chosen = set(numbers)
    found = []
    first = 0
    for one in sent:
        kept = [n for n in range(len(one.bodies)) if first + n in chosen]
        bodies = [one.bodies[n] for n in kept]
        found.append(one._replace(bodies=bodies, ids=[one.ids[n] for n in kept] if one.ids else []))
        first += len(one.bodies)
    return found
