"""Which items of a batch are new, and which are an id that came before: masks over columns."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from processors.blocks import Batch, Block, EventKey, TableRows
from processors.columns import Numbers
from schemas.kinds import Table
from schemas.rows import Position


class Chosen(NamedTuple):
    """The items of a batch, by what becomes of them."""

    new: Numbers
    resent: Numbers


def choose(block: Block, batch: Batch, stored: Mapping[EventKey, Position]) -> Chosen:
    """Keeps the first of each id, unless it is in the store from before this block.

    `stored` says of the ids that were asked for which are stored, and where their rows came from.
    """
    left = np.ones(len(batch), np.bool_)
    known = np.zeros(len(batch), np.bool_)
    if stored:
        offsets = batch.offsets
        for item, key in enumerate(batch.keys(np.arange(len(batch)))):
            place = stored.get(key)
            if place is None:
                continue
            if not block.repeated and place == _place(block, int(offsets[item])):
                # Stored by an earlier process: the offsets were set back, and nothing of this
                # record is new.
                left &= offsets != offsets[item]
            known[item] = not _is_own(block, place)
    new = _firsts(batch, np.flatnonzero(left & ~known))
    is_new = np.zeros(len(batch), np.bool_)
    is_new[new] = True
    return Chosen(new, np.flatnonzero(left & ~is_new))


def with_kept(batch: Batch, table: Table, found: Mapping[EventKey, Sequence[Any]]) -> Batch:
    """Returns the batch with the values that stored rows have in `Table.kept`."""
    rows, items = batch.tables[table.name]
    stored = [found.get(key) for key in batch.keys(items)]
    if not any(stored):
        return batch
    for place, name in enumerate(table.kept):
        column = rows.column(name)
        values = [
            ours if theirs is None else theirs[place]
            for ours, theirs in zip(column.to_pylist(), stored, strict=True)
        ]
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, pa.array(values, column.type))
    return replace(batch, tables={**batch.tables, table.name: TableRows(rows, items)})


def _firsts(batch: Batch, items: Numbers) -> Numbers:
    """Returns the first item of each key."""
    _, first, counts = np.unique(batch.hashes[items], return_index=True, return_counts=True)
    if len(first) == len(items):
        return items
    firsts = np.zeros(len(items), np.bool_)
    firsts[first] = True
    # Where a hash comes again it is nearly always the same id; the keys tell.
    again = np.isin(batch.hashes[items], batch.hashes[items[first[counts > 1]]])
    taken = set()
    for index in np.flatnonzero(again).tolist():
        key = batch.key(int(items[index]))
        firsts[index] = key not in taken
        taken.add(key)
    return items[firsts]


def _place(block: Block, offset: int) -> Position:
    return Position(block.log_id, block.partition.partition, offset)


def _is_own(block: Block, place: Position) -> bool:
    """Tells a row that this very block has stored before a crash from one of a resent id.

    Such rows are sent again just as they were: the store drops them by the block's token, and
    completes the views that the crash left short.
    """
    return block.repeated and is_of(block, place)


def is_of(block: Block, place: Position) -> bool:
    """Tells whether a row came from one of the block's records."""
    return (
        place.log_id == block.log_id
        and place.partition == block.partition.partition
        and block.intent.first <= place.offset <= block.intent.last
    )
