"""Ten thousand HTTP monitors at 30 s on one prober: `python -m benchmarks.bench_probes`.

The server that is looked at, on loopback, is another process. Printed are what the prober takes of
one core, how late checks began, and checks that failed though the server was there all the time.
Aims: below 50 % of a core, p99 below 50 ms, no failure.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import uvloop

from probes.prober import Prober
from probes.settings import ProberSettings
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorId, Target

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n" + b'{"state": "up"}'
CALIBRATION_BODIES = 100_000


class _Server(asyncio.Protocol):
    """Answers each connection once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Those of uvloop are no subclass of it.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(ANSWER)
            self._transport.close()


def serve(pipe: Connection) -> None:
    """Serves until it is killed; says its port first."""

    async def work() -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        server = await asyncio.get_running_loop().create_server(
            _Server, sock=listening, backlog=4096
        )
        pipe.send(listening.getsockname()[1])
        await server.serve_forever()

    uvloop.run(work())


def targets(count: int, interval_s: int, port: int) -> list[Target]:
    """Returns so many monitors of one server."""
    return [
        Target(
            monitor_id=MonitorId(f"mon_{number:08d}"),
            project_id=ProjectId("00000000-0000-0000-0000-000000000001"),
            type="http",
            url=f"http://127.0.0.1:{port}/health/{number}",
            interval_seconds=interval_s,
        )
        for number in range(count)
    ]


class Figures:
    """What came back."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.seen: set[tuple[str, int, int]] = set()
        self.doubled = 0

    async def take(self, checks: Sequence[Check]) -> None:
        """Counts results, as the sink of a prober."""
        for check in checks:
            self.late_ms.append((check.started_us - check.slot_us) / 1000)
            self.outcomes[f"{check.outcome} {check.reason}".strip()] += 1
            key = (check.monitor_id, check.slot_us, check.attempt)
            self.doubled += key in self.seen
            self.seen.add(key)


async def measure(count: int, interval_s: int, seconds: float, port: int) -> None:
    """Runs a prober for so long, and prints what it took."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        settings = ProberSettings(
            region="bench", private_allowed=True, spool_path=Path(folder) / "spool"
        )
        prober = Prober(targets(count, interval_s, port), figures.take, settings)
        running = asyncio.create_task(prober.run())
        await asyncio.sleep(2)
        figures.late_ms.clear()
        used, begun = _cpu_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        share = (_cpu_s() - used) / (time.perf_counter() - begun)
        late_ms = sorted(figures.late_ms)
        await prober.stop()
        await running
    p50, p99 = (late_ms[int(len(late_ms) * part)] for part in (0.5, 0.99))
    print(f"checks a second             {len(late_ms) / seconds:10.1f}")
    print(f"share of a core             {share:10.1%}")
    print(f"  as json.loads of 1.25 KB  {share * _loads_a_second():10.0f} a second")
    print(f"late p50, p99, most (ms)    {p50:10.2f} {p99:10.2f} {late_ms[-1]:10.2f}")
    print(f"doubled                     {figures.doubled:10d}")
    print(f"outcomes                    {dict(figures.outcomes)}")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _loads_a_second() -> float:
    """Returns what a core does here, which is what figures of two machines are compared by."""
    body = json.dumps({f"key_{number}": "x" * 40 for number in range(24)})
    begun = time.process_time()
    for _ in range(CALIBRATION_BODIES):
        json.loads(body)
    return CALIBRATION_BODIES / (time.process_time() - begun)


def main() -> None:
    """Reads the options, starts the server, measures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--monitors", type=int, default=10_000)
    options.add_argument("--interval", type=int, default=30, help="seconds")
    options.add_argument("--seconds", type=float, default=60)
    chosen = options.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        uvloop.run(measure(chosen.monitors, chosen.interval, chosen.seconds, here.recv()))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
