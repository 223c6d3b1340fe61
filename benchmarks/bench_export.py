"""Times exports over a filled store: `python -m benchmarks.bench_export --help`.

A server of its own, over HTTP, one file at a time: rows and megabytes a second for each format, and
the greatest memory of the server before and after. The aim is 100,000 rows a second. Each format is
asked for several times; the best round counts, for a machine that is shared is slow by chance.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks.fill import fill
from benchmarks.server import KEY, Server, running
from clickhouse.client import Warehouse
from clickhouse.exports.columns import FORMATS, Format
from controlplane.database import Database
from controlplane.directory import all_projects
from schemas.settings import Settings
from sluice.paths import paths_of

AIM_ROWS_S = 100_000


class Round(NamedTuple):
    """One file."""

    rows_s: float
    mb_s: float
    cpu_us: float
    """Of the server, for each row."""


async def project_of(data_dir: Path) -> str:
    """Returns the project of the key that a server has made."""
    database = Database(paths_of(Settings(data_dir=str(data_dir))).database_url)
    try:
        return str((await all_projects(database))[0].project_id)
    finally:
        await database.close()


def fill_store(data_dir: Path, rows: int, body_bytes: int) -> None:
    """Makes an installation with so many calls, where there is none."""
    if (data_dir / "control.db").exists():
        return
    with running(data_dir=data_dir):
        pass
    project = asyncio.run(project_of(data_dir))
    store = Warehouse(paths_of(Settings(data_dir=str(data_dir))).warehouse_url)
    fill(store, rows, body_bytes=body_bytes, project=project)
    store.close()


def measure(server: Server, format: Format, rows: int) -> Round:
    """Reads one file to its end."""
    began, cpu, size = time.perf_counter(), server.cpu_s(), 0
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"http://127.0.0.1:{server.port}/v1/export/traces"
    with httpx.stream(
        "GET", url, params={"format": format}, headers=headers, timeout=600, trust_env=False
    ) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            size += len(piece)
    took = time.perf_counter() - began
    return Round(rows / took, size / 1e6 / took, (server.cpu_s() - cpu) / rows * 1e6)


def main() -> None:
    """Fills a store, and prints a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--body-bytes", type=int, default=150)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--data-dir", type=Path, help="Keep the data there; do not make it again.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-export-") as made:
        data_dir = options.data_dir or Path(made) / "data"
        fill_store(data_dir, options.rows, options.body_bytes)
        with running(data_dir=data_dir) as server:
            print(f"{options.rows:,} traces; aim {AIM_ROWS_S:,} rows/s; best of {options.times}")
            print(f"{'format':8} {'rows/s':>10} {'MB/s':>8} {'CPU us/row':>11} {'peak MB':>9}")
            print(f"{'(start)':8} {'':>10} {'':>8} {'':>11} {server.peak_mb():9.0f}")
            for format in FORMATS:
                best = max(measure(server, format, options.rows) for _ in range(options.times))
                print(
                    f"{format:8} {best.rows_s:10,.0f} {best.mb_s:8.1f} {best.cpu_us:11.1f}"
                    f" {server.peak_mb():9.0f}"
                )


if __name__ == "__main__":
    main()
