"""How fast stored calls are priced anew: `python -m benchmarks.bench_reprice --rows 1000000`.

In one process, over a store of its own. First every cost changes, then none does.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from benchmarks.fill import fill
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.llm.prices import set_price
from controlplane.llm.reprices import find_run, request_run
from controlplane.projects import insert_project
from eventlog.log import PartitionState, TopicPartition
from processors.llm.cost.cache import load_book
from processors.llm.pricing import Pricing
from processors.llm.reprice import TOPICS, Repricing
from schemas.llm.prices import OwnPrice, Rates
from schemas.projects import ProjectId

ALL_TIMES = (-(2**60), 2**60)
SUMS = """
SELECT
    (SELECT sum(computed_cost) FROM traces)
    = (SELECT sum(computed_cost) FROM trace_sums WHERE grain = 'hour')
    AND (SELECT sum(computed_cost) FROM traces) = (SELECT sum(computed_cost) FROM session_sums)
"""


class EmptyLog:
    """A log whose every record is stored."""

    log_ids = dict.fromkeys(TOPICS.values(), "none")

    async def places(self) -> dict[TopicPartition, PartitionState]:
        return {}


async def measure(directory: Path, rows: int) -> None:
    """Prices so many traces anew, twice, and prints how long that took."""
    database = Database(f"sqlite:///{directory / 'control.db'}")
    await database.migrate()
    async with database.session() as session:
        vault = Vault("a secret of the benchmarks, of 32 characters and more")
        project, _ = await insert_project(session, vault, "bench", admin_id=None)
    project_id = ProjectId(str(project.id))
    await set_price(database, project_id, price("*"))
    warehouse = Warehouse(f"chdb://{directory / 'store'}")
    migrate(warehouse)
    fill(warehouse, rows, project=project_id)
    print(f"filled; peak memory {_peak_mb():.0f} MB")
    pricing = Pricing(load_book(directory), database)
    work = Repricing(database, warehouse, EmptyLog(), pricing, settle_s=0.0).work
    for name in ("every cost changes", "none changes"):
        run_id = await request_run(database, project_id, *ALL_TIMES)
        started, cpu_s = time.perf_counter(), time.process_time()
        await work()
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
        totals = (await find_run(database, run_id)).progress.totals
        per_row_us = cpu_s / rows * 1e6
        print(
            f"{name}: {totals.changed:,} of {totals.looked_at:,} in {seconds:.1f} s:"
            f" {rows / seconds:,.0f} rows/s, {per_row_us:.0f} us of CPU a row"
        )
    (equal,) = warehouse.query_now(SUMS, None, {}).rows[0]
    print(f"rollups equal rows: {bool(equal)}; peak memory {_peak_mb():.0f} MB")
    warehouse.close()
    await database.close()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def price(model: str) -> OwnPrice:
    rates = {name: Decimal("1.5") for name in ("input", "output", "cache_read", "cache_write")}
    return OwnPrice(0, model, rates=Rates(**rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(measure(Path(directory), parser.parse_args().rows))


if __name__ == "__main__":
    main()
