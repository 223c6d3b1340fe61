"""Whether anybody notices that a new version takes over: `python -m benchmarks.bench_switch`.

Clients ask an app through the proxy at a steady rate, over connections that they keep, while
instance after instance of it is started, put in place, and the one before drained and ended.
"""

import argparse
import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import psutil
import uvloop

from benchmarks.switching import PROJECT

CONNECTIONS = 32
POST_EVERY = 5
BODY = b"x" * 1000
TIMEOUT_S = 10.0
SETTLED_S = 0.3
"""Between two switches at least: some 150 requests meet each version."""


class Asked(NamedTuple):
    """One request: when it was due, how long it took from then on, and what went wrong."""

    due: float
    seconds: float
    failure: str


class Child:
    """A process of ours, and the port that it said first."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    async def tell(self, line: str) -> str:
        """Returns the line that the process answers with."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        return (await self.process.stdout.readline()).decode().strip()

    async def end(self) -> None:
        """Ends it by SIGTERM."""
        self.process.terminate()
        await self.process.wait()


async def start(module: str, *given: str) -> Child:
    """Starts a module of the benchmarks that says on which port it listens."""
    arguments = (sys.executable, "-m", f"benchmarks.{module}", *given)
    process = await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    return Child(process, int(await process.stdout.readline()))


class Load:
    """Requests at a steady rate, each due at its time whether those before are answered or not."""

    def __init__(self, port: int, per_second: int) -> None:
        self._port = port
        self._per_second = per_second
        self._began = time.perf_counter()
        self._next = 0
        self.is_over = False
        self.asked: list[Asked] = []

    async def run(self) -> None:
        """Sends until told to stop."""
        await asyncio.gather(*(self._connection() for _ in range(CONNECTIONS)))

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while not self.is_over:
            number, self._next = self._next, self._next + 1
            due = self._began + number / self._per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            failure = ""
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    failure = await _ask(reader, writer, is_post=number % POST_EVERY == 0)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                failure = type(error).__name__
            self.asked.append(Asked(due, time.perf_counter() - due, failure))
            if failure:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_post: bool) -> str:
    """Returns what went wrong; empty where the answer was right."""
    head = f"{'POST' if is_post else 'GET'} /app/{PROJECT}/x HTTP/1.1\r\nHost: localhost\r\n"
    body = BODY if is_post else b""
    length = f"Content-Length: {len(body)}\r\n" if is_post else ""
    writer.write(f"{head}{length}\r\n".encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
    status = answer.split()[1].decode()
    return "" if status == "200" else status


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Child, Child]]:
    """Yields the proxy and the first instance behind it."""
    proxy, first = await start("switching"), await start("switched_app", "0")
    await proxy.tell(f"put {first.port} 0")
    try:
        yield proxy, first
    finally:
        assert proxy.process.stdin is not None
        proxy.process.stdin.close()
        await proxy.process.wait()


async def switch_over(proxy: Child, old: Child, number: int) -> tuple[Child, float]:
    """Puts a new instance in the place of the old one; returns it, and how long that took."""
    new = await start("switched_app", str(number))
    began = time.perf_counter()
    await proxy.tell(f"put {new.port} {number}")
    left = await proxy.tell(f"drain {number - 1}")
    seconds = time.perf_counter() - began
    assert left == "0", f"{left} requests of instance {number - 1} did not end"
    await old.end()
    return new, seconds


async def measure(switches: int, per_second: int) -> None:
    """Runs all of it, and prints what came of it."""
    async with proxied() as (proxy, serving):
        load = Load(proxy.port, per_second)
        running = asyncio.create_task(load.run())
        times = []
        processor = psutil.Process(proxy.process.pid)
        before = processor.cpu_times()
        for number in range(1, switches + 1):
            serving, seconds = await switch_over(proxy, serving, number)
            times.append(seconds)
            await asyncio.sleep(SETTLED_S)
        after = processor.cpu_times()
        load.is_over = True
        await running
        await serving.end()
    used_s = after.user + after.system - before.user - before.system
    _show(load.asked, times, used_s)


def _show(asked: list[Asked], times: list[float], used_s: float) -> None:
    failures = Counter(one.failure for one in asked if one.failure)
    took = sorted(one.seconds * 1000 for one in asked)
    lasted_s = asked[-1].due - asked[0].due
    print(f"switches   {len(times)}, drained after {1000 * max(times):.0f} ms at most")
    print(f"requests   {len(asked):,} in {lasted_s:.0f} s: {len(asked) / lasted_s:.0f} a second")
    print(f"failed     {sum(failures.values())} {dict(failures) or ''}")
    shares = ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))
    shown = ", ".join(f"{name} {took[int(len(took) * share)]:.1f}" for share, name in shares)
    print(f"ms         {shown}, most {took[-1]:.1f} (of which the app takes 20)")
    print(f"proxy      {1000 * used_s / len(asked):.2f} ms of processor time a request")


def main() -> None:
    """Measures as the options say."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--switches", type=int, default=100)
    options.add_argument("--per-second", type=int, default=500)
    given = options.parse_args()
    uvloop.run(measure(given.switches, given.per_second))


if __name__ == "__main__":
    main()
