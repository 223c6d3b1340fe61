"""The distributed mode on one machine: `python -m benchmarks.bench_cluster [--seconds 10]`.

Real Kafka and PostgreSQL, `sluice warehouse` as the store, an edge, two workers, an api and the
client share the machine. Prints throughput end to end, processor time of each process an event,
rows of an insert, how soon an event can be read, and how long each fault takes to be made up for.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

from benchmarks.bench_ingest import Load, send_for
from benchmarks.generate import fill, generators_by_kind
from benchmarks.server import KEY
from schemas.kinds import TRACE, TRACES
from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.e2e.cluster import Cluster, pause, resume

SETTINGS = {
    "INIT_API_KEY": KEY,
    "DEDUP_FILTER_BITS": "28",
    "WORKER_BLOCK_INTERVAL_MS": "500",
    "LOG_LEVEL": "warning",
}
SENT = generators_by_kind()[TRACE.name]
SAMPLES = 40
HEAD = (
    "batch x conn   accept/s   store/s   p50 ms    p99   us an event: edge, workers, store, kafka,"
    " postgres, client   records/insert rows/insert inserts/s"
)
PACE_S = 0.25
PAUSE_S = 6
"""Longer than the session of a worker."""


def cpu_s(pid: int | None) -> float:
    """Returns the processor time of a process and its children."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


class Bench:
    """A running cluster, and what is measured of it."""

    def __init__(self, cluster: Cluster, broker: KafkaBroker, postgres: Postgres) -> None:
        self.cluster = cluster
        self._broker = broker
        self._postgres = postgres

    def processes(self) -> dict[str, float]:
        """Returns the processor time of each part so far."""
        cluster = self.cluster
        return {
            "edge": cpu_s(cluster.edge.pid),
            "workers": sum(cpu_s(worker.pid) for worker in cluster.workers),
            "store": cpu_s(cluster.warehouse.pid),
            "kafka": cpu_s(self._broker.pid),
            "postgres": cpu_s(self._postgres.pid),
            "client": time.process_time(),
        }

    def workers_metric(self, name: str, **labels: str) -> float:
        """Returns the sum of a metric over the workers."""
        return sum(worker.metric(name, **labels) for worker in self.cluster.workers)

    def throughput(self, load: Load, seconds: float) -> None:
        """Prints what one way of sending comes to."""
        before, rows, records = self.processes(), self._inserted(), self._records()
        started = time.perf_counter()
        events, latencies = asyncio.run(send_for(self.cluster.edge.port, SENT, load, seconds))
        accepted = time.perf_counter() - started
        self.cluster.wait_stored()
        stored = time.perf_counter() - started
        used = {name: total - before[name] for name, total in self.processes().items()}
        inserts, inserted = (now - then for now, then in zip(self._inserted(), rows, strict=True))
        taken = self._records() - records
        ordered = sorted(latencies)
        print(
            f"{load.batch:>5} x {load.connections:<3} {events / accepted:>10,.0f}"
            f" {events / stored:>9,.0f}   {ordered[len(ordered) // 2]:>6.1f}"
            f" {ordered[int(len(ordered) * 0.99)]:>6.1f}   "
            + " ".join(f"{seconds / events * 1e6:>8.1f}" for seconds in used.values())
            + f"   {taken / max(1, inserts):>10.1f} {inserted / max(1, inserts):>11,.0f}"
            + f" {inserts / stored:>9.1f}"
        )

    def _inserted(self) -> tuple[float, float]:
        return (
            self.workers_metric("sluice_block_rows_count", table="traces"),
            self.workers_metric("sluice_block_rows_sum", table="traces"),
        )

    def _records(self) -> int:
        return self.cluster.records(TRACES.name)

    def freshness(self) -> None:
        """Prints how soon an event that was accepted can be read."""
        waits = asyncio.run(self._probe())
        ordered = sorted(waits)
        print(
            f"accepted to visible: p50 {statistics.median(ordered):.0f} ms,"
            f" p95 {ordered[int(len(ordered) * 0.95)]:.0f} ms, of {len(ordered)}"
        )

    async def _probe(self) -> list[float]:
        bodies, waits = SENT.bodies(4, 20, 1), []
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            for number in range(SAMPLES):
                body, ids = fill(bodies[number % len(bodies)])
                url = f"{self.cluster.edge.url}{SENT.path}"
                answer = await client.post(url, content=body)
                assert answer.status_code == 202, answer.text
                accepted = time.perf_counter()
                while True:
                    found = await client.get(f"{self.cluster.api.url}/v1/traces/{ids[0]}")
                    if found.status_code == 200:
                        break
                    await asyncio.sleep(0.005)
                waits.append((time.perf_counter() - accepted) * 1e3)
                await asyncio.sleep(PACE_S)
        return waits

    def recovery(self, name: str, fault: Callable[[], None]) -> None:
        """Prints how long after a fault, under load, everything accepted is stored again."""
        asyncio.run(send_for(self.cluster.edge.port, SENT, Load(100, 2), 1.0))
        started = time.perf_counter()
        fault()
        up = time.perf_counter() - started
        asyncio.run(send_for(self.cluster.edge.port, SENT, Load(100, 2), 0.5))
        self.cluster.wait_stored()
        print(f"{name}: running again after {up:.1f} s, all stored after"
              f" {time.perf_counter() - started:.1f} s")  # fmt: skip

    def faults(self) -> dict[str, Callable[[], None]]:
        """Returns what may happen, by its name."""
        cluster = self.cluster

        def replace_worker() -> None:
            cluster.workers[0].kill()
            cluster.workers[0].start()

        def replace_store() -> None:
            cluster.warehouse.kill()
            cluster.warehouse.start()

        def replace_broker() -> None:
            self._broker.kill()
            self._broker.start()

        def replace_edge() -> None:
            cluster.edge.kill()
            cluster.edge.start()

        def stop_worker_for_a_while() -> None:
            pause(cluster.workers[0])
            time.sleep(PAUSE_S)
            resume(cluster.workers[0])

        return {
            "a worker killed": replace_worker,
            f"a worker paused for {PAUSE_S} s": stop_worker_for_a_while,
            "the edge killed": replace_edge,
            "the store killed": replace_store,
            "the broker killed": replace_broker,
        }


def main() -> None:
    """Runs everything against one cluster."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    seconds = parser.parse_args().seconds
    broker, postgres = KafkaBroker(), Postgres()
    try:
        broker.start()
        postgres.start()
        with (
            tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder,
            Cluster(Path(folder), broker, postgres, settings=SETTINGS) as cluster,
        ):
            bench = Bench(cluster, broker, postgres)
            bench.freshness()
            print(HEAD)
            for load in (Load(1, 16), Load(10, 16), Load(100, 8)):
                bench.throughput(load, seconds)
            for name, fault in bench.faults().items():
                bench.recovery(name, fault)
    finally:
        broker.close()
        postgres.close()


if __name__ == "__main__":
    main()
