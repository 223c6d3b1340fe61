"""From the items of one form in a block to a batch: columns built, faults found, places put in."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from clickhouse.tables import times
from eventlog.records import Chunk, DeadLetter
from processors.blocks import (
    Arrival,
    Batch,
    Block,
    ItemOutcome,
    KindStep,
    Outcomes,
    TableRows,
    ref_of,
)
from processors.columns import Columns, Numbers, Rows, SentChunk, only
from processors.faults import AtFault, NotItsFault, Verdict, second_look, verdict_of
from processors.seen import Hashes
from schemas.ids import event_hash
from schemas.kinds import Table

UNKNOWN = "unknown"
"""The kind, in outcomes and metrics, where nobody can tell it: the form of another version."""

log = structlog.get_logger(__name__)


class Arrived(NamedTuple):
    """A chunk, and where in the log it stands."""

    chunk: Chunk
    offset: int
    first: int
    """The number of its first item among those of its record."""


class Built(Struct):
    """What items of one form come to before the store is asked."""

    batch: Batch | None = None
    dead: list[DeadLetter] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Counter)
    """Of the dead ones."""


class _Worked(NamedTuple):
    columns: Columns
    kept: Numbers
    """The items that became rows, by their numbers among all."""
    hashes: Hashes


def assemble(block: Block, step: KindStep | None, arrived: Sequence[Arrived]) -> Built:
    """Builds the columns of items of one kind, `None` where no kind has their form.

    Raises `NotItsFault` for what is no item's fault: the block is then worked out again.
    """
    sent = sent_in(arrived)
    lengths = [len(one.bodies) for one in sent]
    kind = UNKNOWN if step is None else step.kind.name
    arrivals = [_arrival(kind, one) for one in arrived]
    arrival = np.repeat(np.arange(len(sent)), lengths)
    firsts = zip(arrived, lengths, strict=True)
    number = np.concatenate([np.arange(n) + one.first for one, n in firsts])
    built = Built()
    if step is None:
        reason = f"no kind has the form {arrived[0].chunk.wire!r}"
        dead = dict.fromkeys(range(len(arrival)), reason)
    else:
        worked = _work_safely(step, sent)
        dead = dict(worked.columns.dead)
        if len(worked.kept):
            places = (arrivals, arrival[worked.kept], number[worked.kept])
            built.batch = _batch(block, step, sent, worked, places)
    for item, reason in dead.items():
        of = arrived[arrival[item]]
        built.dead.append(_dead_letter(block, of, int(number[item]), reason))
        outcome = arrivals[arrival[item]].accepted._replace(outcome="dead", reason="unfit")
        built.outcomes[outcome] += 1
    return built


def sent_in(arrived: Sequence[Arrived]) -> list[SentChunk]:
    """Returns the items of chunks as steps take them."""
    return [
        SentChunk(
            chunk.project_id, chunk.received_at_ns // 1000, chunk.items, chunk.ids, chunk.key_id
        )
        for chunk, _, _ in arrived
    ]


def dead_letter(block: Block, chunk: Chunk, index: int, ref: str, reason: str) -> DeadLetter:
    """Returns the dead letter of an item of a chunk."""
    return DeadLetter(
        ref=ref,
        project_id=chunk.project_id,
        topic=block.partition.topic,
        wire=chunk.wire,
        received_at_ns=chunk.received_at_ns,
        reason=reason,
        body=chunk.items[index],
        dead_ref=chunk.dead_ref,
        item_id=chunk.ids[index] if chunk.ids else "",
        key_id=chunk.key_id,
    )


def _dead_letter(block: Block, of: Arrived, number: int, reason: str) -> DeadLetter:
    ref = ref_of(*block.partition, of.offset, number)
    return dead_letter(block, of.chunk, number - of.first, ref, reason)


def _arrival(kind: str, of: Arrived) -> Arrival:
    chunk = of.chunk
    accepted = ItemOutcome(
        kind, chunk.project_id, chunk.received_at_ns, "accepted", "", chunk.dead_ref
    )
    return Arrival(accepted, of.offset)


def _work_safely(step: KindStep, sent: Sequence[SentChunk]) -> _Worked:
    """Builds the columns of all items but those at fault, which are dead."""
    try:
        return _work(step, sent)
    except Exception as error:
        if verdict_of(error) is Verdict.PASSING:
            raise NotItsFault(repr(error)) from error
    faults = _find_faults(step, sent)
    rest = [n for n in range(sum(len(one.bodies) for one in sent)) if n not in faults]
    try:
        worked = _work(step, only(sent, rest))
    except Exception as error:
        # Each alone is sound: to end the process would help nobody.
        raise NotItsFault(repr(error)) from error
    dead = faults | {rest[n]: reason for n, reason in worked.columns.dead.items()}
    dead = dict(sorted(dead.items()))
    kept = np.array(rest, np.int64)[worked.kept]
    return worked._replace(columns=worked.columns._replace(dead=dead), kept=kept)


def _work(step: KindStep, sent: Sequence[SentChunk]) -> _Worked:
    columns = step.build(sent)
    owners = [one.project_id for one in sent for _ in one.bodies]
    kept = np.setdiff1d(np.arange(len(owners)), list(columns.dead), assume_unique=True)
    keys = zip(kept.tolist(), columns.ids, strict=True)
    hashes = (event_hash(owners[item], event_id) for item, event_id in keys)
    return _Worked(columns, kept, np.fromiter(hashes, np.uint64, len(kept)))


def _find_faults(step: KindStep, sent: Sequence[SentChunk]) -> dict[int, str]:
    """Says why by number which items cannot be built, halving what fails."""
    faults = {}
    todo: list[Sequence[int]] = [range(sum(len(one.bodies) for one in sent))]
    while todo:
        some = todo.pop()
        part = only(sent, some)
        try:
            _work(step, part)
        except Exception as error:
            if len(some) > 1 and verdict_of(error) is not Verdict.PASSING:
                todo += [some[: len(some) // 2], some[len(some) // 2 :]]
                continue
            try:
                second_look(error, partial(_work, step, part))
            except AtFault as fault:
                if fault.is_bug:
                    # It must not hold up the item's neighbours: the dead letter can be sent again
                    # when the bug is repaired.
                    log.exception("step failed on an item", kind=step.kind.name, item=some[0])
                faults[some[0]] = str(fault)
    return faults


def _batch(
    block: Block,
    step: KindStep,
    sent: Sequence[SentChunk],
    worked: _Worked,
    places: tuple[Sequence[Arrival], Numbers, Numbers],
) -> Batch:
    arrivals, arrival, number = places
    batch = Batch(step.kind, worked.columns.ids, worked.hashes, arrivals, arrival, number, {})
    tables = {
        table.name: _table_rows(block, batch, table, worked.columns.tables[table.name], sent)
        for table in step.kind.tables
    }
    return replace(batch, tables=tables)


def _table_rows(
    block: Block, batch: Batch, table: Table, rows: Rows, sent: Sequence[SentChunk]
) -> TableRows:
    items = np.arange(len(batch)) if rows.items is None else rows.items
    arrival = batch.arrival[items]
    received = np.array([one.received_at_us for one in sent], np.int64)
    shared = {
        "project_id": pa.array([one.project_id for one in sent], pa.string()).take(arrival),
        table.id_column: pa.array(batch.ids, pa.string()).take(items),
        "received_at": times(received[arrival]),
        "log_id": pa.repeat(block.log_id, len(items)),
        "log_partition": pa.array(np.full(len(items), block.partition.partition, np.uint16)),
        "log_offset": pa.array(batch.offsets[items].astype(np.uint64)),
    }
    if table.key_column:
        keys = pa.array([one.key_id for one in sent], pa.string())
        shared[table.key_column] = keys.take(arrival)
    columns = shared | dict(rows.arrays)
    return TableRows(pa.record_batch(list(columns.values()), names=list(columns)), items)
