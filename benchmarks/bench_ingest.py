"""Ingest from outside: `python -m benchmarks.bench_ingest [--kind KIND] [--load 1x32]`.

The client shares the machine with the server, as the budgets of the design say. For each batch
size: requests and events accepted a second, events stored a second end to end (the clock stops
when the last one can be read), latencies, processor time of both sides, memory; and what one core
does of `json.loads` of events of the first kind, which says how fast the machine is. Then, for
batches of 100, the server's processor time by thread and, from a second run, by place in the code.
`--load` runs one load alone, and shows the same of it. `--owner-core 0` keeps the process that owns
log and store on one core, so that edges (`BENCH_EDGES`) are what more cores would bring.
"""

import argparse
import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.generate import FIRST_KIND, Generator, fill, generators_by_kind
from benchmarks.generators.errors import MORE
from benchmarks.server import KEY, Server, running

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)


LEAST_SHOWN = 0.01


class Load(NamedTuple):
    """One way of sending."""

    batch: int
    connections: int


LOADS = (Load(1, 8), Load(1, 32), Load(10, 16))
BATCHES = Load(100, 8)


class Result(NamedTuple):
    """What one load came to."""

    load: Load
    events: int
    accept_s: float
    store_s: float
    latencies_ms: Sequence[float]
    server_cpu_s: float
    client_cpu_s: float
    json_us: float
    """What `json.loads` of an event of the registry's first kind takes of a core."""
    peak_mb: float

    @property
    def server_us(self) -> float:
        """The server's processor time for one event."""
        return self.server_cpu_s / self.events * 1e6

    @property
    def to_json(self) -> float:
        """Events stored a second, over those that one core reads with `json.loads`."""
        return self.events / self.store_s * self.json_us / 1e6

    @property
    def cpu_to_json(self) -> float:
        """The server's processor time for one event, over what `json.loads` takes."""
        return self.server_us / self.json_us


def head_of(generator: Generator, body: bytes) -> bytes:
    """Returns what a request with this body begins with."""
    return HEAD.format(path=generator.path, key=KEY, length=len(body)).encode()


def json_us(batch: int) -> float:
    """Returns the processor time that `json.loads` takes for an event of the first kind.

    Whatever is sent: it says how fast the machine is, and an event of another kind may be no JSON.
    """
    first = generators_by_kind()[FIRST_KIND]
    whole = [fill(body)[0] for body in first.bodies(batch, 20, batch)]
    events = [json.dumps(event).encode() for body in whole for event in json.loads(body)]
    rounds = max(1, 10_000 // len(events))
    started = time.process_time()
    for _ in range(rounds):
        for event in events:
            json.loads(event)
    return (time.process_time() - started) / (rounds * len(events)) * 1e6


async def send_for(
    port: int, generator: Generator, load: Load, seconds: float
) -> tuple[int, list[float]]:
    """Sends from several connections until time is over; returns events and latencies in ms."""
    bodies = generator.bodies(load.batch, 20, load.batch)
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
            writer.write(head_of(generator, body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 20"):
                raise RuntimeError(head.decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append((time.perf_counter() - started) * 1e3)
            sent += len(ids)
        writer.close()
        return sent

    counts = await asyncio.gather(*(connection(number) for number in range(load.connections)))
    return sum(counts), latencies


def run(server: Server, generator: Generator, load: Load, seconds: float) -> Result:
    """Measures one load."""
    json_before = json_us(load.batch)
    cpu, own = server.cpu_s(), _own_cpu_s()
    started = time.perf_counter()
    events, latencies = asyncio.run(send_for(server.port, generator, load, seconds))
    accepted = time.perf_counter() - started
    own = _own_cpu_s() - own
    server.wait_stored()
    stored = time.perf_counter() - started
    used = server.cpu_s() - cpu
    json_mean = (json_before + json_us(load.batch)) / 2
    return Result(load, events, accepted, stored, latencies, used, own, json_mean, server.peak_mb())


def show(result: Result) -> None:
    """Prints one line of the table."""
    ordered = sorted(result.latencies_ms)
    p50, p95, p99 = (ordered[int(len(ordered) * q)] for q in (0.50, 0.95, 0.99))
    events = result.events
    print(
        f"{result.load.batch:>5} x {result.load.connections:<3}"
        f" {len(ordered) / result.accept_s:>9,.0f} {events / result.accept_s:>10,.0f}"
        f" {events / result.store_s:>10,.0f}   {p50:>6.1f} {p95:>6.1f} {p99:>6.1f}"
        f"   {result.server_us:>8.1f} {result.client_cpu_s / events * 1e6:>8.1f}"
        f" {result.to_json:>7.3f} {result.cpu_to_json:>6.1f} {result.peak_mb:>8.0f}"
    )


def show_parts(title: str, used: Counter[str], events: int) -> None:
    """Prints what has used more than a hundredth of the time, the greatest first."""
    total = used.total()
    print(f"\n{title:<44} us an event     %")
    for name, seconds in used.most_common():
        if seconds > LEAST_SHOWN * total:
            print(f"{name:<44} {seconds / events * 1e6:>11.1f} {seconds / total:>5.0%}")
    print(f"{'all':<44} {total / events * 1e6:>11.1f}")


def main() -> None:
    """Runs every load against one server, and the last one against a second that is sampled."""
    sent = {name: one for name, one in generators_by_kind().items() if one.path}
    generators = sent | MORE
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=generators, default=FIRST_KIND)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only-batches", action="store_true", help="only batches of 100")
    parser.add_argument("--load", type=read_load, help="only this one: batch x connections")
    parser.add_argument("--owner-core", type=int, help="the owner here, edges and client not")
    arguments = parser.parse_args()
    generator = generators[arguments.kind]
    last = arguments.load or BATCHES._replace(batch=min(BATCHES.batch, generator.most))
    with running() as server:
        time.sleep(2)
        if arguments.owner_core is not None:
            server.keep_on(arguments.owner_core)
        print(f"start to ready {server.started_in_s:.2f} s, idle {server.memory_mb():.0f} MB")
        print("batch x conn     req/s   accept/s    store/s   p50 ms    p95    p99"
              "   server us client us  store/s server  peak MB\n"
              "                                            "
              "                                  : json : json")  # fmt: skip
        for load in () if arguments.only_batches or arguments.load else LOADS:
            show(run(server, generator, load, arguments.seconds))
        before = server.threads_s()
        result = run(server, generator, last, arguments.seconds)
        show(result)
        show_parts("thread", server.threads_s() - before, result.events)
    if arguments.owner_core is not None:
        return
    with running(stages=True) as server:
        before = server.stages_s()
        result = run(server, generator, last, arguments.seconds)
        show_parts("place in the code", server.stages_s() - before, result.events)
    print(f"one core's json.loads: {1e6 / result.json_us:,.0f} events/s")


def read_load(text: str) -> Load:
    """Reads `1x32`: a batch of one on 32 connections."""
    batch, _, connections = text.partition("x")
    return Load(int(batch), int(connections))


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
