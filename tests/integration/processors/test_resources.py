"""A lack of memory, disk or threads: what was accepted is stored later, and nothing is parked."""

import asyncio
import errno
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from clickhouse import client
from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from eventlog import records
from eventlog.sqlite_log import SqliteLog
from processors import assemble, block_rows, block_write, events
from processors.blocks import EventKey
from schemas.kinds import Table
from schemas.metrics import REGISTRY
from schemas.rows import Position
from tests.integration.processors.sinks import Store, Stream, append, dead_letters
from tests.integration.queries.rows import encode_traces, make_trace

TRIES = 7
"""More than the refusals after which rows at fault are looked for."""
LACKS: list[Callable[[], Exception]] = [
    MemoryError,
    lambda: pa.ArrowMemoryError("malloc of size 64 failed"),
    lambda: OSError(errno.ENOSPC, "No space left on device"),
    lambda: RuntimeError("can't start new thread"),
]
NAMES = ["memory", "arrow", "disk", "threads"]
ITEMS = ["a", "b", "c"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db")
    yield opened
    opened.close()


class Lacking(Store):
    """Raises what a lack of something raises, at the first tries of one step of a block."""

    def __init__(self, place: str, lack: Callable[[], Exception]) -> None:
        super().__init__()
        self.place = place
        self.lack = lack
        self.left = TRIES

    def meet(self, place: str) -> None:
        if place == self.place and self.left:
            self.left -= 1
            raise self.lack()

    def columns(self, texts: Sequence[str]) -> None:
        self.meet("columns")
        super().columns(texts)

    async def stored_at(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Position]:
        self.meet("look-up")
        return await super().stored_at(table, keys)

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        self.meet("insert")
        await super().insert(table, arrow_stream, token)


@pytest.mark.parametrize("lack", LACKS, ids=NAMES)
@pytest.mark.parametrize(
    "place",
    ["build", "key", "decode", "columns", "encode", "look-up", "insert", "remember", "outcomes"],
)
async def test_resource_errors_make_no_dead_letters(
    log: SqliteLog, place: str, lack: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Lacking(place, lack)
    stream = Stream(log, store)
    step: Any = stream.sink._steps["raw.traces"]
    meet_at(store, step, monkeypatch)
    # An id of the block that is in the filter already has the store asked for it.
    await append(log, "a")
    await stream.feed()
    await append(log, *ITEMS)

    await stream.feed(1)

    assert store.left == 0
    assert store.texts() == ITEMS
    assert dead_letters(log) == []
    assert store.outcomes() == {"received": 4, "accepted": 3, "duplicate": 1}
    await stream.stop()


def meet_at(store: Lacking, step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the steps that are no part of the store meet the lack too."""

    def before(place: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def met(*arguments: Any, **named: Any) -> Any:
            store.meet(place)
            return work(*arguments, **named)

        return met

    monkeypatch.setattr(assemble, "event_hash", before("key", assemble.event_hash))
    monkeypatch.setattr(block_rows, "encode", before("encode", block_rows.encode))
    counts = block_write.encode_outcomes
    monkeypatch.setattr(block_write, "encode_outcomes", before("outcomes", counts))
    monkeypatch.setattr(events, "decode_chunks", before("decode", events.decode_chunks))
    ((wire, served),) = step._served.items()
    monkeypatch.setattr(served.seen, "add", before("remember", served.seen.add))
    kind_step = replace(served.step, build=before("build", served.step.build))
    monkeypatch.setitem(step._served, wire, served._replace(step=kind_step))


def test_a_process_without_memory_to_encode_parks_no_event() -> None:
    command = [sys.executable, "-m", "tests.integration.processors.little_memory"]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert set(found["failures"]) <= {"MemoryError", "ArrowMemoryError"}
    assert len(found["failures"]) == 3
    assert found["stored"] == ITEMS
    assert found["dead letters"] == 0
    assert found["outcomes"] == {"received": 3, "accepted": 3}


async def test_the_alarm_says_that_resources_are_short(log: SqliteLog) -> None:
    store = Lacking("columns", MemoryError)
    stream = Stream(log, store)
    before = failures_of("resources")
    await append(log, *ITEMS)

    await stream.feed()

    assert failures_of("resources") - before == TRIES
    await stream.stop()


def failures_of(reason: str) -> float:
    labels = {"table": "traces", "reason": reason}
    return REGISTRY.get_sample_value("sluice_insert_failures_total", labels) or 0.0


@pytest.mark.parametrize("error", [KeyError, TypeError, RecursionError])
async def test_a_bug_that_rows_meet_each_time_parks_those_rows_alone(
    log: SqliteLog, error: type[Exception]
) -> None:
    class Buggy(Store):
        def columns(self, texts: Sequence[str]) -> None:
            if "b" in texts:
                raise error("a bug of ours")

    store = Buggy()
    stream = Stream(log, store)
    await append(log, *ITEMS)

    await stream.feed()

    assert store.texts() == ["a", "c"]
    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"b"]
    assert "bug: " in dead_letters(log)[0].reason
    await stream.stop()


async def test_memory_that_fails_while_rows_go_in_one_by_one_parks_only_those_at_fault(
    log: SqliteLog,
) -> None:
    store = Lacking("columns", MemoryError)
    store.poison = {"b"}
    stream = Stream(log, store)
    await append(log, *ITEMS)

    await stream.feed()

    assert store.texts() == ["a", "c"]
    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"b"]
    assert store.outcomes() == {"received": 3, "accepted": 2, "dead": 1}
    await stream.stop()


async def test_a_filter_that_could_not_warm_for_lack_of_memory_warms_later(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    await append(log, *ITEMS)
    stream = Stream(log, store)
    step: Any = stream.sink._steps["raw.traces"]
    warm, left = step.warm, [MemoryError(), MemoryError()]

    async def starved(source: object) -> None:
        if left:
            raise left.pop()
        await warm(source)

    monkeypatch.setattr(step, "warm", starved)

    await stream.feed()

    assert not stream.sink.failed.done()
    assert store.texts() == ITEMS
    await stream.stop()


def test_a_record_that_memory_is_too_short_for_is_not_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Short:
        def decompress(self, value: bytes, max_output_size: int) -> bytes:
            raise records.zstandard.ZstdError("Allocation error : not enough memory")

    value = records.encode_chunks([])
    monkeypatch.setattr(records._ZSTD, "decompressor", Short())

    with pytest.raises(MemoryError):
        records.decode_chunks(value)


def test_a_store_without_memory_for_an_insert_may_be_asked_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = client.INSERT_SETTINGS | {"max_memory_usage": 1 << 20}
    rows = [make_trace("little memory", f"t{n}", request_body="x" * 100_000) for n in range(100)]
    data = encode_traces(rows)

    with monkeypatch.context() as patched:
        patched.setattr(client, "INSERT_SETTINGS", little)
        with pytest.raises(WarehouseUnavailable, match="241"):
            warehouse.insert_now("traces", data, "little memory")

    asyncio.run(warehouse.insert("traces", data, "little memory"))
