"""Trees of large traces, and lists of many, timed: `python -m benchmarks.bench_tree`.

It fills a store of its own with traces of 10,000 and of 100,000 spans, half of them calls of
models with messages, and with many small traces over a month. Then it asks what the API asks, and
prints the median and the longest time, the time of the processors, and the most memory used.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from msgspec import json

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from clickhouse.otel.service_map import read_map
from clickhouse.otel.services import hours_around, list_services
from clickhouse.otel.summaries import summarise
from clickhouse.otel.trace_list import OtelTraceFilter, find_traces
from clickhouse.otel.trees import Cursor, Page, read_tree
from schemas.projects import ProjectContext, ProjectId

PROJECT = ProjectContext(ProjectId("bench"))
NOW_US = time.time_ns() // 1000
DAY_US = 86_400_000_000
# A span calls up to ten others; its id is its number.
SPANS = """
INSERT INTO otel_spans (project_id, item_id, trace_id, span_id, parent_span_id, timestamp,
    received_at, duration_ns, name, span_kind, kind, service, status, attributes, input_messages)
SELECT 'bench', concat(trace_id, '-', span_id), {trace:String} AS trace_id,
    lower(leftPad(hex(number + 1), 16, '0')) AS span_id,
    if(number = 0, '', lower(leftPad(hex(intDiv(number - 1, 10) + 1), 16, '0'))),
    fromUnixTimestamp64Micro({at_us:Int64} + toInt64(number) * 100, 'UTC'), now64(6), 5000000,
    concat('span ', toString(number % 50)), if(number % 2, 'client', 'server'),
    if(number % 2, 'llm', 'span'), concat('service-', toString(number % 8)),
    if(number % 100 = 0, 'error', 'ok'), '{"http=2Eroute":"=/orders"}', []
FROM numbers({count:UInt64})
"""
CALLS = """
INSERT INTO traces (project_id, trace_id, timestamp, received_at, provider, model_requested, status,
    input_tokens, output_tokens, computed_cost, scope, span_id, convention, input_messages)
SELECT 'bench', item_id, timestamp, received_at, 'openai', 'gpt-4o', 'success', 1000, 100, 0.0035,
    concat('trace:', trace_id), span_id, 'genai',
    [toFixedString(unhex(leftPad(hex(rowNumberInAllBlocks() % 500), 32, '0')), 16)]
FROM otel_spans
WHERE kind = 'llm' AND trace_id = {trace:String}
"""
MESSAGES = """
INSERT INTO messages (project_id, item_id, hash, role, timestamp, received_at, body)
SELECT 'bench', 'x', toFixedString(unhex(leftPad(hex(number), 32, '0')), 16), 'user', now64(6),
    now64(6), concat('{"role":"user","parts":[{"type":"text","text":"', repeat('word ', 300),
    '"}]}')
FROM numbers(500)
"""
MANY = """
INSERT INTO otel_spans (project_id, item_id, trace_id, span_id, parent_span_id, timestamp,
    received_at, duration_ns, name, span_kind, kind, service, status)
SELECT 'bench', concat(trace_id, '-', span_id), hex(MD5(toString(intDiv(number, 10)))) AS trace_id,
    lower(leftPad(hex(number + 1), 16, '0')) AS span_id,
    if(number % 10 = 0, '', lower(leftPad(hex(intDiv(number, 10) * 10 + 1), 16, '0'))),
    fromUnixTimestamp64Micro({at_us:Int64} - toInt64({step:UInt64} * intDiv(number, 10))
        + toInt64(number % 10) * 1000, 'UTC'),
    now64(6), 5000000 + number % 1000, concat('span ', toString(number % 50)),
    if(number % 2, 'client', 'server'), 'span', concat('service-', toString(number % 8)),
    if(number % 997 = 0, 'error', 'ok')
FROM numbers({from:UInt64}, {count:UInt64})
"""
AT_ONCE = 500_000


def main() -> None:
    """Fills a store and asks it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000, help="of small traces of ten")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(f"chdb://{folder}")
        migrate(warehouse)
        fill(warehouse, options.spans)
        for name, ask in questions(warehouse):
            show(name, ask, options.times)
        warehouse.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"most memory of the process, store included: {peak_mb} MB")


def fill(warehouse: Warehouse, spans: int) -> None:
    """Stores both large traces, and small ones over thirty days before them."""
    for count in (10_000, 100_000):
        values = {"trace": trace_of(count), "count": count, "at_us": NOW_US}
        warehouse.command_now(SPANS, values, {})
        warehouse.command_now(CALLS, values, {})
    warehouse.command_now(MESSAGES, {}, {})
    step = 30 * DAY_US // max(1, spans // 10)
    for first in range(0, spans, AT_ONCE):
        values = {"from": first, "count": min(AT_ONCE, spans - first), "step": step}
        warehouse.command_now(MANY, values | {"at_us": NOW_US - 60_000_000}, {})


def questions(warehouse: Warehouse) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Yields what is asked."""
    for count in (10_000, 100_000):
        for limit, cursor in ((1_000, 0), (10_000, 0), (1_000, count // 2)):
            page = Page(limit, Cursor(cursor))
            yield (
                f"tree of {count:,}: {limit:,} from {cursor:,}",
                lambda count=count, page=page: read_tree(warehouse, PROJECT, trace_of(count), page),
            )
    rare = OtelTraceFilter(service="service-7", status="error")
    yield "list, newest 100", lambda: listed(warehouse, OtelTraceFilter())
    yield "list, failed ones of a service", lambda: listed(warehouse, rare)
    yield "list, none", lambda: listed(warehouse, OtelTraceFilter(service="none"))
    month = hours_around(NOW_US - 30 * DAY_US, NOW_US)
    yield "services of 30 days", lambda: list_services(warehouse, PROJECT, month, limit=100)
    yield "map of 30 days", lambda: read_map(warehouse, PROJECT, month)


async def listed(warehouse: Warehouse, wanted: OtelTraceFilter) -> list[Any]:
    """Returns a page of the list, as the API asks for it."""
    found = await find_traces(warehouse, PROJECT, wanted, limit=101, beyond=None)
    moments = [place.us for place in found] or [0]
    ids = [place.trace_id for place in found[:100]]
    return await summarise(warehouse, PROJECT, ids, first_us=min(moments), last_us=max(moments))


def show(name: str, ask: Callable[[], Awaitable[Any]], times: int) -> None:
    """Prints how long it takes, JSON included."""
    took, size = [], 0
    begun = time.process_time()
    for _ in range(times):
        begin = time.perf_counter()
        size = len(json.encode(asyncio.run(_answered(ask))))
        took.append((time.perf_counter() - begin) * 1000)
    of_cpu = (time.process_time() - begun) * 1000 / times
    waited = f"median {statistics.median(took):6.0f} ms  max {max(took):6.0f} ms"
    print(f"{name:36} cpu {of_cpu:6.0f} ms  {waited}  {size / 1e6:5.2f} MB")


async def _answered(ask: Callable[[], Awaitable[Any]]) -> Any:
    return await ask()


def trace_of(count: int) -> str:
    """Returns the id of the large trace of so many spans."""
    return f"{count:032x}"


if __name__ == "__main__":
    main()
