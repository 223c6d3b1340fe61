"""How soon viewers see what a deployment prints: `python -m benchmarks.bench_deploy_logs`.

`sluice up` in a process of its own, whose deployer prints lines into the event log as builds do;
viewers follow by WebSocket from another process. Each line holds the moment at which it was
printed. All of them are compared: none may be missing, come twice, or come out of order.
"""

import argparse
import asyncio
import multiprocessing
import random
import resource
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import psutil
import uvloop
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect

from api.deploys.readers import Connection, Ending
from benchmarks.generators.deploys import text
from deploys.lines.masking import Masker
from deploys.lines.sending import sender
from deploys.lines.writing import LineWriter, Log
from eventlog.sqlite_log import SqliteLog
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings
from sluice import node
from sluice.process import Process
from sluice.serve import serve
from tests.components.processes import free_ports

SECRETS = 50
TICK_S = 0.01
"""Between two writes of a build."""
MIB = 1 << 20
HEAD = 19
"""Digits of a moment in nanoseconds."""


class Load(NamedTuple):
    """What is printed, and who looks at it."""

    lines_per_s: int
    viewers: int
    seconds: float
    slow: int = 0
    """How many of the viewers read nothing until all is printed."""


LOADS = (
    Load(100, 1, 10),
    Load(1_000, 10, 10),
    Load(10_000, 1, 10),
    Load(10_000, 3, 10),
    Load(10_000, 4, 10, slow=1),
    Load(10, 1_000, 10),
)


class Result(Struct):
    """What the viewers of one load saw."""

    latencies_ms: list[float]
    wrong: int
    """Viewers that did not get every line once and in order."""
    server_s: float
    """Processor time of the server, a second."""
    memory_mib: float
    """By how much the server's memory had grown at most, since before the first viewer."""


class Printing:
    """The deployment of one load: prints as soon as all viewers are there."""

    def __init__(self, process: Process, load: Load, deployment_id: str) -> None:
        self._process, self._load, self._deployment_id = process, load, deployment_id
        self._project = ProjectContext(ProjectId(str(uuid.uuid4())))
        self._ended: Ending | None = None
        self.used_s = 0.0

    async def find(self, connection: Connection, deployment_id: str) -> ProjectContext:
        """Lets everybody read."""
        return self._project

    async def ending(self, project: ProjectContext, deployment_id: str) -> Ending | None:
        """Returns that everything is printed, once it is."""
        return self._ended

    async def run(self, event_log: SqliteLog) -> None:
        """Prints what the load says."""
        chance = random.Random(7)
        masker = Masker([f"{chance.getrandbits(160):x}" for _ in range(SECRETS)])
        texts = [text(chance) for _ in range(1_000)]
        feeds = self._process.state["deploy_feeds"]
        while feeds._viewers.total() < self._load.viewers:  # noqa: ASYNC110 - another's state
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        used = _used_s()
        of = Log(self._project.project_id, self._deployment_id)
        async with LineWriter(of, masker, send=sender(event_log)) as writer:
            began, printed = time.monotonic(), 0
            while (elapsed := time.monotonic() - began) < self._load.seconds:
                due = int(elapsed * self._load.lines_per_s) - printed
                if due > 0:
                    now = time.time_ns()
                    lines = [f"{now} {texts[(printed + n) % 1_000]}\n" for n in range(due)]
                    await writer.write("stdout", "".join(lines).encode())
                    printed += due
                await asyncio.sleep(TICK_S)
        self._ended = Ending("stopped", time.time_ns() // 1000, writer.next_seq - 1)
        self.used_s = (_used_s() - used) / self._load.seconds


def serving(port: int, load: Load, deployment_id: str, told: Any) -> None:
    """Runs the server; tells its processor time when everything is printed."""

    async def run() -> None:
        with TemporaryDirectory() as folder:
            settings = Settings(port=port, data_dir=folder)

            async def open_parts(process: Process) -> None:
                await node.open_parts(process)
                printing = Printing(process, load, deployment_id)
                process.state["deploy_reader"] = printing
                # What `sluice up` has as its deployer is here a task beside.
                event_log: SqliteLog = process.state["deploy_feeds"]._tail._log
                task = asyncio.create_task(printing.run(event_log))
                task.add_done_callback(lambda _: told.put(printing.used_s))

            await serve(settings, open_parts, lambda _: told.put(0.0))

    uvloop.run(run())


async def look(port: int, load: Load, deployment_id: str) -> tuple[list[float], int]:
    """Follows with every viewer; returns how late each line came, and who saw a wrong log.

    How late it came to slow ones is not counted.
    """
    url = f"ws://127.0.0.1:{port}/api/v1/logs/{deployment_id}/stream"
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                connect(url, proxy=None, compression=None, ping_interval=None, max_queue=most)
            )
            for most in (1 if number < load.slow else None for number in range(load.viewers))
        ]
        seen = await asyncio.gather(
            *(
                _watch(client, load.seconds if number < load.slow else 0)
                for number, client in enumerate(clients)
            )
        )
    latencies = [late for lates, _ in seen[load.slow :] for late in lates]
    return latencies, sum(not is_right for _, is_right in seen)


async def _watch(client: ClientConnection, rests_s: float) -> tuple[list[float], bool]:
    lates, expected, is_right = [], 1, True
    await asyncio.sleep(rests_s)
    async for message in client:
        now = time.time_ns()
        line = msgspec.json.decode(message)
        if line.get("type") == "end":
            break
        is_right = is_right and line["seq"] == expected
        expected += 1
        lates.append((now - int(line["message"][:HEAD])) / 1e6)
    return lates, is_right and expected > 1


def measure(load: Load) -> Result:
    """Runs one load on a new server."""
    (port,) = free_ports(1)
    deployment_id = str(uuid.uuid4())
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    server = context.Process(target=serving, args=(port, load, deployment_id, told))
    server.start()
    try:
        told.get(timeout=60)
        with growing(server.pid) as memory:
            latencies, wrong = uvloop.run(look(port, load, deployment_id))
        used_s = told.get(timeout=60)
    finally:
        server.terminate()
        server.join()
    return Result(latencies, wrong, used_s, max(memory) - memory[0])


@contextmanager
def growing(pid: int | None) -> Iterator[list[float]]:
    """Yields the memory of a process in MiB, at each moment while this lasts."""
    process, over = psutil.Process(pid), threading.Event()
    found = [process.memory_info().rss / MIB]

    def look_on() -> None:
        while not over.wait(0.1):
            found.append(process.memory_info().rss / MIB)

    looking = threading.Thread(target=look_on)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join()


def percentile(sorted_ms: Sequence[float], share: float) -> float:
    """Returns the value that a share of all does not exceed."""
    return sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))]


def show(load: Load, result: Result) -> None:
    """Prints one line."""
    found = sorted(result.latencies_ms)
    expected = load.lines_per_s * load.seconds * (load.viewers - load.slow)
    shares = "".join(f"{percentile(found, share):>8.1f}" for share in (0.5, 0.95, 0.99, 1.0))
    print(
        f"{load.lines_per_s:>8,} {load.viewers:>8,} {len(found) / load.seconds:>12,.0f}{shares}"
        f" {len(found) / expected:>8.1%} {result.wrong:>6} {result.server_s:>8.0%}"
        f" {result.memory_mib:>5.0f} MiB",
        flush=True,
    )


def _used_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Runs every load, or the one that is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, help="only this many lines a second")
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--slow", type=int, default=0, help="of the viewers")
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    only = Load(arguments.lines or 0, arguments.viewers, arguments.seconds, arguments.slow)
    print(
        " lines/s  viewers     frames/s  p50 ms     p95     p99     max     seen  wrong    server"
        "    memory"
    )
    for load in [only] if arguments.lines else LOADS:
        show(load, measure(load))


if __name__ == "__main__":
    main()
