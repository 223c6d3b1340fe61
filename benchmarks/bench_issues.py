"""How long the list of issues and one issue take: `python -m benchmarks.bench_issues`.

In one process, over stores that are filled first: errors that the engine makes itself, and the
issues that follow from them. A few issues have most of the events. Each question is asked several
times, by turns; wall time and processor time are those of the whole answer, engine included, but
for HTTP.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from api.errors.issue_list import IssuesAsked, find_issues, groups_of
from api.errors.search import IssueSearch
from clickhouse.client import Warehouse
from clickhouse.errors.event_filters import EventFilter
from clickhouse.errors.events import list_events
from clickhouse.errors.issue_counts import read_counts
from clickhouse.errors.issue_details import read_hours, read_sightings, read_tags
from clickhouse.migrate import migrate
from controlplane.database import Database
from controlplane.errors.listing import get_issue, list_issues
from controlplane.errors.sightings import note_sightings
from controlplane.models import Project
from schemas.errors.issues import ErrorFilter, IssueFilter, IssueRow
from schemas.projects import ProjectContext, ProjectId

DAY_US = 86_400_000_000
ROWS_PER_INSERT = 20_000
FILL = """
INSERT INTO errors
    (project_id, event_id, fingerprint, grouping, timestamp, received_at, level, type, title,
     culprit, handled, platform, environment, release, transaction, server_name, sdk, user_key,
     tags, body, log_id, log_partition, log_offset)
WITH
    cityHash64(number, 7) AS h,
    toUInt64(pow((h % 1000003) / 1000003, 4) * {issues:UInt64}) AS issue,
    {now_us:Int64} - toInt64(cityHash64(h) % {span_us:UInt64}) AS at_us,
    fromUnixTimestamp64Micro(at_us, 'UTC') AS at
SELECT
    {project:String},
    lower(hex(sipHash128(number))),
    lower(concat(hex(sipHash128(issue)), hex(sipHash128(issue, 1)))),
    'v2',
    at,
    at,
    ['error', 'error', 'error', 'fatal', 'warning'][h % 5 + 1],
    concat('Error', toString(issue % 40)),
    concat('Error', toString(issue % 40), ': order ', toString(issue), ' is broken'),
    concat('shop.orders in place_', toString(issue)),
    h % 3 = 0,
    if(issue % 4 = 0, 'javascript', 'python'),
    ['production', 'production', 'staging'][h % 3 + 1],
    concat('shop@4.', toString(bitShiftRight(h, 8) % 12), '.0'),
    concat('/orders/', toString(issue % 30)),
    concat('web-', toString(bitShiftRight(h, 16) % 8)),
    'sentry.python 2.75.0',
    toString(bitShiftRight(h, 20) % 5000),
    CAST(toJSONString(map(
        'region', ['=eu', '=us'][h % 2 + 1],
        'plan', ['=free', '=pro', '=team'][h % 3 + 1],
        'browser', concat('=Chrome ', toString(bitShiftRight(h, 30) % 20 + 110)),
        'order', concat('=', toString(bitShiftRight(h, 12) % 100000))
    )) AS JSON(max_dynamic_paths = 32, max_dynamic_types = 1)),
    repeat(concat('{"text":"', hex(h), '"}'), 200),
    'bench',
    0,
    number
FROM numbers({first:UInt64}, {count:UInt64})
SETTINGS max_threads = 1
"""
HASHES = "SELECT DISTINCT group_hash FROM errors WHERE project_id = {project:String} LIMIT 100000"

Ask = Callable[[], Awaitable[Any]]


async def make_project(database: Database) -> ProjectContext:
    """Makes a project of nobody."""
    async with database.session() as session:
        project = Project(name="bench")
        session.add(project)
        await session.flush()
        return ProjectContext(ProjectId(str(project.id)))


async def fill(
    warehouse: Warehouse, database: Database, project: ProjectContext, events: int, issues: int
) -> None:
    """Stores so many errors of so many issues, of the last 30 days."""
    values = {"project": project.project_id, "issues": issues, "now_us": time.time_ns() // 1000}
    for first in range(0, events, ROWS_PER_INSERT):
        part = {"first": first, "count": min(ROWS_PER_INSERT, events - first)}
        settings = {"max_partitions_per_insert_block": 0}
        warehouse.command_now(FILL, {**values, **part, "span_us": 30 * DAY_US}, settings)
    rows = warehouse.query_now(HASHES, {"project": project.project_id}, {}).rows
    hashes = [row[0] for row in rows]
    await note_sightings(database, await read_sightings(warehouse, project, hashes))


def questions(
    warehouse: Warehouse, database: Database, project: ProjectContext, row: IssueRow
) -> Mapping[str, Ask]:
    """Returns what is asked, by what it is called."""
    now_us = time.time_ns() // 1000
    days = ErrorFilter(from_us=now_us - 14 * DAY_US, to_us=now_us)

    async def one_issue() -> None:
        issue = await get_issue(database, project.project_id, row.id)
        await read_counts(warehouse, project, groups_of([issue]), ErrorFilter())

    def listed(events: ErrorFilter, **more: Any) -> Ask:
        asked = IssuesAsked(IssueSearch(IssueFilter(statuses=("open",)), events), **more)
        return lambda: find_issues(database, warehouse, project, asked)

    hashes, every = row.group_hashes, ErrorFilter()
    return {
        "list, 14 days": listed(days),
        "list, all time": listed(every),
        "list by events, 14 days": listed(days, sort="events"),
        "list by a tag": listed(ErrorFilter(tags=(("plan", "pro"),))),
        "one issue": one_issue,
        "its tags": lambda: read_tags(warehouse, project, hashes, every),
        "its hours, 14 days": lambda: read_hours(warehouse, project, hashes, days),
        "its newest events": lambda: list_events(
            warehouse, project, EventFilter(group_hashes=hashes), limit=25
        ),
    }


async def measure(asks: Mapping[str, Ask], rounds: int) -> None:
    """Asks everything by turns, and prints a line for each."""
    wall: dict[str, list[float]] = {name: [] for name in asks}
    used: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(rounds + 1):
        for name, ask in asks.items():
            began, cpu = time.perf_counter(), time.process_time()
            await ask()
            if number:  # the first one warms up
                wall[name].append((time.perf_counter() - began) * 1e3)
                used[name].append((time.process_time() - cpu) * 1e3)
    print(f"{'':<26} wall ms: least    p50    p95   processor ms: least    p50")
    for name in asks:
        took = sorted(wall[name])
        print(
            f"{name:<26} {took[0]:>14.1f} {statistics.median(took):>6.1f}"
            f" {took[int(len(took) * 0.95)]:>6.1f}"
            f" {min(used[name]):>20.1f} {statistics.median(used[name]):>6.1f}"
        )


async def run(folder: Path, events: int, issues: int, rounds: int) -> None:
    """Fills stores in a folder and measures."""
    database = Database(f"sqlite:///{folder / 'control.db'}")
    await database.migrate()
    project = await make_project(database)
    warehouse = Warehouse(f"chdb://{folder / 'warehouse'}")
    migrate(warehouse)
    began = time.perf_counter()
    await fill(warehouse, database, project, events, issues)
    print(f"filled in {time.perf_counter() - began:.0f} s")
    rows = await list_issues(database, project.project_id, IssueFilter(), limit=10_000)
    counts = await read_counts(warehouse, project, groups_of(rows), ErrorFilter())
    by_events = sorted(rows, key=lambda row: counts[row.id].events)
    usual, largest = by_events[len(rows) // 2], by_events[-1]
    of_each = " and ".join(f"{counts[one.id].events:,}" for one in (largest, usual))
    print(f"{events:,} events, {len(rows):,} issues; of the largest and a usual one {of_each}")
    asks = questions(warehouse, database, project, largest)
    of_usual = questions(warehouse, database, project, usual)
    named = {f"usual: {name}": ask for name, ask in of_usual.items() if "list" not in name}
    await measure({**asks, **named}, rounds)
    warehouse.close()
    await database.close()


def main() -> None:
    """Runs it in a folder of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=130_000)
    parser.add_argument("--issues", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        asyncio.run(run(Path(folder), options.events, options.issues, options.rounds))


if __name__ == "__main__":
    main()
