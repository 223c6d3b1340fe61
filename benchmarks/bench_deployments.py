"""How long the log of one deployment takes: `python -m benchmarks.bench_deployments`.

In one process, over a store that is filled first: so many deployments of 2,000 lines each, written
by turns as several at a time write them, and a long one of 100,000. Each question is asked several
times, by turns; wall time and processor time are those of the engine and its client, but for HTTP.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bench_issues import Ask, measure
from clickhouse.client import Warehouse
from clickhouse.deploys.lines import LineFilter, list_lines, newest_seq
from clickhouse.migrate import migrate
from schemas.projects import ProjectContext, ProjectId

PROJECT = ProjectContext(ProjectId("6f1f6b5e-0000-4000-8000-000000000001"))
LINES_EACH = 2_000
LONG_LINES = 100_000
LONG = "deployment-long"
PAGE = 1_000
DAYS = 30
ROWS_PER_INSERT = 100_000
FILL = """
INSERT INTO deploy_lines
    (project_id, line_id, deployment_id, seq, timestamp, received_at, level, stream, message,
     log_id, log_partition, log_offset)
WITH
    cityHash64(number, 7) AS h,
    toUInt64({now_us:Int64}) - toUInt64({span_us:UInt64} * (1 - number / {all:UInt64})) AS at_us,
    fromUnixTimestamp64Micro(toInt64(at_us), 'UTC') AS at
SELECT
    {project:String},
    lower(hex(sipHash128(number, {named:String}))),
    if({named:String} = '', concat('deployment-', toString(intDiv(number, {each:UInt64}))),
        {named:String}),
    number % {each:UInt64} + 1,
    at,
    at,
    ['info', 'info', 'info', 'warning', 'error'][h % 5 + 1],
    ['stdout', 'stderr'][h % 2 + 1],
    concat('#', toString(h % 40), ' [build ', toString(h % 12), '/12] RUN npm install package-',
        toString(bitShiftRight(h, 8) % 5000), ' in ', toString(bitShiftRight(h, 20) % 900), ' ms'),
    'bench',
    0,
    number
FROM numbers({first:UInt64}, {count:UInt64})
SETTINGS max_threads = 1
"""


def fill(warehouse: Warehouse, lines: int, *, each: int, named: str = "") -> None:
    """Stores so many lines of the last 30 days, `each` of a deployment."""
    values = {
        "project": PROJECT.project_id,
        "named": named,
        "each": each,
        "all": lines,
        "now_us": time.time_ns() // 1000,
        "span_us": DAYS * 86_400_000_000,
    }
    for first in range(0, lines, ROWS_PER_INSERT):
        part = {"first": first, "count": min(ROWS_PER_INSERT, lines - first)}
        warehouse.command_now(FILL, {**values, **part}, {"max_partitions_per_insert_block": 0})


def questions(warehouse: Warehouse, deployment_id: str) -> Mapping[str, Ask]:
    """Returns what is asked, by what it is called."""

    def lines_of(one: str, **wanted: object) -> Ask:
        asked = LineFilter(**wanted)  # type: ignore[arg-type]  # of names that it has
        return lambda: list_lines(warehouse, PROJECT, one, asked, limit=PAGE)

    return {
        "its first 1,000 lines": lines_of(deployment_id),
        "its last 1,000 lines": lines_of(deployment_id, after_seq=LINES_EACH - PAGE),
        "its errors": lines_of(deployment_id, levels=("error",)),
        "its lines with a word": lines_of(deployment_id, search="package-77"),
        "how many it has": lambda: newest_seq(warehouse, PROJECT, deployment_id),
        "long: first 1,000": lines_of(LONG),
        "long: last 1,000": lines_of(LONG, after_seq=LONG_LINES - PAGE),
        "long: with a word": lines_of(LONG, search="package-77"),
    }


async def run(folder: Path, lines: int, rounds: int) -> None:
    """Fills a store in a folder and measures."""
    warehouse = Warehouse(f"chdb://{folder / 'warehouse'}")
    migrate(warehouse)
    began = time.perf_counter()
    fill(warehouse, lines, each=LINES_EACH)
    fill(warehouse, LONG_LINES, each=LONG_LINES, named=LONG)
    print(f"{lines:,} lines of {lines // LINES_EACH:,} deployments", end=", ")
    print(f"filled in {time.perf_counter() - began:.0f} s")
    middle = f"deployment-{lines // LINES_EACH // 2}"
    assert await newest_seq(warehouse, PROJECT, middle) == LINES_EACH
    await measure(questions(warehouse, middle), rounds)
    warehouse.close()


def main() -> None:
    """Runs it in a folder of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        asyncio.run(run(Path(folder), options.lines, options.rounds))


if __name__ == "__main__":
    main()
