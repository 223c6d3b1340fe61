"""How long the comparison of two runs takes: `python -m benchmarks.bench_experiments`.

In one process, over stores that are filled first: other calls of which every fifth has a score, and
two runs of the items of one dataset, whose calls lie among the others and have two scores each. The
aim is 1,000 items beside 1 million other calls in less than a second. Wall time and processor time
are those of the whole answer, engine included, but for HTTP.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec import Raw

from api.llm.experiment_runs import Experiments
from benchmarks.bench_issues import Ask, make_project
from benchmarks.fill import DAYS, START, fill
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from controlplane.database import Database
from controlplane.llm.dataset_items import write_items
from controlplane.llm.datasets import add_dataset
from schemas.llm.datasets import MOST_AT_ONCE, DatasetForm, ItemForm
from schemas.projects import ProjectContext

AIM_S = 1.0
DATASET = "bench"
RUNS = ("first", "second")
LEAST_S = 2 * DAYS * 86_400 // 3
"""After the first of the other calls; a call of an item every two seconds."""
FILL_CALLS = """
INSERT INTO traces
    (project_id, trace_id, timestamp, received_at, provider, model_requested, model_used, status,
     latency_ms, latency_ns, input_tokens, output_tokens, computed_cost, environment, tags,
     output_text, request_body, response_body, log_id, log_partition, log_offset)
WITH
    cityHash64(number, {run:String}) AS h,
    {start:DateTime64(6, 'UTC')} + toIntervalSecond({after_s:UInt64} + 2 * number) AS at,
    200 + h % 1800 AS latency
SELECT
    {project:String},
    UUIDNumToString(sipHash128(number, {run:String})),
    at,
    at,
    'openai',
    'gpt-4o',
    'gpt-4o-2025-05-01',
    if(h % 50 = 0, 'error', 'success'),
    latency,
    latency * 1000000,
    50 + h % 450,
    5 + h % 50,
    toDecimal128((h % 5000) / 1e6, 12),
    'experiment',
    CAST(toJSONString(map(
        'experiment=2Edataset', concat('=', {dataset:String}),
        'experiment=2Erun', concat('=', {run:String}),
        'experiment=2Eitem', concat('=i', toString(number))
    )) AS JSON(max_dynamic_paths = 32, max_dynamic_types = 1)),
    repeat(hex(h), 12),
    concat('{"messages":[{"role":"user","content":"Question ', toString(number), '"}]}'),
    concat('{"id":"', hex(h), '"}'),
    'bench-runs',
    0,
    number
FROM numbers({count:UInt64})
"""
FILL_SCORES = """
INSERT INTO scores
    (project_id, item_id, score_id, timestamp, received_at, version, deleted, name, data_type,
     value, source, environment, trace_id, log_id, log_partition, log_offset)
WITH
    cityHash64(trace_id, name) AS h,
    arrayJoin(['helpfulness', 'correct']) AS name
SELECT
    project_id,
    concat(trace_id, name),
    concat(trace_id, name),
    timestamp,
    received_at,
    timestamp,
    false,
    name,
    if(name = 'correct', 'boolean', 'numeric'),
    if(name = 'correct', h % 10 < 7, h % 1000 / 1000),
    'api',
    environment,
    trace_id,
    'bench',
    0,
    h
FROM traces
WHERE project_id = {project:String}
    AND (environment = 'experiment' OR name = 'correct' AND cityHash64(trace_id) % 5 = 0)
"""


async def fill_items(database: Database, project: ProjectContext, items: int) -> None:
    """Makes the dataset."""
    await add_dataset(database, project.project_id, DatasetForm(name=DATASET))
    forms = [
        ItemForm(id=f"i{n}", input=Raw(msgspec.json.encode({"question": f"Question {n}"})))
        for n in range(items)
    ]
    for first in range(0, items, MOST_AT_ONCE):
        some = forms[first : first + MOST_AT_ONCE]
        await write_items(database, project.project_id, DATASET, some)


def fill_calls(warehouse: Warehouse, project: ProjectContext, rows: int, items: int) -> None:
    """Stores the other calls, those of both runs, and scores of both."""
    spread = {"max_partitions_per_insert_block": 0}
    fill(warehouse, rows, project=project.project_id)
    values = {"project": project.project_id, "dataset": DATASET, "start": START, "count": items}
    for number, run in enumerate(RUNS):
        after_s = LEAST_S + number * 2 * items
        warehouse.command_now(FILL_CALLS, {**values, "run": run, "after_s": after_s}, spread)
    warehouse.command_now(FILL_SCORES, {"project": project.project_id}, spread)


async def measure(name: str, ask: Ask, times: int) -> None:
    """Asks so many times, and prints a line."""
    wall, used = [], []
    for number in range(times + 1):
        began, cpu = time.perf_counter(), time.process_time()
        await ask()
        if number:  # the first one warms up
            wall.append(time.perf_counter() - began)
            used.append(time.process_time() - cpu)
    print(
        f"{name:<24} {min(wall):>12.2f} {statistics.median(wall):>6.2f} {max(wall):>6.2f}"
        f" {min(used):>18.2f} {statistics.median(used):>6.2f}"
    )


async def run(folder: Path, rows: int, items: int, times: int) -> None:
    """Fills stores in a folder and measures."""
    database = Database(f"sqlite:///{folder / 'control.db'}")
    await database.migrate()
    project = await make_project(database)
    warehouse = Warehouse(f"chdb://{folder / 'warehouse'}")
    migrate(warehouse)
    await fill_items(database, project, items)
    began = time.perf_counter()
    fill_calls(warehouse, project, rows, items)
    print(f"filled in {time.perf_counter() - began:.0f} s")
    runs = Experiments(database, warehouse, project, DATASET)
    found = await runs.compared(RUNS, None, limit=1_000, offset=0)
    scored = [found.a.scores, found.b.scores]
    if found.both != items or [[one.items for one in some] for some in scored] != [[items] * 2] * 2:
        raise SystemExit("the calls and scores of the runs are not those that were stored")
    print(f"{items:,} items beside {rows:,} other calls; aim {AIM_S} s")
    print(f"{'':<24} wall s: least    p50   most   processor s: least    p50")
    for name, limit in (("comparison, 1,000 items", 1_000), ("comparison, 100 items", 100)):
        await measure(name, lambda n=limit: runs.compared(RUNS, None, limit=n, offset=0), times)
    await measure("results of one run", lambda: runs.results("first", limit=100, offset=0), times)
    await measure("list of runs", runs.list_runs, times)
    warehouse.close()
    await database.close()


def main() -> None:
    """Runs it in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="Other calls in the store.")
    parser.add_argument("--items", type=int, default=1_000)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        asyncio.run(run(Path(folder), options.rows, options.items, options.times))


if __name__ == "__main__":
    main()
