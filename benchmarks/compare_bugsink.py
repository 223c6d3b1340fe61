"""Bugsink and Sluice side by side: `python -m benchmarks.compare_bugsink [--rounds 2]`.

Both get the same envelopes with one error of 11 KB each, on kept connections, by turns, on this
machine, each on empty stores. Bugsink comes from PyPI into an environment of its own, in a
temporary folder unless `--environment` names one. An event counts when it is stored, and its issue
with it; Bugsink digests behind its answer, and is waited for `--patience` seconds.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.bugsink import Bugsink, install, running_bugsink
from benchmarks.generate import Body, fill, generators_by_kind
from benchmarks.generators.errors import PATH
from benchmarks.server import Server, running
from schemas.kinds import ERROR

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-sentry-envelope\r\n"
    "Content-Length: {length}\r\n\r\n"
)
POLL_S = 0.2


class Round(NamedTuple):
    """What one round of one of them came to."""

    name: str
    answered: int
    stored: int
    send_s: float
    store_s: float
    latencies_ms: Sequence[float]
    cpu_s: float


def envelopes(count: int) -> list[Body]:
    """Returns errors in envelopes that name the event's id, as Bugsink asks for."""
    made = []
    for body in generators_by_kind()[ERROR.name].bodies(1, count, 1):
        first, *others = body.pieces
        begin = (b'{"event_id":"', b'",' + first[1:])
        made.append(Body([*begin, *others], [0, *body.numbers], 1))
    return made


async def send(port: int, path: str, seconds: float, connections: int) -> list[float]:
    """Sends until time is over; returns the latency of each answer, in milliseconds."""
    bodies = envelopes(40)
    latencies: list[float] = []
    deadline = time.perf_counter() + seconds

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while time.perf_counter() < deadline:
            body, _ = fill(bodies[turn % len(bodies)])
            turn += 1
            began = time.perf_counter()
            writer.write(HEAD.format(path=path, length=len(body)).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200"):
                raise RuntimeError(head.decode())
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            latencies.append((time.perf_counter() - began) * 1e3)
            if b"\r\nconnection: close" in head:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(connection(number) for number in range(connections)))
    return latencies


def run(
    name: str,
    running_one: Server | Bugsink,
    path: str,
    options: argparse.Namespace,
    wait: Callable[[int], int],
) -> Round:
    """Measures one of them; `wait` returns how many of so many events are stored in the end."""
    cpu, began = running_one.cpu_s(), time.perf_counter()
    latencies = asyncio.run(send(running_one.port, path, options.seconds, options.connections))
    sent = time.perf_counter() - began
    stored = wait(len(latencies))
    took = time.perf_counter() - began
    return Round(name, len(latencies), stored, sent, took, latencies, running_one.cpu_s() - cpu)


def run_sluice(options: argparse.Namespace) -> Round:
    """Measures Sluice."""
    with running() as server:

        def wait(count: int) -> int:
            server.wait_stored()
            return count

        return run("sluice", server, PATH, options, wait)


def run_bugsink(programs: Path, options: argparse.Namespace) -> Round:
    """Measures Bugsink."""
    with (
        tempfile.TemporaryDirectory(prefix="bugsink-") as folder,
        running_bugsink(programs, Path(folder)) as bugsink,
    ):

        def wait(count: int) -> int:
            deadline = time.perf_counter() + options.patience
            while (stored := bugsink.stored()) < count and time.perf_counter() < deadline:
                time.sleep(POLL_S)
            return stored

        return run("bugsink", bugsink, bugsink.path, options, wait)


def show(one: Round) -> None:
    """Prints one line of the table."""
    ordered = sorted(one.latencies_ms)
    p50, p99 = (ordered[int(len(ordered) * q)] for q in (0.50, 0.99))
    print(
        f"{one.name:<10} {one.answered:>8,} {one.answered / one.send_s:>10,.0f}"
        f" {one.stored:>8,} {one.stored / one.store_s:>9,.0f}   {p50:>8.1f} {p99:>8.1f}"
        f" {one.cpu_s / max(1, one.stored) * 1e3:>14.2f}",
        flush=True,
    )


def main() -> None:
    """Runs both by turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--patience", type=float, default=30)
    parser.add_argument("--environment", type=Path, help="where Bugsink is, or is installed to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bugsink-environment-") as folder:
        programs = install(options.environment or Path(folder))
        print(
            "           answered answered/s   stored  stored/s     p50 ms      p99  cpu ms an event"
        )
        for _ in range(options.rounds):
            show(run_sluice(options))
            show(run_bugsink(programs, options))


if __name__ == "__main__":
    main()
