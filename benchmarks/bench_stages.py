"""Processor time of each stage for one event: `python -m benchmarks.bench_stages`.

Each stage runs alone, in this process, on the same seeded traces in batches of 100; the figures
are the best of several rounds. What they leave out (HTTP, Faust, the engine's own threads) is the
difference to what `bench_ingest` measures from outside.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.generate import fill, generators_by_kind
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from clickhouse.tables import encode
from eventlog.log import TopicPartition
from eventlog.records import Chunk, decode_chunks, encode_chunks
from ingest.llm.pulse import frame_array, trace_frame
from processors.assemble import Arrived, assemble
from processors.blocks import Block
from processors.fresh import choose
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.llm.cost.usage import Usage
from processors.llm.steps import steps
from processors.llm.traces import decode_trace, trace_row
from schemas.checkpoints import Intent
from schemas.kinds import TRACE
from schemas.llm.wire import TraceItem
from schemas.projects import ProjectId

T = TypeVar("T")
EVENTS = 10_000
BATCH = 100
PROJECT = ProjectId("bench")
KEY_ID = "3f2a1b9c-0d4e-4f6a-8b7c-1d2e3f4a5b6c"


def stage(name: str, work: Callable[[], T], rounds: int = 5) -> T:
    """Runs a stage over all events, prints the best time for one event, returns its result."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    print(f"{name:<52} {best / EVENTS * 1e6:>7.2f} us")
    return result


def main() -> None:
    """Runs every stage."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-stages-") as directory:
        run(Path(directory))


def run(directory: Path) -> None:
    """Runs every stage in the order in which an event meets them."""
    book = load_book(directory / "cache")
    frame = trace_frame()
    sent = generators_by_kind()[TRACE.name].bodies(1, EVENTS // BATCH, BATCH)
    bodies = [fill(body)[0] for body in sent]
    print(f"{EVENTS} traces of {sum(map(len, bodies)) / EVENTS:,.0f} bytes")
    framed = stage("edge: split and validate", lambda: [frame_array(b, frame) for b in bodies])
    chunks = [
        Chunk(PROJECT, frame.wire, time.time_ns(), one.items, key_id=KEY_ID) for one in framed
    ]
    records = stage("log: encode and compress", lambda: [encode_chunks([c]) for c in chunks])
    print(f"  a record holds {sum(map(len, records)) / EVENTS:,.0f} bytes an event")
    stage("stream: decompress and split", lambda: [decode_chunks(value) for value in records])
    texts = [body for one in framed for body in one.items]
    items: list[TraceItem] = stage("stream: decode", lambda: [decode_trace(t) for t in texts])
    usages = [Usage(item.input_tokens, item.output_tokens) for item in items]
    stage(
        "stream: price",
        lambda: [
            book.price_used_or_requested(i.provider, i.model_used, i.model_requested, 0, u)
            for i, u in zip(items, usages, strict=True)
        ],
    )
    stage("stream: build rows (prices included)", lambda: [trace_row(i, book) for i in items])
    step = steps(lambda: Prices(book))["trace"]
    block = Block(TopicPartition("raw.traces", 0), "bench", Intent(0, 99), [], repeated=False)
    arrived = [Arrived(chunk, offset, 0) for offset, chunk in enumerate(chunks)]
    built = stage("stream: all from items to columns", lambda: assemble(block, step, arrived))
    assert built.batch is not None
    batch = built.batch
    chosen = stage("stream: leave out what came before", lambda: choose(block, batch, {}))
    rows = batch.rows(TRACE.tables[0], chosen.new)
    block_rows = stage("sink: encode columns", lambda: encode(rows))
    warehouse = Warehouse(f"chdb://{directory / 'warehouse'}")
    migrate(warehouse)
    token = iter(range(1_000))
    stage(
        "store: insert with rollups, fsynced, 10,000 rows",
        lambda: warehouse.insert_now("traces", block_rows, f"bench {next(token)}"),
    )
    warehouse.close()


if __name__ == "__main__":
    main()
