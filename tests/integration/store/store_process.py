"""A program that stores blocks in an embedded store: chDB wants a process for each opening."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from clickhouse.client import Warehouse
from clickhouse.failures import StoreBroken
from clickhouse.migrate import migrate
from clickhouse.retention import Expiry, Keeping
from tests.integration.queries.rows import encode_traces, make_trace

ROWS = 5
KEEP_DAYS = 90
COUNTS = {
    "traces": "SELECT count() FROM traces",
    "trace_sums": "SELECT sum(requests) FROM trace_sums WHERE grain = 'hour'",
    "session_sums": "SELECT sum(requests) FROM session_sums",
}


def run(store: Path, *verbs: str, zone: str = "UTC") -> list[dict[str, int]]:
    """Does one thing after the other in one process; a word that is no verb inserts its block.

    `count` counts, `merge` merges, `fail` inserts what the engine refuses, `received:DAY` inserts
    one row of that day, `expire:DAY` deletes what is too old on that day and `days` counts the rows
    of each. Returns the counts. `zone` is that of the machine.
    """
    command = [sys.executable, "-m", "tests.integration.store.store_process", str(store), *verbs]
    environ = {**os.environ, "TZ": zone}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    if ran.returncode == 3:
        raise StoreBroken(ran.stderr)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def _insert(warehouse: Warehouse, token: str) -> None:
    rows = [make_trace("p", f"{token}-{n}", session_id=token) for n in range(ROWS)]
    warehouse.insert_now("traces", encode_traces(rows), token)


def _receive(warehouse: Warehouse, day: str) -> None:
    noon_us = int(datetime.fromisoformat(f"{day}T12:00:00Z").timestamp()) * 1_000_000
    row = make_trace("p", day, timestamp_us=noon_us, received_at_us=noon_us)
    warehouse.insert_now("traces", encode_traces([row]), day)


def _expire(warehouse: Warehouse, day: str) -> None:
    today = datetime.fromisoformat(day).replace(tzinfo=UTC).date()
    keeping = Keeping(today, KEEP_DAYS, own_days={})
    assert asyncio.run(Expiry(warehouse).run(keeping, limit_s=60))


def _days(warehouse: Warehouse) -> dict[str, int]:
    sql = "SELECT toString(received_date), count() FROM traces GROUP BY 1 ORDER BY 1"
    return dict(warehouse.query_now(sql, None, {}).rows)


def _fail(warehouse: Warehouse) -> None:
    try:
        warehouse.insert_now("traces", b"no Arrow at all", "fail")
    except StoreBroken as error:
        # By this the process hears of it, whoever made the insert.
        if warehouse.broken.result(0) != str(error):
            raise RuntimeError("the process would not hear of it") from error
        raise


def _count(warehouse: Warehouse) -> dict[str, int]:
    return {
        name: int(warehouse.query_now(sql, None, {}).rows[0][0]) for name, sql in COUNTS.items()
    }


def _main(path: str, *verbs: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    migrate(warehouse)
    for word in verbs:
        verb, _, day = word.partition(":")
        if verb == "received":
            _receive(warehouse, day)
        elif verb == "expire":
            _expire(warehouse, day)
        elif verb == "days":
            sys.stdout.write(json.dumps(_days(warehouse)) + "\n")
        elif verb == "count":
            sys.stdout.write(json.dumps(_count(warehouse)) + "\n")
        elif verb == "merge":
            for table in COUNTS:
                warehouse.command_now(f"OPTIMIZE TABLE {table} FINAL", None, {})
        elif verb == "fail":
            _fail(warehouse)
        else:
            _insert(warehouse, verb)
    warehouse.close()


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except StoreBroken as error:
        sys.stderr.write(str(error))
        sys.exit(3)
