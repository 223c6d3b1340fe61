"""A block that is stored again after prices have changed adds up to what its rows say."""

import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from clickhouse.client import Warehouse
from clickhouse.migrate import read_migrations, statements
from eventlog.group_commit import Limits
from eventlog.log import Intent, TopicPartition
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from processors.blocks import Delivery
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import OwnBook, Prices
from processors.pipeline import build_steps
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas.kinds import SPANS, TRACES
from schemas.llm.prices import OwnPrice, PriceDocument, Rates
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.e2e.payloads import span, trace
from tests.every_step import every_step

TIMEOUT_S = 60
FEEDS = {"traces": ("trace_sums_feed", "session_sums_feed"), "spans": ("spans_hourly_feed",)}
SUMS = {
    "traces": (
        "SELECT sum(computed_cost) FROM trace_sums WHERE grain = 'day' AND project_id = {p:String}",
        "SELECT sum(computed_cost) FROM session_sums WHERE project_id = {p:String}",
    ),
    "spans": ("SELECT sum(computed_cost) FROM spans_hourly WHERE project_id = {p:String}",),
}


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    cache: Path = tmp_path_factory.mktemp("prices")
    return load_book(cache)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", partitions=1, limits=Limits(keep_ms=3_600_000))
    yield opened
    opened.close()


@pytest.mark.parametrize("table", ["traces", "spans"])
async def test_views_that_a_crash_left_short_get_the_costs_of_the_rows(
    warehouse: Warehouse, log: SqliteLog, listed: PriceBook, table: str
) -> None:
    project = ProjectId(uuid.uuid4().hex)
    topic = TRACES.name if table == "traces" else SPANS.name
    await append_chunks(log, topic, {0: chunk_of(table, project)})
    feeds = FEEDS[table]
    for feed in feeds:  # so that the views lack the block, as after a crash between the two
        warehouse.command_now("DROP VIEW {feed:Identifier} SYNC", {"feed": feed}, {})
    try:
        await store(warehouse, log, prices(listed, project, "1"), topic)
    finally:
        for feed in feeds:
            restore(warehouse, feed)
    # The crash came before the log was told that the block is stored.
    log._file.connection.execute("UPDATE partitions SET stored_through = -1, committed = 0")
    await log.declare(TopicPartition(topic, 0), Intent(0, 0, epoch=log.epoch))

    await store(warehouse, log, prices(listed, project, "5"), topic)

    rows = f"SELECT sum(computed_cost) FROM {table} WHERE project_id = {{p:String}}"
    sums = [warehouse.query_now(sql, {"p": project}, {}).rows[0][0] for sql in (rows, *SUMS[table])]
    assert set(sums) == {Decimal(3)}  # three items of a million tokens at the first price


def chunk_of(table: str, project: ProjectId) -> Chunk:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    items = [
        trace(**usage)
        if table == "traces"
        else span(
            kind="llm_response",
            event_type="assistant",
            model="gpt-4o",
            metadata={"usage": usage},
        )
        for _ in range(3)
    ]
    wire = "pulse.trace" if table == "traces" else "pulse.span"
    bodies = [msgspec.json.encode(item) for item in items]
    return Chunk(project, wire, time.time_ns(), bodies)


def prices(listed: PriceBook, project: ProjectId, usd: str) -> Prices:
    rates = Rates(input=Decimal(usd), output=Decimal(0))
    document = PriceDocument((OwnPrice(1, "gpt-4o", rates=rates),))
    return Prices(listed, {project: OwnBook(listed, document)})


def restore(warehouse: Warehouse, feed: str) -> None:
    """Makes a view anew, as the last migration that names it does."""
    made = [
        statement
        for migration in read_migrations()
        for statement in statements(migration.text.replace("{replicated}", ""))
        if statement.startswith(f"CREATE MATERIALIZED VIEW IF NOT EXISTS {feed} ")
    ]
    warehouse.command_now(made[-1], None, {})


async def store(warehouse: Warehouse, log: SqliteLog, now: Prices, topic: str) -> None:
    steps = build_steps(warehouse, every_step(lambda: now), window_s=3600, log2_filter_bits=20)
    sink = Sink(steps, log, warehouse, BlockLimits())
    sink.start()
    for record in log.read(TopicPartition(topic, 0), 0, 10, 1 << 20):
        delivery = Delivery(record.offset, record.value)
        await sink.deliver(TopicPartition(topic, 0), delivery)
    assert await sink.drain(TIMEOUT_S)
    await sink.stop()
