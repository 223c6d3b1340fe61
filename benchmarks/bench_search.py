"""Times the search of calls and spans: `python -m benchmarks.bench_search --help`.

The engine makes the rows: messages of 60 words of a vocabulary whose words are as often as those of
a language, each said by a call of OpenTelemetry, whose span has attributes; and as many calls that
came as JSON. One in 10,000 has Chinese and Arabic. Another project has calls that came as JSON with
200 of these words. What is asked is what `GET /v1/traces` asks.
"""

import argparse
import asyncio
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.fill import PROJECT, fill
from clickhouse.attribute_filters import read_attribute
from clickhouse.client import QUERY_SETTINGS, Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.searching import search_page
from clickhouse.llm.traces import TracePage, count_traces, page_of
from clickhouse.migrate import migrate
from clickhouse.otel.span_list import OtelSpanFilter, list_spans
from schemas.projects import ProjectContext, ProjectId

ROWS_PER_INSERT = 250_000
START_US = 1_748_736_000_000_000
DAYS = 30
RANGE_US = DAYS * 86_400_000_000
BUDGET_MS = 200
PROJECT_CONTEXT = ProjectContext(ProjectId(PROJECT))
BODIES_CONTEXT = ProjectContext(ProjectId(f"{PROJECT}-bodies"))
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
BODIES = """
INSERT INTO traces (project_id, trace_id, timestamp, received_at, provider, model_requested, status,
    latency_ms, latency_ns, request_body, output_text)
WITH arrayMap(place -> concat('w', toString(toUInt32(pow(50000,
    cityHash64(number, place) % 1000000 / 1e6)))), range(200)) AS words
SELECT {project:String}, lower(hex(sipHash128(number))),
    fromUnixTimestamp64Micro({start_us:Int64} + toInt64(number) * {step_us:Int64}, 'UTC') AS at, at,
    'openai', 'gpt-4o', 'success', 1, 1000000,
    concat('{"model":"gpt-4o","messages":[{"role":"user","content":"',
        arrayStringConcat(arraySlice(words, 1, 160), ' '), '"}]}'),
    arrayStringConcat(arraySlice(words, 161), ' ')
FROM numbers({first:UInt64}, {count:UInt64})
"""
ONCE = {"max_insert_block_size": ROWS_PER_INSERT, "min_insert_block_size_rows": ROWS_PER_INSERT}

Question = Callable[[], Awaitable[object]]


def fill_told(warehouse: Warehouse, rows: int) -> None:
    """Inserts so many messages, calls and spans; the same number gives the same rows."""
    _fill(warehouse, (MESSAGES, CALLS, SPANS), PROJECT, rows)


def fill_bodies(warehouse: Warehouse, rows: int) -> None:
    """Inserts so many calls that came as JSON, into a project of their own."""
    _fill(warehouse, (BODIES,), BODIES_CONTEXT.project_id, rows)


def _fill(warehouse: Warehouse, statements: Sequence[str], project: str, rows: int) -> None:
    for first in range(0, rows, ROWS_PER_INSERT):
        values = {
            "project": project,
            "start_us": START_US,
            "step_us": RANGE_US // rows,
            "first": first,
            "count": min(ROWS_PER_INSERT, rows - first),
        }
        for sql in statements:
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
    bodies = {
        "bodies: rare word": TraceFilter(words=("w49999",)),
        "bodies: word in 1 of 500": TraceFilter(words=("w9000",)),
        "bodies: word in nearly all": TraceFilter(words=("w2",)),
        "bodies: word in none": TraceFilter(words=("w50001",)),
    }
    found = [(name, _traces(warehouse, wanted)) for name, wanted in asked.items()]
    found += [(name, _traces(warehouse, one, BODIES_CONTEXT)) for name, one in bodies.items()]
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


def _traces(
    warehouse: Warehouse, wanted: TraceFilter, project: ProjectContext = PROJECT_CONTEXT
) -> Question:
    async def ask() -> object:
        if wanted.words:
            page = (await search_page(warehouse, project, wanted, limit=100)).page
            return await _rows(warehouse, project, page)
        page = await page_of(warehouse, project, wanted, limit=100)
        return await asyncio.gather(
            _rows(warehouse, project, page), count_traces(warehouse, project, wanted)
        )

    return ask


async def _rows(warehouse: Warehouse, project: ProjectContext, page: TracePage) -> object:
    selected = page.selection
    return await selected.table.read(warehouse, project, selected.where, "DESC")


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
    parser.add_argument("--bodies", type=int, default=250_000, help="JSON traces with the words")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", default="", help="a part of the questions' names")
    options = parser.parse_args()
    # What one asks who has not asked it before: the engine would know which granules have nothing.
    QUERY_SETTINGS["use_query_condition_cache"] = 0
    directory = tempfile.mkdtemp(prefix="sluice-bench-search-")
    warehouse = Warehouse(f"chdb://{directory}")
    migrate(warehouse)
    began = time.perf_counter()
    fill_told(warehouse, options.rows)
    fill(warehouse, options.rows)
    fill_bodies(warehouse, options.bodies)
    print(f"{options.rows:,} of each, filled in {time.perf_counter() - began:.0f} s")
    asyncio.run(measure(warehouse, options.times, options.only))
    warehouse.close()
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
