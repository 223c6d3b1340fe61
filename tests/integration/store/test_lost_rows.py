"""A server that was killed between a block's token and its rows gets the rows, once."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clickhouse.client import Warehouse
from eventlog.group_commit import Limits
from eventlog.log import TopicPartition
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from processors.blocks import Delivery
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.pipeline import build_steps
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.e2e.payloads import new_id, trace
from tests.every_step import every_step
from tests.integration.queries.rows import encode_traces, make_trace

TIMEOUT_S = 60
PARTITION = TopicPartition(TRACES.name, 0)
COUNTS = (
    "SELECT count() FROM traces WHERE project_id = {project:String}",
    "SELECT sum(requests) FROM trace_sums WHERE grain = 'hour' AND project_id = {project:String}",
    "SELECT sum(requests) FROM session_sums WHERE project_id = {project:String}",
)
LOSE = """
ALTER TABLE traces
DELETE WHERE project_id = {project:String} AND trace_id IN {ids:Array(String)}
"""


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", partitions=1, limits=Limits(keep_ms=3_600_000))
    yield opened
    opened.close()


def counts(warehouse: Warehouse, project: str) -> list[int]:
    return [warehouse.query_now(sql, {"project": project}, {}).rows[0][0] for sql in COUNTS]


def lose(warehouse: Warehouse, project: str, *ids: str) -> None:
    """Takes rows out of the table whose token stays taken, as their part held others too."""
    other = encode_traces([make_trace(f"beside {project}", uuid.uuid4().hex)])
    warehouse.insert_now("traces", other, uuid.uuid4().hex)
    warehouse.command_now("OPTIMIZE TABLE traces FINAL", None, {})
    values = {"project": project, "ids": list(ids)}
    warehouse.command_now(LOSE, values, {"mutations_sync": 2})


def asides(warehouse: Warehouse) -> int:
    sql = "SELECT count() FROM system.tables WHERE name LIKE '%aside%'"
    return int(warehouse.query_now(sql, None, {}).rows[0][0])


def test_rows_put_beside_their_token_pass_the_views(warehouse: Warehouse, project: str) -> None:
    token = uuid.uuid4().hex
    rows = [make_trace(project, f"t{number}", session_id="s") for number in range(3)]
    warehouse.insert_now("traces", encode_traces(rows), token)
    lose(warehouse, project, "t0", "t1")

    warehouse.insert_now("traces", encode_traces(rows), token)
    lost = counts(warehouse, project)
    warehouse.insert_past_views_now("traces", encode_traces(rows[:2]), f"{token}/lost")

    assert lost == [1, 3, 3]
    assert counts(warehouse, project) == [3, 3, 3]
    assert asides(warehouse) == 0


async def test_a_block_of_an_earlier_life_is_completed_and_its_sums_stay(
    warehouse: Warehouse, log: SqliteLog, project: str, tmp_path: Path
) -> None:
    ids = [new_id() for _ in range(3)]
    items = [msgspec.json.encode(trace() | {"trace_id": one}) for one in ids]
    chunk = Chunk(ProjectId(project), "pulse.trace", time.time_ns(), items)
    await append_chunks(log, TRACES.name, {0: chunk})
    book = load_book(tmp_path)
    await _store(warehouse, log, book)
    lose(warehouse, project, ids[1])
    # The crash came before the log was told that the block is stored.
    log._file.connection.execute("UPDATE partitions SET stored_through = -1, committed = 0")
    await log.declare(PARTITION, Intent(0, 0, epoch=log.epoch))

    await _store(warehouse, log, book)

    assert counts(warehouse, project) == [3, 3, 3]


async def _store(warehouse: Warehouse, log: SqliteLog, book: PriceBook) -> None:
    steps = build_steps(
        warehouse, every_step(lambda: Prices(book)), window_s=3600, log2_filter_bits=20
    )
    sink = Sink(steps, log, warehouse, BlockLimits())
    sink.start()
    for record in log.read(PARTITION, 0, 10, 1 << 20):
        await sink.deliver(PARTITION, Delivery(record.offset, record.value))
    assert await sink.drain(TIMEOUT_S)
    await sink.stop()
