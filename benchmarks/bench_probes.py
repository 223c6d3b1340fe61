"""Ten thousand HTTP monitors at 30 s on one prober: `python -m benchmarks.bench_probes`.

The server that is looked at, on loopback, is another process. Printed are what the prober takes of
one core, how late checks began, and checks that failed though the server was there all the time.
Then the prober is stopped for a while and started again on its file: printed is how long it takes
until every monitor was looked at again, and slots that are missing or doubled.
Aims: below 50 % of a core, p99 below 50 ms, no failure; all again within one interval.
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
from typing import NamedTuple, cast

import uvloop

from probes.prober import Prober
from probes.settings import ProberSettings
from probes.slots import grid_of
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorId, Target

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n" + b'{"state": "up"}'
CALIBRATION_BODIES = 100_000
PAUSE_SHARE = 1 / 3
"""Of an interval: as long as an upgrade takes. Its slots are done late, and none is lost."""


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

    def __init__(self, monitors: int) -> None:
        self._monitors = monitors
        self._names: set[str] = set()
        self.complete = asyncio.Event()
        """Set when each monitor was looked at."""
        self.late_ms: list[float] = []
        self.started: list[tuple[str, int, int]] = []
        """Of each check: its monitor, its slot, and when it began."""
        self.outcomes: Counter[str] = Counter()
        self.seen: set[tuple[str, int, int]] = set()
        self.doubled = 0

    async def take(self, checks: Sequence[Check]) -> None:
        """Counts results, as the sink of a prober."""
        for check in checks:
            self.late_ms.append((check.started_us - check.slot_us) / 1000)
            self.started.append((check.monitor_id, check.slot_us, check.started_us))
            self.outcomes[f"{check.outcome} {check.reason}".strip()] += 1
            self._names.add(check.monitor_id)
            key = (check.monitor_id, check.slot_us, check.attempt)
            self.doubled += key in self.seen
            self.seen.add(key)
        if len(self._names) == self._monitors:
            self.complete.set()


async def measure(count: int, interval_s: int, seconds: float, port: int) -> None:
    """Runs a prober for so long, and prints what it took."""
    figures = Figures(count)
    with tempfile.TemporaryDirectory() as folder:
        settings = ProberSettings(
            region="bench", private_allowed=True, spool_path=Path(folder) / "spool"
        )
        looked = targets(count, interval_s, port)
        prober = Prober(looked, figures.take, settings)
        running = asyncio.create_task(prober.run())
        await asyncio.sleep(2)
        figures.late_ms.clear()
        used, begun = _cpu_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        share = (_cpu_s() - used) / (time.perf_counter() - begun)
        late_ms = sorted(figures.late_ms)
        await prober.stop()
        await running
        again = await restart(looked, settings)
    p50, p99 = (late_ms[int(len(late_ms) * part)] for part in (0.5, 0.99))
    print(f"checks a second             {len(late_ms) / seconds:10.1f}")
    print(f"share of a core             {share:10.1%}")
    print(f"  as json.loads of 1.25 KB  {share * _loads_a_second():10.0f} a second")
    print(f"late p50, p99, most (ms)    {p50:10.2f} {p99:10.2f} {late_ms[-1]:10.2f}")
    print(f"doubled                     {figures.doubled:10d}")
    print(f"outcomes                    {dict(figures.outcomes)}")
    print(f"after a pause of (s)        {again.pause_s:10.1f}")
    print(f"all looked at again in (s)  {again.all_after_s:10.2f}")
    print(f"  late p99, most (ms)       {again.late_p99_ms:10.2f} {again.late_most_ms:10.2f}")
    print(f"slots missing, doubled      {again.missing:10d} {again.doubled:10d}")


class Again(NamedTuple):
    """What a restart came to."""

    pause_s: float
    all_after_s: float
    late_p99_ms: float
    """Later than the slot, or than the slot and the pause for what fell into it."""
    late_most_ms: float
    missing: int
    doubled: int


async def restart(looked: Sequence[Target], settings: ProberSettings) -> Again:
    """Pauses for a third of an interval, then runs a new prober until it has looked at all."""
    interval_s = looked[0].interval_seconds
    stopped_us, pause_s = time.time_ns() // 1000, interval_s * PAUSE_SHARE
    await asyncio.sleep(pause_s)
    figures, begun_us = Figures(len(looked)), time.time_ns() // 1000
    prober = Prober(looked, figures.take, settings)
    running = asyncio.create_task(prober.run())
    async with asyncio.timeout(3 * interval_s):
        await figures.complete.wait()
    await prober.stop()
    await running
    firsts: dict[str, tuple[int, int]] = {}
    for name, slot_us, started_us in figures.started:
        firsts[name] = min(firsts.get(name, (slot_us, started_us)), (slot_us, started_us))
    pause_us = begun_us - stopped_us
    late_ms = sorted(
        (started_us - slot_us - pause_us * (slot_us < begun_us)) / 1000
        for slot_us, started_us in firsts.values()
    )
    return Again(
        pause_s=pause_us / 1e6,
        all_after_s=(max(started_us for _, started_us in firsts.values()) - begun_us) / 1e6,
        late_p99_ms=late_ms[int(len(late_ms) * 0.99)],
        late_most_ms=late_ms[-1],
        missing=sum(
            grid_of(one, settings.region).first(stopped_us) < firsts[one.monitor_id][0]
            for one in looked
        ),
        doubled=figures.doubled,
    )


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
