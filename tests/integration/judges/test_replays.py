"""A block of the log that is stored again after a crash changes no count of a judge."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from controlplane.llm.judge_queue import read_spent
from eventlog.sqlite_log import SqliteLog
from processors.blocks import KindStep, StoredItems
from processors.columns import Columns, Rows, SentChunk, row_by_row
from processors.llm.judges.candidates import COLUMNS, Candidates
from schemas.kinds import KINDS, TRACE, Kind
from schemas.llm.judges import Counts, Judge
from schemas.rows import Position
from tests.integration.judges.courts import Court, batch_of
from tests.integration.processors.sinks import PARTITION, PLAIN, Store, Stream, append
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import TraceRow, make_trace

POLITE = {"type": "regex", "pattern": "(?i)sorry", "negate": True}


class Block:
    """Calls of one block, as the stream hands them over once they are stored."""

    def __init__(self, rows: pa.RecordBatch, kind: Kind) -> None:
        self.kind = kind
        self._rows = rows

    def rows(self, *_: object) -> pa.RecordBatch:
        """Returns the rows, whatever is asked for."""
        return self._rows


def block(*calls: TraceRow, kind: Kind = TRACE) -> StoredItems:
    return StoredItems(cast("Any", Block(batch_of(*calls), kind)), cast("Any", None))


def make_calls(court: Court, first: int, count: int) -> list[TraceRow]:
    calls = [call_at(court, n) for n in range(first, first + count)]
    store_traces(court.warehouse, calls)
    return calls


def call_at(court: Court, offset: int, *, partition: int = 0) -> TraceRow:
    return make_trace(
        court.project_id,
        f"t{partition}-{offset}",
        output_text="Paris",
        timestamp_us=court.clock.us,
        received_at_us=court.clock.us,
        # A log of its own for each test.
        position=Position(str(court.project_id), partition, offset),
    )


async def arrive(court: Court, *blocks: StoredItems, room: int = 100_000) -> None:
    """Has blocks come to a process that has just begun."""
    candidates = Candidates(court.database, most_queued=room)
    await candidates.refresh()
    for one in blocks:
        await candidates.follow(one)


async def today(court: Court, judge: Judge) -> Counts:
    return (await read_spent(court.database, judge.id, court.clock.us))[0]


async def test_a_block_that_is_stored_again_after_it_was_judged_is_judged_and_counted_once(
    court: Court,
) -> None:
    judge = await court.judge("polite", POLITE)
    calls = make_calls(court, 0, 4)
    await arrive(court, block(*calls[:3]))
    await court.by_rules().work()

    await arrive(court, block(*calls[:3]), block(calls[3]))
    await court.by_rules().work()

    assert await today(court, judge) == Counts(scored=4)
    assert len(await court.words()) == 4


async def test_a_crash_before_the_checkpoint_moves_has_no_call_judged_or_counted_twice(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = await court.judge("polite", POLITE)
    ids = [call.trace_id for call in make_calls(court, 0, 4)]
    log, store = SqliteLog(tmp_path / "log.db"), Store()
    first = await stream_of(court, log, store)
    for one in ids[:3]:
        await append(log, one, project=court.project_id)
    reached = asyncio.Event()

    async def dies(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as broken:
        broken.setattr(log, "complete", dies)
        feeding = asyncio.create_task(first.feed())
        async with asyncio.timeout(10):
            await reached.wait()
        feeding.cancel()
        await court.by_rules().work()
        await first.stop()
    progress = await log.progress(PARTITION)
    log.close()
    again = SqliteLog(tmp_path / "log.db")
    await append(again, ids[3], project=court.project_id)
    second = await stream_of(court, again, store)
    await second.feed(progress.next_offset)
    await court.by_rules().work()
    await second.stop()
    again.close()

    assert progress.pending is not None
    assert store.texts() == ids
    assert await today(court, judge) == Counts(scored=4)
    assert set(await court.scores()) == set(ids)


async def stream_of(court: Court, log: SqliteLog, store: Store) -> Stream:
    """A process that stores calls, and has them wait for judges."""
    candidates = Candidates(court.database)
    await candidates.refresh()

    def tables_of(columns: Sequence[Sequence[str]]) -> Mapping[str, Rows]:
        count = len(columns[0])
        said = {name: pa.array([""] * count) for name in COLUMNS[2:]}
        moments = pa.array([court.clock.us] * count, pa.timestamp("us", "UTC"))
        return {"traces": Rows({"timestamp": moments, **said})}

    def build(sent: Sequence[SentChunk]) -> Columns:
        return row_by_row(sent, lambda body, _: (body.decode(),), tables_of)

    return Stream(log, store, step=KindStep(PLAIN, build, follow=candidates.follow))


async def test_a_block_that_is_stored_again_while_its_calls_wait_makes_none_wait_twice(
    court: Court,
) -> None:
    judge = await court.judge("polite", POLITE)
    calls = make_calls(court, 10, 2)
    for _ in range(3):
        await arrive(court, block(*calls))

    assert (await court.figures(judge)).queued == 2


async def test_more_than_may_wait_are_counted_once_and_not_queued(court: Court) -> None:
    judge = await court.judge("polite", POLITE)
    first, second, third = (block(*make_calls(court, n, 2)) for n in (0, 2, 4))
    await arrive(court, first, second, third, room=3)

    await arrive(court, third, room=3)

    assert (await court.figures(judge)).queued == 2
    now_us = time.time_ns() // 1000
    assert (await read_spent(court.database, judge.id, now_us))[0].dropped == 4


async def test_calls_of_another_kind_or_partition_have_places_of_their_own(court: Court) -> None:
    judge = await court.judge("polite", POLITE)
    calls = make_calls(court, 5, 2)
    of_calls = [one for one in KINDS if any(table.name == "traces" for table in one.tables)]
    other = next(one for one in of_calls if one != TRACE)
    moved = call_at(court, 0, partition=7)

    await arrive(court, block(calls[1]), block(calls[0], kind=other), block(moved))

    assert (await court.figures(judge)).queued == 3
