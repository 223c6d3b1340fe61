"""Reads a stopped server's errors and transactions; a program, for chDB wants its own process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from clickhouse.client import Warehouse

COLUMNS = {
    "errors": (
        *("project_id", "event_id", "title", "type", "level", "logger", "environment", "release"),
        *("user_key", "sdk", "trace_id", "span_id", "body"),
    ),
    "transactions": (
        *("project_id", "event_id", "name", "op", "status", "environment", "release", "user_key"),
        *("spans", "trace_id", "span_id"),
    ),
    "transaction_spans": (
        *("project_id", "event_id", "span_id", "parent_span_id", "op", "description"),
    ),
    "streamed_spans": (
        *("project_id", "item_id", "event_id", "span_id", "parent_span_id", "op", "description"),
        *("transaction", "trace_id", "received_at"),
    ),
    "logs": (
        *("project_id", "record_id", "body", "severity", "logger", "environment", "release"),
        *("sdk", "trace_id", "span_id", "attributes", "problems"),
    ),
    "feedback": ("project_id", "event_id", "message", "name", "associated_event_id"),
    "check_ins": ("project_id", "check_in_id", "monitor_slug", "status", "monitor_config"),
    "attachments": ("project_id", "event_id", "name", "size", "sha256"),
}

Rows = dict[str, list[dict[str, Any]]]


def read_rows(data_dir: Path) -> Rows:
    """Returns the rows of each table, the oldest first."""
    command = [sys.executable, "-m", "tests.e2e.error_rows", str(data_dir / "warehouse")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found: Rows = json.loads(ran.stdout)
    return found


def _print_rows(path: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    found: Rows = {}
    for table, columns in COLUMNS.items():
        sql = f"SELECT {', '.join(columns)} FROM {table} ORDER BY received_at"
        found[table] = [
            {
                name: json.loads(value) if (table, name) == ("errors", "body") else value
                for name, value in zip(columns, row, strict=True)
            }
            for row in warehouse.query_now(sql, None, {}).rows
        ]
    warehouse.close()
    json.dump(found, sys.stdout, default=str)


if __name__ == "__main__":
    _print_rows(sys.argv[1])
