"""Reads a stopped server's calls and agent spans of OTLP; a program: chDB wants its own process."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from clickhouse.client import Warehouse

COLUMNS = {
    "traces": (
        *("project_id", "provider", "model_requested", "model_used", "billing", "convention"),
        *("service", "session_id", "user_id", "environment", "metadata", "first_token_ms"),
        *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
        *("computed_cost", "reported_cost", "input_messages", "output_messages"),
    ),
    "spans": (
        *("project_id", "kind", "event_type", "tool_name", "agent_name", "session_id"),
        *("pair_key", "pair_role", "convention"),
    ),
    "otel_spans": ("project_id", "name", "kind", "convention"),
}
MESSAGES = "SELECT hash, body FROM messages"

Rows = dict[str, list[dict[str, Any]]]


def read_rows(data_dir: Path) -> Rows:
    """Returns the rows of each table, the oldest first; of a call `input` and `output` as texts."""
    command = [sys.executable, "-m", "tests.clients.otlp_rows", str(data_dir / "warehouse")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found: Rows = json.loads(ran.stdout)
    return found


def _print_rows(path: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    said = {hash: _shown(body) for hash, body in warehouse.query_now(MESSAGES, None, {}).rows}
    found: Rows = {}
    for table, columns in COLUMNS.items():
        sql = f"SELECT {', '.join(columns)} FROM {table} ORDER BY timestamp"
        rows = warehouse.query_now(sql, None, {}).rows
        found[table] = [_plain(dict(zip(columns, row, strict=True)), said) for row in rows]
    warehouse.close()
    sys.stdout.write(json.dumps(found))


def _plain(row: dict[str, Any], said: dict[Any, str]) -> dict[str, Any]:
    for side in ("input", "output"):
        if (hashes := row.pop(f"{side}_messages", None)) is not None:
            shown = [said[one] for one in hashes]
            # Those that were offered come first, as a message of their own.
            row["tools"] = row.get("tools", 0) + sum(one.startswith("tools: ") for one in shown)
            row[side] = [one for one in shown if not one.startswith("tools: ")]
    return {
        name: format(value.normalize(), "f") if isinstance(value, Decimal) else value
        for name, value in row.items()
    }


def _shown(body: str) -> str:
    """A message in a line."""
    message = json.loads(body)
    return f"{message['role']}: {' '.join(_part(one) for one in message['parts'])}"


def _part(part: dict[str, Any]) -> str:
    if part["type"] == "tool_call":
        return f"call {part['name']}"
    if part["type"] == "tool_result":
        return f"result of {part.get('name') or ''}"
    return part.get("text") or part["type"]


if __name__ == "__main__":
    _print_rows(sys.argv[1])
