"""Writes to, and counts in, a stopped server's store; a program, for chDB wants its own process.

Dead letters are in the log, which takes none.
"""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clickhouse.client import Warehouse
from clickhouse.tables import encode_outcomes
from eventlog import sqlite_file
from eventlog.dead_letters import DeadLetterBox
from eventlog.log import TopicPartition
from eventlog.records import DeadLetter, encode_dead
from eventlog.topics import DEAD
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.integration.queries.rows import (
    encode_spans,
    encode_traces,
    make_outcome,
    make_span,
    make_trace,
)

DAY_US = 86_400_000_000
# Not the product's own list of what it deletes from: that is what is under test.
TABLES = """
    SELECT DISTINCT table
    FROM system.columns
    WHERE database = currentDatabase() AND name = 'project_id'
    ORDER BY table
"""


def add_rows_of_ages(data_dir: Path, project_id: str, ages: Sequence[int]) -> None:
    """Stores, for each number of days, one row of each kind as if it had been received then."""
    _run(data_dir, "add", project_id, *map(str, ages))


def add_dead_letters_of_age(data_dir: Path, days: int, *project_ids: str) -> None:
    """Puts dead letters into one record, as if they had died so many days ago."""
    dead_letters = [
        DeadLetter(f"{days} days {n}", ProjectId(owner), TRACES.name, "pulse.trace", 1, "", b"{}")
        for n, owner in enumerate(project_ids)
    ]
    at_ms = time.time_ns() // 1_000_000 - days * DAY_US // 1000
    with closing(sqlite_file.connect(data_dir / "log.db")) as connection:
        number = sqlite_file.numbers(connection)[TopicPartition(DEAD.name, 0)]
        connection.execute("BEGIN IMMEDIATE")
        offset = sqlite_file.append(connection, number, encode_dead(dead_letters))
        connection.execute(
            "UPDATE records SET appended_at_ms = ? WHERE key = ?",
            (at_ms, number << sqlite_file.OFFSET_BITS | offset),
        )
        connection.execute("COMMIT")


def dead_letters_of(data_dir: Path, project_id: str) -> list[str]:
    """Returns the names of the project's dead letters, the oldest first."""
    with DeadLetterBox(data_dir / "log.db") as box:
        return [
            dead_letter.ref
            for dead_letter in box.summaries()
            if dead_letter.project_id == project_id
        ]


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
    row_id, token = str(uuid.uuid4()), f"{project_id} {days}"
    at = {"session_id": f"{days} days", "timestamp_us": at_us, "received_at_us": at_us}
    trace = make_trace(project_id, row_id, input_tokens=1, computed_cost_pico=1, **at)
    span = make_span(project_id, row_id, pair_key=row_id, pair_role="start", **at)
    outcome = make_outcome(project_id, "accepted", 1, minute_us=at_us)
    warehouse.insert_now("traces", encode_traces([trace]), token)
    warehouse.insert_now("spans", encode_spans([span]), token)
    warehouse.insert_now("outcomes", encode_outcomes([outcome]), token)


def _count(warehouse: Warehouse, project_id: str) -> dict[str, int]:
    counts = {}
    for (table,) in warehouse.query_now(TABLES, None, {}).rows:
        sql = f"SELECT count() FROM {table} WHERE project_id = {{project_id:String}}"
        count = warehouse.query_now(sql, {"project_id": project_id}, {}).rows[0][0]
        if count:
            counts[table] = count
    return counts


def _main(path: str, verb: str, project_id: str, *rest: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    if verb == "add":
        for days in rest:
            _add(warehouse, project_id, int(days))
    else:
        json.dump(_count(warehouse, project_id), sys.stdout)
    warehouse.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
