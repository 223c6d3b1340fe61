"""How soon an accepted event can be read: `python -m benchmarks.bench_visible`.

One client sends a trace by `/v1/traces/async`, then asks for it by id until it is there, while
others load the server: not at all, as a small team does, and with all they have.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import httpx

from benchmarks.bench_ingest import head_of
from benchmarks.generate import fill, generators_by_kind
from benchmarks.server import DSN_KEY, KEY, TOKEN, Server, running
from schemas.kinds import TRACE

SENT = generators_by_kind()[TRACE.name]


class Background(NamedTuple):
    """What else is going on."""

    name: str
    connections: int
    batch: int
    pause_s: float


LOADS = (
    Background("idle", 0, 1, 0),
    Background("200 single events/s", 4, 1, 0.02),
    Background("5,000 events/s", 2, 100, 0.04),
    Background("all it takes", 8, 100, 0),
)


async def load(port: int, background: Background, stop: asyncio.Event) -> int:
    """Sends until told to stop; returns the events accepted."""
    bodies = SENT.bodies(3, 20, background.batch)

    async def connection(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        while not stop.is_set():
            body, ids = fill(bodies[(number + sent) % len(bodies)])
            writer.write(head_of(SENT, body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(
                int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            )
            sent += len(ids)
            await asyncio.sleep(background.pause_s)
        writer.close()
        return sent

    counts = await asyncio.gather(*(connection(number) for number in range(background.connections)))
    return sum(counts)


async def probe(port: int, samples: int) -> list[float]:
    """Returns, for each sample, the milliseconds from the 202 to the first answer that has it."""
    bodies = SENT.bodies(4, 20, 1)
    waits = []
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        for number in range(samples):
            body, ids = fill(bodies[number % len(bodies)])
            answer = await client.post(SENT.path, content=body)
            assert answer.status_code == 202, answer.text
            accepted = time.perf_counter()
            # Another process is asked: there is nothing to wait on but the clock.
            while (await client.get(f"/v1/traces/{ids[0]}")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            waits.append((time.perf_counter() - accepted) * 1e3)
    return waits


async def probe_issues(port: int, samples: int) -> list[float]:
    """Returns the same of errors, from the 200 to the first list whose newest issue is theirs."""
    waits = []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        (project,) = (await client.get("/api/v1/projects")).json()["projects"]
        issues = f"/api/v1/projects/{project['id']}/issues"
        for number in range(samples):
            # Of all runs against one server.
            title = f"{time.time_ns()} at {number}"
            event = {"message": title, "fingerprint": [title], "level": "error"}
            body = "\n".join(map(json.dumps, ({}, {"type": "event"}, event)))
            address = f"/api/1/envelope/?sentry_key={DSN_KEY}"
            answer = await client.post(address, content=body)
            assert answer.status_code == 200, answer.text
            accepted = time.perf_counter()
            while not await _is_newest(client, issues, title):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            waits.append((time.perf_counter() - accepted) * 1e3)
    return waits


async def _is_newest(client: httpx.AsyncClient, issues: str, title: str) -> bool:
    answer = await client.get(issues)
    assert answer.status_code == 200, answer.text
    found = answer.json()["issues"]
    return bool(found) and found[0]["title"] == title


Probe = Callable[[int, int], Awaitable[list[float]]]


async def measure(server: Server, background: Background, probing: Probe, samples: int) -> None:
    """Prints one line."""
    stop = asyncio.Event()
    started = time.perf_counter()
    loading = asyncio.create_task(load(server.port, background, stop))
    await asyncio.sleep(1)
    waits = sorted(await probing(server.port, samples))
    stop.set()
    rate = await loading / (time.perf_counter() - started)
    print(f"{background.name:<22} {rate:>9,.0f}   {_at(waits, 0.5):>7.0f} {_at(waits, 0.95):>7.0f}"
          f" {_at(waits, 0.99):>7.0f}")  # fmt: skip


def _at(ordered: Sequence[float], quantile: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * quantile))]


def main() -> None:
    """Runs every load against one server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    probing = probe_issues if options.errors else probe
    with running() as server:
        print("beside it               events/s   accepted -> visible, ms: p50     p95     p99")
        for background in LOADS:
            asyncio.run(measure(server, background, probing, options.samples))
            server.wait_stored()


if __name__ == "__main__":
    main()
