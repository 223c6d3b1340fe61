"""Five kills under a load of errors: `python -m benchmarks.kill_errors [--kills 5]`.

Single errors of 11 KB come on 32 kept connections, and `kill -9` ends the server at random moments.
Then everything is stored, and the store is compared with what was answered: no event that was
answered may be missing, none may be there twice, and the counts of issues are those of the rows.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench_ingest import head_of
from benchmarks.generate import Generator, fill, generators_by_kind
from benchmarks.server import Server, running
from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import read_counts
from controlplane.database import Database
from controlplane.directory import all_projects
from controlplane.errors.listing import list_issues
from schemas.errors.issues import ErrorFilter, IssueFilter
from schemas.kinds import ERROR
from schemas.projects import ProjectContext

CONNECTIONS = 32
SHORTEST_S, LONGEST_S = 2.0, 6.0
IDS = "SELECT event_id, group_hash FROM errors ORDER BY event_id LIMIT {limit:UInt64}"
MOST_ROWS = 5_000_000


class Compared(NamedTuple):
    """What the stores say of what was answered."""

    stored: int
    missing: int
    repeated: int
    issues: int
    wrong_issues: int
    """Whose count is not that of their rows."""
    counted: int
    """Events of all issues together."""


async def load(port: int, generator: Generator, seconds: float, server: Server) -> list[str]:
    """Sends, and kills the server after so many seconds; returns the ids that were answered."""
    bodies = generator.bodies(1, 200, 1)
    answered: list[str] = []

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        try:
            while True:
                body, ids = fill(bodies[turn % len(bodies)])
                turn += CONNECTIONS
                writer.write(head_of(generator, body) + body)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                if head.startswith(b"HTTP/1.1 200"):
                    answered.extend(one.replace("-", "") for one in ids)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    sending = [asyncio.create_task(connection(number)) for number in range(CONNECTIONS)]
    await asyncio.sleep(seconds)
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.gather(*sending)
    return answered


async def compare(data_dir: Path, answered: Sequence[str]) -> Compared:
    """Compares the stores of a server that has ended with what it had answered."""
    warehouse = Warehouse(f"chdb://{data_dir / 'warehouse'}")
    database = Database(f"sqlite:///{data_dir / 'control.db'}")
    settings = {"max_result_rows": MOST_ROWS}
    rows = warehouse.query_now(IDS, {"limit": MOST_ROWS}, settings).rows
    stored = Counter(event_id for event_id, _ in rows)
    of_group = Counter(group_hash for _, group_hash in rows)
    issues = wrong = counted = 0
    for one in await all_projects(database):
        project = ProjectContext(one.project_id)
        listed = await list_issues(database, one.project_id, IssueFilter(), limit=10_000)
        groups = {row.id: row.group_hashes for row in listed}
        counts = await read_counts(warehouse, project, groups, ErrorFilter())
        for issue_id, hashes in groups.items():
            issues += 1
            counted += counts[issue_id].events
            wrong += counts[issue_id].events != sum(of_group[one] for one in hashes)
    missing = sum(event_id not in stored for event_id in answered)
    warehouse.close()
    await database.close()
    repeated = stored.total() - len(stored)
    return Compared(stored.total(), missing, repeated, issues, wrong, counted)


def run(data_dir: Path, kills: int, seed: int) -> bool:
    """Kills and compares; returns whether all is as it has to be."""
    generator = generators_by_kind()[ERROR.name]
    chance = random.Random(seed)
    answered: list[str] = []
    for number in range(kills):
        with running(data_dir=data_dir) as server:
            seconds = chance.uniform(SHORTEST_S, LONGEST_S)
            some = asyncio.run(load(server.port, generator, seconds, server))
            answered += some
            print(f"kill {number + 1} after {seconds:.1f} s: {len(some):,} answered")
    began = time.perf_counter()
    with running(data_dir=data_dir) as server:
        server.wait_stored()
    print(f"ready and all stored {time.perf_counter() - began:.1f} s after the last kill")
    found = asyncio.run(compare(data_dir, answered))
    print(
        f"{len(answered):,} answered, {found.stored:,} stored: {found.missing:,} missing,"
        f" {found.repeated:,} twice; {found.issues:,} issues with {found.counted:,} events,"
        f" {found.wrong_issues:,} with a wrong count"
    )
    wrong = found.missing or found.repeated or found.wrong_issues
    return not wrong and found.counted == found.stored


def main() -> None:
    """Ends with 1 where anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-kills-") as folder:
        sys.exit(not run(Path(folder) / "data", options.kills, options.seed))


if __name__ == "__main__":
    main()
