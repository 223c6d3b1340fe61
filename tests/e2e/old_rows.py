"""Writes to, and counts in, a stopped server's store; a program, for chDB wants its own process."""

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path

from clickhouse.client import Warehouse
from clickhouse.retention import tables_with_data
from clickhouse.tables import encode_traces
from schemas.projects import ProjectId
from schemas.rows import Position, TraceRow

DAY_US = 86_400_000_000


def add_trace_of_age(data_dir: Path, project_id: str, days: int) -> None:
    """Stores a trace as if it had been received so many days ago."""
    _run(data_dir, "add", project_id, str(days))


def count_rows(data_dir: Path, project_id: str) -> dict[str, int]:
    """Returns, for each table that holds any, how many rows of the project it holds."""
    found: dict[str, int] = json.loads(_run(data_dir, "count", project_id))
    return found


def _run(data_dir: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "tests.e2e.old_rows", str(data_dir / "warehouse"), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _add(warehouse: Warehouse, project_id: str, days: int) -> None:
    at_us = time.time_ns() // 1000 - days * DAY_US
    row = TraceRow(
        project_id=ProjectId(project_id),
        trace_id=str(uuid.uuid4()),
        session_id=f"{days} days",
        timestamp_us=at_us,
        received_at_us=at_us,
        provider="openai",
        model_requested="gpt-4o",
        model_used=None,
        provider_request_id=None,
        status="success",
        latency_ms=1.0,
        input_tokens=1,
        output_tokens=1,
        cache_read_tokens=None,
        cache_write_tokens=None,
        reasoning_tokens=None,
        computed_cost_pico=1,
        reported_cost_pico=None,
        price_id="",
        environment="",
        user_id="",
        tags={},
        finish_reason=None,
        output_text=None,
        request_body="{}",
        response_body="",
        error="",
        metadata="",
        position=Position("old", 0, days),
    )
    warehouse.insert_now("traces", encode_traces([row]), f"old {days}")


def _count(warehouse: Warehouse, project_id: str) -> dict[str, int]:
    import asyncio

    counts = {}
    for table in asyncio.run(tables_with_data(warehouse)):
        sql = f"SELECT count() FROM {table} WHERE project_id = {{project_id:String}}"
        count = warehouse.query_now(sql, {"project_id": project_id}, {}).rows[0][0]
        if count:
            counts[table] = count
    return counts


def _main(path: str, verb: str, project_id: str, *rest: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    if verb == "add":
        _add(warehouse, project_id, int(rest[0]))
    else:
        json.dump(_count(warehouse, project_id), sys.stdout)
    warehouse.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
