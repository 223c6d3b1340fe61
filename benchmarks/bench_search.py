"""Times the search of calls and spans: `python -m benchmarks.bench_search --help`.

The engine makes the rows: messages of 60 words of a vocabulary whose words are as often as those of
a language, each said by a call of OpenTelemetry, whose span has attributes; and as many calls that
came as JSON. One in 10,000 has Chinese and Arabic. What is asked is what `GET /v1/traces` asks.
"""

import argparse
import asyncio
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable

from benchmarks.fill import PROJECT, fill
from clickhouse.attribute_filters import read_attribute
from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.searching import look_up_words
from clickhouse.llm.traces import count_traces, page_of
from clickhouse.migrate import migrate
from clickhouse.otel.span_list import OtelSpanFilter, list_spans
from schemas.projects import ProjectContext, ProjectId

ROWS_PER_INSERT = 250_000
START_US = 1_748_736_000_000_000
DAYS = 30
RANGE_US = DAYS * 86_400_000_000
BUDGET_MS = 200
PROJECT_CONTEXT = ProjectContext(ProjectId(PROJECT))
# One number in, one message, one call and one span out.
COMMON = """
WITH
    cityHash64(number) AS h,
    concat(lower(hex(sipHash128(number))), '-', lower(hex(h))) AS item,
    fromUnixTimestamp64Micro({start_us:Int64}
        + intDiv(toInt64(number) * {step_us:Int64}, 1), 'UTC') AS at,
    toFixedString(sipHash128(number, 1), 16) AS said
"""
MESSAGES = (
    """
INSERT INTO messages (project_id, item_id, hash, role, timestamp, received_at, body)
"""
    + COMMON
    + """
SELECT {project:String}, item, said, 'user', at, at,
    concat('{"role":"user","parts":[{"type":"text","text":"',
        arrayStringConcat(arrayMap(
            place -> concat('w', toString(toUInt32(pow(50000,
                cityHash64(number, place) % 1000000 / 1e6)))),
            range(60)), ' '),
        if(number % 10000 = 77, ' 顺丰速运已经发货 شكرا، جزيلا', ''), '"}]}')
FROM numbers({first:UInt64}, {count:UInt64})
"""
)
CALLS = (
    """
INSERT INTO traces (project_id, trace_id, timestamp, received_at, provider, model_requested, status,
    latency_ms, latency_ns, input_tokens, user_id, scope, convention, service, input_messages)
"""
    + COMMON
    + """
SELECT {project:String}, item, at, at, 'openai', 'gpt-4o', 'success', h % 5000, h % 5000 * 1000000,
    h % 4000, concat('user-', toString(h % 1000)), concat('trace:', substring(item, 1, 32)),
    'genai', 'shop', [said]
FROM numbers({first:UInt64}, {count:UInt64})
"""
)
SPANS = (
    """
INSERT INTO otel_spans (project_id, item_id, trace_id, span_id, timestamp, received_at, duration_ns,
    name, kind, convention, service, status, attributes, resource)
"""
    + COMMON
    + """
SELECT {project:String}, item, substring(item, 1, 32), substring(item, 34), at, at,
    h % 5000 * 1000000, 'chat', 'llm', 'genai', concat('shop-', toString(h % 20)), 'unset',
    CAST(toJSONString(map('size', concat('#', toString(h % 100000)),
        'region', concat('=', ['eu', 'us', 'asia'][h % 3 + 1]))) AS JSON),
    CAST('{"service=2Ename":"=shop"}' AS JSON)
FROM numbers({first:UInt64}, {count:UInt64})
"""
)
ONCE = {"max_insert_block_size": ROWS_PER_INSERT, "min_insert_block_size_rows": ROWS_PER_INSERT}

Question = Callable[[], Awaitable[object]]


def fill_told(warehouse: Warehouse, rows: int) -> None:
    """Inserts so many messages, calls and spans; the same number gives the same rows."""
    for first in range(0, rows, ROWS_PER_INSERT):
        values = {
            "project": PROJECT,
            "start_us": START_US,
            "step_us": RANGE_US // rows,
            "first": first,
            "count": min(ROWS_PER_INSERT, rows - first),
        }
        for sql in (MESSAGES, CALLS, SPANS):
            warehouse.command_now(sql, values, ONCE)


def questions(warehouse: Warehouse) -> list[tuple[str, Question]]:
    """Returns what is asked, by name."""
    asked = {
        "rare word": TraceFilter(words=("w49999",)),
        "word in 1 of 1,000 messages": TraceFilter(words=("w9000",)),
        "word in nearly all": TraceFilter(words=("w2",)),
        "two words": TraceFilter(words=("w900", "w30000")),
        "phrase": TraceFilter(words=("w3 w5",)),
        "Chinese": TraceFilter(words=("速运",)),
        "Arabic": TraceFilter(words=("جزيلا",)),
        "rare word, 1 day": TraceFilter(
            words=("w49999",), from_us=START_US, to_us=START_US + RANGE_US // DAYS
        ),
        "attribute, 1 in 100,000": TraceFilter(attributes=(read_attribute("size", "77"),)),
        "attribute, a third": TraceFilter(attributes=(read_attribute("region", "eu"),)),
        "attribute, a range": TraceFilter(
            attributes=(read_attribute("size", ">=10"), read_attribute("size", "<20"))
        ),
        "user and latency": TraceFilter(user="user-5", min_latency_ms=4_000),  # type: ignore[arg-type]  # compared and scaled alone
    }
    found = [(name, _traces(warehouse, wanted)) for name, wanted in asked.items()]
    spans = {
        "spans: a service": OtelSpanFilter(
            from_us=START_US, to_us=START_US + RANGE_US, named=(("service", "shop-5"),)
        ),
        "spans: attribute, 1 in 100,000": OtelSpanFilter(
            from_us=START_US,
            to_us=START_US + RANGE_US,
            attributes=(read_attribute("size", "77"),),
        ),
    }
    return found + [(name, _spans(warehouse, wanted)) for name, wanted in spans.items()]


def _traces(warehouse: Warehouse, wanted: TraceFilter) -> Question:
    async def ask() -> object:
        searched = await look_up_words(warehouse, PROJECT_CONTEXT, wanted, None)
        page = await page_of(warehouse, PROJECT_CONTEXT, searched, limit=100)
        table = page.selection.table
        return await asyncio.gather(
            table.read(warehouse, PROJECT_CONTEXT, page.selection.where, "DESC"),
            count_traces(warehouse, PROJECT_CONTEXT, searched),
        )

    return ask


def _spans(warehouse: Warehouse, wanted: OtelSpanFilter) -> Question:
    return lambda: list_spans(warehouse, PROJECT_CONTEXT, wanted, limit=100)


async def measure(warehouse: Warehouse, times: int, only: str) -> None:
    """Asks every question `times` times after one warm-up and prints what it took."""
    print(f"{'question':34} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8}")
    for name, question in questions(warehouse):
        if only not in name:
            continue
        took, worked = [], []
        for _ in range(times + 1):
            began, cpu = time.perf_counter(), _cpu_ms()
            await question()
            took.append((time.perf_counter() - began) * 1000)
            worked.append(_cpu_ms() - cpu)
        took = sorted(took[1:])
        p50, p95 = statistics.median(took), took[min(int(len(took) * 0.95), len(took) - 1)]
        mark = "  over" if p50 > BUDGET_MS else ""
        cpu = statistics.median(worked[1:])
        print(f"{name:34} {p50:8.1f} {p95:8.1f} {cpu:8.1f}{mark}", flush=True)


def _cpu_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


def main() -> None:
    """Fills a store of its own and measures it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="messages; as many JSON traces")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", default="", help="a part of the questions' names")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="sluice-bench-search-")
    warehouse = Warehouse(f"chdb://{directory}")
    migrate(warehouse)
    began = time.perf_counter()
    fill_told(warehouse, options.rows)
    fill(warehouse, options.rows)
    print(f"{options.rows:,} of each, filled in {time.perf_counter() - began:.0f} s")
    asyncio.run(measure(warehouse, options.times, options.only))
    warehouse.close()
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
