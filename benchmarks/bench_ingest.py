"""Ingest from outside: `python -m benchmarks.bench_ingest [--seconds 8]`.

The client shares the machine with the server, as the budgets of the design say. For each batch
size: requests and events accepted a second, events stored a second end to end (the clock stops
when the last one can be read), latencies, processor time of both sides, memory.
"""

import argparse
import asyncio
import resource
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.generate import Generator, fill
from benchmarks.server import KEY, Server, running

HEAD = (
    "POST /v1/traces/async HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)


class Load(NamedTuple):
    """One way of sending."""

    batch: int
    connections: int


class Result(NamedTuple):
    """What one load came to."""

    load: Load
    events: int
    accept_s: float
    store_s: float
    latencies_ms: Sequence[float]
    server_cpu_s: float
    client_cpu_s: float
    peak_mb: float


async def send_for(port: int, load: Load, seconds: float) -> tuple[int, list[float]]:
    """Sends from several connections until time is over; returns events and latencies in ms."""
    bodies = Generator(load.batch).bodies(20, load.batch)
    latencies: list[float] = []
    deadline = time.perf_counter() + seconds

    async def connection(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        turn = number
        while time.perf_counter() < deadline:
            body, ids = fill(bodies[turn % len(bodies)])
            turn += 1
            started = time.perf_counter()
            writer.write(HEAD.format(key=KEY, length=len(body)).encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(head.decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append((time.perf_counter() - started) * 1e3)
            sent += len(ids)
        writer.close()
        return sent

    counts = await asyncio.gather(*(connection(number) for number in range(load.connections)))
    return sum(counts), latencies


def run(server: Server, load: Load, seconds: float) -> Result:
    """Measures one load."""
    cpu, own = server.cpu_s(), _own_cpu_s()
    started = time.perf_counter()
    events, latencies = asyncio.run(send_for(server.port, load, seconds))
    accepted = time.perf_counter() - started
    own = _own_cpu_s() - own
    peak = server.memory_mb()
    server.wait_stored()
    stored = time.perf_counter() - started
    return Result(
        load, events, accepted, stored, latencies, server.cpu_s() - cpu, own,
        max(peak, server.memory_mb()),
    )  # fmt: skip


def show(result: Result) -> None:
    """Prints one line of the table."""
    ordered = sorted(result.latencies_ms)
    p50, p95, p99 = (ordered[int(len(ordered) * q)] for q in (0.50, 0.95, 0.99))
    events = result.events
    print(
        f"{result.load.batch:>5} x {result.load.connections:<3}"
        f" {len(ordered) / result.accept_s:>9,.0f} {events / result.accept_s:>10,.0f}"
        f" {events / result.store_s:>10,.0f}   {p50:>6.1f} {p95:>6.1f} {p99:>6.1f}"
        f"   {result.server_cpu_s / events * 1e6:>8.1f} {result.client_cpu_s / events * 1e6:>8.1f}"
        f" {result.peak_mb:>8.0f}"
    )


def main() -> None:
    """Runs every load against one server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8)
    seconds = parser.parse_args().seconds
    with running() as server:
        time.sleep(2)
        print(f"start to ready {server.started_in_s:.2f} s, idle {server.memory_mb():.0f} MB")
        print("batch x conn     req/s   accept/s    store/s   p50 ms    p95    p99"
              "   server us client us  peak MB")  # fmt: skip
        for load in (Load(1, 8), Load(1, 32), Load(10, 16), Load(100, 8)):
            show(run(server, load, seconds))


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
