"""A program that stores blocks in an embedded store: chDB wants a process for each opening."""

import json
import subprocess
import sys
from pathlib import Path

from clickhouse.client import StoreBroken, Warehouse
from clickhouse.migrate import migrate
from clickhouse.tables import encode_traces
from tests.integration.queries.rows import make_trace

ROWS = 5
COUNTS = {
    "traces": "SELECT count() FROM traces",
    "trace_sums": "SELECT sum(requests) FROM trace_sums WHERE grain = 'hour'",
    "session_sums": "SELECT sum(requests) FROM session_sums",
}


def run(store: Path, *verbs: str) -> list[dict[str, int]]:
    """Does one thing after the other in one process; a word that is no verb inserts its block.

    `count` counts, `merge` merges, `fail` inserts what the engine refuses. Returns the counts.
    """
    command = [sys.executable, "-m", "tests.integration.store.store_process", str(store), *verbs]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if ran.returncode == 3:
        raise StoreBroken(ran.stderr)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def _insert(warehouse: Warehouse, token: str) -> None:
    rows = [make_trace("p", f"{token}-{n}", session_id=token) for n in range(ROWS)]
    warehouse.insert_now("traces", encode_traces(rows), token)


def _count(warehouse: Warehouse) -> dict[str, int]:
    return {
        name: int(warehouse.query_now(sql, None, {}).rows[0][0]) for name, sql in COUNTS.items()
    }


def _main(path: str, *verbs: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    migrate(warehouse)
    for verb in verbs:
        if verb == "count":
            sys.stdout.write(json.dumps(_count(warehouse)) + "\n")
        elif verb == "merge":
            for table in COUNTS:
                warehouse.command_now(f"OPTIMIZE TABLE {table} FINAL", None, {})
        elif verb == "fail":
            warehouse.insert_now("traces", b"no Arrow at all", verb)
        else:
            _insert(warehouse, verb)
    warehouse.close()


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except StoreBroken as error:
        sys.stderr.write(str(error))
        sys.exit(3)
