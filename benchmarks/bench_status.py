"""Times a monitor's status over millions of checks: `python -m benchmarks.bench_status --help`.

A server is started on a data directory that the engine itself has filled: monitors with three
regions each, looked at every 30 seconds for 90 days, which fell some hundred times. It is asked
over HTTP, one request after the other, in turn of all monitors, so that no answer is one that was
kept.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.server import EMAIL, PASSWORD, Server, running
from clickhouse.client import Warehouse
from processors.uptime.day_sums import DaySums
from schemas.settings import Settings
from schemas.uptime.examples import MONITOR
from schemas.zones import DAY_US
from sluice.paths import paths_of

DAYS, STEP_US = 90, 30_000_000
REGIONS = ("eu", "us", "asia")
OF_MONITOR = DAYS * DAY_US // STEP_US * len(REGIONS)
FLIPS = 200
BUDGET_MS = 20
SETTLE_S, IDLE_S = 120, 0.15
PATHS = (
    *(f"status/{{monitor}}?window={window}" for window in ("24h", "7d", "30d", "90d")),
    *("monitors/{monitor}/days?days=90", "monitors/{monitor}/series?window=24h"),
    *("monitors/{monitor}/series?window=7d", "sla?months=1", "sla?months=3"),
)
LOAD = """
INSERT INTO checks (
    project_id, check_id, monitor_id, region, slot, attempt, started, received_at, revision,
    outcome, reason, message, dns_ms, connect_ms, tls_ms, first_byte_ms, transfer_ms, total_ms,
    status_code, peer, expires_at, certificate, log_id, log_partition, log_offset
)
SELECT
    {project_id:String}, lower(hex(sipHash128(number, {monitor_id:String}))),
    {monitor_id:String}, {regions:Array(String)}[number % 3 + 1], at, 0, at,
    at + INTERVAL 1 SECOND, 1,
    if(rand(2) % 2000 = 0, 'fail', 'ok'), '', '',
    randExponential(0.5), randExponential(0.1, 1), randExponential(0.05, 2),
    randExponential(0.02, 3), randExponential(0.3, 4), 20 + randLogNormal(3, 0.6, 5),
    200, '203.0.113.10', NULL, '', '', 0, number
FROM (
    SELECT number, {first_us:Int64} + intDiv(number, 3) * {step_us:Int64} AS at_us,
        fromUnixTimestamp64Micro(at_us, 'UTC') AS at
    FROM numbers({count:UInt64})
)
"""


def main() -> None:
    """Fills a store, and asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        data = Path(folder) / "data"
        key, project_id, monitors = _made(data, -(-options.checks // OF_MONITOR))
        asyncio.run(_fill(data, project_id, monitors))
        _fell(data, monitors)
        _asked(data, key, monitors, options.rounds)


def _made(data: Path, count: int) -> tuple[str, str, list[str]]:
    with running(data_dir=data) as server, httpx.Client() as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{server.port}")
        login = {"email": EMAIL, "password": PASSWORD}
        client.post("/api/auth/sign-in/email", json=login).raise_for_status()
        project_id = client.get("/dashboard/api/projects").json()["projects"][0]["id"]
        new = {"name": "bench", "scope": "write", "forMonitors": True}
        own = {"X-Project-Id": project_id}
        made = client.post("/dashboard/api/tokens", json=new, headers=own).raise_for_status()
        key = made.json()["apiToken"]
        # Nobody looks from these regions.
        body = MONITOR | {"regions": list(REGIONS), "notifications": []}
        monitors = []
        for number in range(count):
            asked = client.post(
                "/v1/monitors",
                json=body | {"name": f"Monitor {number}"},
                headers={"Authorization": f"Bearer {key}"},
            )
            monitors.append(asked.raise_for_status().json()["monitor_id"])
        return key, project_id, monitors


async def _fill(data: Path, project_id: str, monitors: list[str]) -> None:
    warehouse = Warehouse(paths_of(Settings(data_dir=str(data))).warehouse_url)
    started = time.monotonic()
    first_us = time.time_ns() // 1000 // STEP_US * STEP_US - DAYS * DAY_US
    for monitor_id in monitors:
        values = {"project_id": project_id, "monitor_id": monitor_id, "regions": list(REGIONS)}
        values |= {"first_us": first_us, "step_us": STEP_US, "count": OF_MONITOR}  # type: ignore[dict-item]
        await warehouse.command(LOAD, values, max_threads=2)
    rows = (await warehouse.query("SELECT count() FROM checks")).rows[0][0]
    sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'checks'"
    held = (await warehouse.query(sql)).rows[0][0]
    took_s = time.monotonic() - started
    print(f"{rows:,} checks of {len(monitors)} monitors: {held / 1e6:.0f} MB, {took_s:.0f} s")
    # As the server would, in the first seconds after its start.
    started = time.monotonic()
    await DaySums(warehouse).work()
    rows = (await warehouse.query("SELECT count() FROM check_days")).rows[0][0]
    print(f"{rows:,} daily histograms: {time.monotonic() - started:.1f} s")
    warehouse.close()


def _fell(data: Path, monitors: list[str]) -> None:
    """Gives each monitor its past: made before, with outages all over it."""
    url = paths_of(Settings(data_dir=str(data))).database_url
    first_us = time.time_ns() // 1000 - DAYS * DAY_US
    step_us = DAYS * DAY_US // FLIPS
    with sqlite3.connect(url.partition("///")[2]) as connection:
        for monitor_id in monitors:
            flips = [
                (monitor_id, "", first_us + number * step_us, *_states(number))
                for number in range(FLIPS)
            ]
            connection.executemany("INSERT INTO monitor_flip VALUES (?, ?, ?, ?, ?)", flips)
        connection.execute("UPDATE monitor SET created_us = ?", (first_us,))
    connection.close()


def _states(number: int) -> tuple[str, str]:
    if not number:
        return "unknown", "up"
    return ("up", "down") if number % 2 else ("down", "up")


def _asked(data: Path, key: str, monitors: list[str], rounds: int) -> None:
    with running(data_dir=data) as server, httpx.Client() as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{server.port}/v1/")
        client.headers["Authorization"] = f"Bearer {key}"
        _settle(server)
        for path in PATHS:
            _ask(client, path, monitors, 3)
            used_s = server.cpu_s()
            times_ms = sorted(_ask(client, path, monitors, rounds))
            used_ms = (server.cpu_s() - used_s) * 1000 / rounds
            p95 = times_ms[int(0.95 * len(times_ms))]
            is_over = path.startswith("status") and p95 > BUDGET_MS
            print(
                f"{path:42} p50 {statistics.median(times_ms):7.1f} ms"
                f"  p95 {p95:7.1f} ms  processor {used_ms:6.1f} ms{'  OVER' if is_over else ''}",
                flush=True,
            )
        print(f"peak memory of the server {server.peak_mb():.0f} MB")


def _settle(server: Server) -> None:
    """Waits until the stream has read what it knows ids by."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        used_s = server.cpu_s()
        time.sleep(1)
        if server.cpu_s() - used_s < IDLE_S:
            return


def _ask(client: httpx.Client, path: str, monitors: list[str], rounds: int) -> list[float]:
    times_ms = []
    for number in range(rounds):
        name = path.replace("{monitor}", monitors[number % len(monitors)])
        started = time.perf_counter()
        answer: Any = client.get(name)
        times_ms.append((time.perf_counter() - started) * 1000)
        answer.raise_for_status()
    return times_ms


if __name__ == "__main__":
    main()
