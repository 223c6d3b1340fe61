"""Fills a store with millions of seeded traces and spans: `python -m benchmarks.fill --help`.

The engine makes the rows itself (`INSERT ... SELECT` from `numbers`), so that a fill measures
nothing of ours. 30 days, 8 models of 3 providers (one model unpriced), 1,000 users, sessions of
20 traces on average, 3 environments, 4 metadata keys. Bodies are short by default (about 300
bytes a trace together): no analytics query reads them, and a list reads those of one page. Spans
come as turns of five: two tool calls of a start and an end event each, and a model's answer; 20
turns a session.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.keep_days import Day, build, seal
from clickhouse.migrate import migrate
from schemas.projects import ProjectId

PROJECT = "bench"
START = "2025-06-01 00:00:00"
FIRST_DAY = date(2025, 6, 1)
DAYS = 30
KEPT_PATHS = ("", "team", "feature")
"""Users, and two keys of the metadata."""
ON_DISK = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active"
ROWS_PER_INSERT = 500_000

# One number in, one trace out: every "random" value is a hash of the row's number and a salt.
FILL_TRACES = """
INSERT INTO traces
    (project_id, trace_id, session_id, timestamp, received_at, provider, model_requested,
     model_used, provider_request_id, status, latency_ms, latency_ns, input_tokens, output_tokens,
     cache_read_tokens, cache_write_tokens, reasoning_tokens, computed_cost, reported_cost,
     price_id, environment, user_id, tags, finish_reason, output_text, request_body,
     response_body, error, metadata, log_id, log_partition, log_offset)
WITH
    cityHash64(number, {seed:UInt64}) AS h,
    intDiv(number, 20000) * 1000 + h % 1000 AS session,
    cityHash64(session, {seed:UInt64}) AS sh,
    if(h % 5 = 0, cityHash64(h), sh) % 8 + 1 AS m,
    pow(10, (bitShiftRight(h, 8) % 1024 + bitShiftRight(h, 18) % 1024
        + bitShiftRight(h, 28) % 1024) / 1024 + 1.4) AS latency,
    toUInt64(pow(10, bitShiftRight(h, 20) % 1000 / 400 + 1.5)) AS input,
    bitShiftRight(h, 30) % 1500 AS output,
    {start:DateTime64(6, 'UTC')}
        + toIntervalMicrosecond(toInt64(
            intDiv(toUInt128(number) * {span_us:UInt64}, {total:UInt64}))) AS at,
    bitShiftRight(h, 5) % 50 = 0 AS failed
SELECT
    {project:String},
    UUIDNumToString(sipHash128(number, {seed:UInt64})),
    if(sh % 50 = 0, '', concat('session-', toString(session))),
    at,
    at + toIntervalMicrosecond(h % 2000000),
    ['openai', 'openai', 'openai', 'anthropic', 'anthropic', 'anthropic', 'openrouter',
        'openrouter'][m],
    ['gpt-4o', 'gpt-4o-mini', 'o3-mini', 'claude-sonnet-4', 'claude-haiku-3.5', 'claude-opus-4',
        'llama-3.3-70b', 'house-model'][m] AS model,
    concat(model, '-2025-05-01'),
    concat('req_', hex(h)),
    if(failed, 'error', 'success'),
    round(latency, 3) AS latency_ms,
    toUInt64(round(latency_ms * 1e6)),
    input,
    if(failed, NULL, output),
    if(h % 3 = 0, intDiv(input, 2), NULL),
    if(h % 11 = 0, intDiv(input, 4), NULL),
    if(m = 3, intDiv(output, 2), NULL),
    if(m = 8, NULL, toDecimal128((input * (m * 400000) + output * (m * 1600000)) / 1e12, 12)),
    if(h % 10 = 3, toDecimal128((input * (m * 400000) + output * (m * 1500000)) / 1e12, 12), NULL),
    if(m = 8, '', concat('2025-05:', model)),
    ['production', 'production', 'production', 'staging', 'development'][sh % 5 + 1],
    concat('user-', toString(toUInt32(pow(sh % 1000000 / 1e6, 2) * 1000))) AS user,
    CAST(toJSONString(map(
        'team', concat('=team-', toString(sh % 20)),
        'feature', concat('=feature-', toString(bitShiftRight(h, 12) % 10)),
        'release', concat('=1.', toString(toDayOfYear(at))),
        'request', concat('=', hex(h))
    )) AS JSON(max_dynamic_paths = 32, max_dynamic_types = 1)),
    if(failed, NULL, 'stop'),
    if(failed, NULL, substring({filler:String}, h % 500 + 1, 80)),
    concat('{"model":"', model, '","messages":[{"role":"user","content":"',
        substring({filler:String}, bitShiftRight(h, 16) % 500 + 1, {body:UInt32}), '"}]}'),
    if(failed, '', concat('{"id":"', hex(h), '","choices":[]}')),
    if(failed, '{"message":"rate limited","code":429}', ''),
    concat('{"team":"team-', toString(sh % 20), '"}'),
    'bench',
    0,
    number
FROM numbers({first:UInt64}, {count:UInt64})
SETTINGS max_insert_block_size = 500000, min_insert_block_size_rows = 500000, max_threads = 1
"""
# Five numbers in, one turn of a session out; an end event carries no duration of its own.
FILL_SPANS = """
INSERT INTO spans
    (project_id, span_id, session_id, timestamp, received_at, duration_ms, source, kind,
     event_type, status, pair_key, pair_role, tool_use_id, tool_name, model, input_tokens,
     output_tokens, computed_cost, price_id, tool_input, tool_response, log_id, log_partition,
     log_offset)
WITH
    intDiv(number, 5) AS turn,
    number % 5 AS step,
    cityHash64(turn, {seed:UInt64}) AS h,
    intDiv(turn, 1000) * 50 + h % 50 AS session,
    cityHash64(session, {seed:UInt64}) AS sh,
    step = 4 AS answered,
    step IN (1, 3) AS ended,
    cityHash64(turn, intDiv(step, 2)) AS call,
    {start:DateTime64(6, 'UTC')}
        + toIntervalMicrosecond(
            toInt64(intDiv(toUInt128(turn) * 5 * {span_us:UInt64}, {total:UInt64}))
            + intDiv(step, 2) * 9000000 + if(ended, call % 8000000, 0)) AS at
SELECT
    {project:String},
    UUIDNumToString(sipHash128(number, {seed:UInt64})),
    UUIDNumToString(sipHash128(session, {seed:UInt64})),
    at,
    at + toIntervalMicrosecond(h % 2000000),
    if(answered, h % 20000000 / 1000, NULL),
    ['claude_code', 'claude_code', 'codex', 'opencode'][sh % 4 + 1],
    if(answered, 'llm_response', 'tool_use'),
    if(answered, 'assistant_message', if(ended, 'post_tool_use', 'pre_tool_use')),
    if(ended AND call % 20 = 0, 'error', 'success'),
    if(answered, '', concat('toolu_', hex(call))) AS pair,
    if(answered, '', if(ended, 'end', 'start')),
    nullIf(pair, ''),
    if(answered, NULL, ['Bash', 'Read', 'Edit', 'Grep', 'Write', 'Task'][call % 6 + 1]),
    if(answered, 'claude-sonnet-4', NULL),
    if(answered, h % 30000, NULL),
    if(answered, h % 2000, NULL),
    if(answered, toDecimal128((h % 30000 * 3 + h % 2000 * 15) / 1e6, 12), NULL),
    if(answered, '2025-05:claude-sonnet-4', ''),
    if(answered, '', concat('{"command":"', substring({filler:String}, h % 500 + 1, 60), '"}')),
    if(ended, concat('"', substring({filler:String}, h % 400 + 1, 100), '"'), ''),
    'bench',
    0,
    number
FROM numbers({first:UInt64}, {count:UInt64})
SETTINGS max_insert_block_size = 500000, min_insert_block_size_rows = 500000, max_threads = 1
"""
FILLER = "The quick brown fox jumps over the lazy dog while 1,000 tokens stream past. " * 20


class Bounds(NamedTuple):
    """What a fill may take; it stops at the first that is reached, at a whole statement."""

    minutes: float = 60.0
    gigabytes: float = 40.0
    """Of tables on the disk."""


def fill(
    warehouse: Warehouse,
    rows: int,
    *,
    seed: int = 7,
    body_bytes: int = 150,
    project: str = PROJECT,
    bounds: Bounds | None = None,
) -> int:
    """Inserts `rows` traces of a project; the same seed and size give the same rows.

    Returns how many there are: fewer where a bound was reached, and then the last days are missing.
    """
    given: dict[str, int | str] = {"seed": seed, "body": body_bytes, "project": project}
    return _fill(warehouse, FILL_TRACES, rows, given, bounds or Bounds())


def fill_spans(warehouse: Warehouse, rows: int, *, seed: int = 7, project: str = PROJECT) -> int:
    """Inserts `rows` spans of a project; the same seed and size give the same rows."""
    return _fill(warehouse, FILL_SPANS, rows, {"seed": seed, "project": project}, Bounds())


def keep_days(warehouse: Warehouse, *, project: str = PROJECT) -> None:
    """Builds the kept days of `KEPT_PATHS`, as the upkeep does for what people ask for."""
    for path in KEPT_PATHS:
        for number in range(DAYS + 1):
            day = Day(ProjectId(project), path, FIRST_DAY + timedelta(days=number))
            asyncio.run(_keep(warehouse, day))


async def _keep(warehouse: Warehouse, day: Day) -> None:
    number = time.time_ns() // 1000
    if await build(warehouse, day, number):
        await seal(warehouse, day, number)


def gigabytes(warehouse: Warehouse) -> float:
    """Returns what the tables of a store take on the disk."""
    return float(warehouse.query_now(ON_DISK, None, {}).rows[0][0]) / 1e9


def _fill(
    warehouse: Warehouse,
    statement: str,
    rows: int,
    given: Mapping[str, int | str],
    bounds: Bounds,
) -> int:
    deadline = time.monotonic() + 60 * bounds.minutes
    for first in range(0, rows, ROWS_PER_INSERT):
        if time.monotonic() > deadline or gigabytes(warehouse) > bounds.gigabytes:
            return first
        values = {
            **given,
            "start": START,
            "span_us": DAYS * 86_400_000_000,
            "total": rows,
            "filler": FILLER,
            "first": first,
            "count": min(ROWS_PER_INSERT, rows - first),
        }
        warehouse.command_now(statement, values, {"max_partitions_per_insert_block": 0})
    return rows


def main() -> None:
    """Fills the store named on the command line and says how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="chdb:///some/directory or http://host:8123")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--spans", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--body-bytes", type=int, default=150)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so many")
    parser.add_argument("--gigabytes", type=float, default=40.0, help="stop at so many on the disk")
    options = parser.parse_args()
    warehouse = Warehouse(options.url)
    migrate(warehouse)
    began = time.perf_counter()
    bounds = Bounds(options.minutes, options.gigabytes)
    size = {"seed": options.seed, "body_bytes": options.body_bytes}
    rows = fill(warehouse, options.rows, bounds=bounds, **size)
    rows += fill_spans(warehouse, options.spans, seed=options.seed)
    took, disk = time.perf_counter() - began, gigabytes(warehouse)
    print(f"{rows:,} traces and spans in {took:.1f} s: {rows / took:,.0f}/s, {disk:.1f} GB")
    began, used = time.perf_counter(), time.process_time()
    keep_days(warehouse)
    took, used, disk = (
        time.perf_counter() - began,
        time.process_time() - used,
        gigabytes(warehouse) - disk,
    )
    print(f"days kept in {took:.1f} s, {used:.1f} s of processor time, {disk:.2f} GB")
    warehouse.close()


if __name__ == "__main__":
    main()
