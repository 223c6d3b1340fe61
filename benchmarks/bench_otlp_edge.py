"""Processor time of the edge for one span of OTLP: `python -m benchmarks.bench_otlp_edge`.

Spans of 1.6 KB, in gzip protobuf, 200 a request, from the body to the log's file: reading,
inflating, splitting, checking, packing, writing. HTTP is left out; `bench_ingest` measures it.
"""

import asyncio
import gzip
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from eventlog.log import Addressed, EventLog, TopicPartition
from eventlog.records import Refusal
from eventlog.sqlite_log import SqliteLog
from ingest.body import Incoming
from ingest.edge import Edge, EdgeLimits
from ingest.otel.forms import forms
from ingest.otel.frames import SPANS, Frame
from schemas.kinds import OTEL_SPAN
from schemas.otel.bounds import STANDARD
from schemas.projects import ProjectContext, ProjectId

SEED = 14
BATCH, REQUESTS, ROUNDS = 200, 50, 5
ATTRIBUTES, CHARS = 18, 66
WORDS = ("order", "late", "parcel", "refund", "address", "please", "tomorrow", "invoice")
PROTOBUF = {"content-type": "application/x-protobuf"}


def request(chance: random.Random) -> bytes:
    """Makes a request of spans with ids of their own."""
    sent = ExportTraceServiceRequest()
    sender = sent.resource_spans.add()
    for number in range(8):
        _put(sender.resource.attributes, f"host.detail{number}", chance.randbytes(10).hex())
    library = sender.scope_spans.add()
    library.scope.name = "benchmark"
    now = time.time_ns()
    for _ in range(BATCH):
        span = library.spans.add(trace_id=chance.randbytes(16), span_id=chance.randbytes(8))
        span.name, span.kind = "chat gpt-4o", 3
        span.start_time_unix_nano, span.end_time_unix_nano = now - 10**9, now
        for number in range(ATTRIBUTES):
            text = " ".join(chance.choices(WORDS, k=CHARS // 6))
            _put(span.attributes, f"app.attribute{number}", text[:CHARS])
    body: bytes = sent.SerializeToString()
    return body


def main() -> None:
    """Prints the figures."""
    chance = random.Random(SEED)
    bodies = [request(chance) for _ in range(REQUESTS)]
    print(f"seed {SEED}, {len(bodies[0]) // BATCH} bytes a span, {BATCH} spans a request")
    zipped = [gzip.compress(body, 6) for body in bodies]
    print(f"inflating {_best(lambda: [gzip.decompress(one) for one in zipped]):.2f} us a span")
    print(f"splitting, checking, packing {_best(lambda: [_frame(one) for one in bodies]):.2f} us")
    with tempfile.TemporaryDirectory(prefix="sluice-bench-otlp-") as folder:
        event_log = SqliteLog(Path(folder) / "log.db")
        print(f"the edge before its log {asyncio.run(_through(_Nowhere(), zipped)):.2f} us a span")
        print(f"the edge and its log {asyncio.run(_through(event_log, zipped)):.2f} us a span")
        event_log.close()


def _frame(body: bytes) -> None:
    Frame(SPANS, "protobuf", STANDARD, 16 << 20).split(body)


def _best(work: Any) -> float:
    spent = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return min(spent) / (REQUESTS * BATCH) * 1e6


class _Nowhere:
    """A log that takes everything and keeps nothing."""

    log_id = epoch = "nowhere"

    def partitions(self, _: str) -> int:
        """Returns how many partitions each topic has."""
        return 1

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Takes them."""
        return {place: 0 for place, _ in chunks}

    async def append_refusals(self, _: Sequence[Refusal]) -> None:
        """Takes them."""


async def _through(event_log: EventLog, zipped: list[bytes]) -> float:
    edge = Edge(
        event_log,
        forms(),
        EdgeLimits(),
        read_back=_read_nothing_back,
        lags_s=lambda: (),
        fullness=lambda: 0.0,
    )
    project = ProjectContext(ProjectId("bench"))
    spent = []
    for _ in range(ROUNDS):
        started = time.process_time()
        # Eight at a time, as many exporters would.
        for first in range(0, len(zipped), 8):
            sent = (
                Incoming(_one(one), "gzip", None, PROTOBUF) for one in zipped[first : first + 8]
            )
            await asyncio.gather(*(edge.accept(project, OTEL_SPAN.name, one) for one in sent))
        spent.append(time.process_time() - started)
    return min(spent) / (REQUESTS * BATCH) * 1e6


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _read_nothing_back(*_: Any) -> None:
    raise AssertionError("nothing is read back")


def _put(attributes: Any, key: str, text: str) -> None:
    attributes.add(key=key).value.string_value = text


if __name__ == "__main__":
    main()
