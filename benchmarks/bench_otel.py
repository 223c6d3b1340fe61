"""Spans of OpenTelemetry end to end: `python -m benchmarks.bench_otel [--requests 400]`.

Spans of 1.6 KB in gzip protobuf, 200 a request, two of ten a call of a model. The client shares the
machine with the server. `stored` ends when the last span is stored and priced. `visible` is from
the answer to a request until its call can be read, while the load runs and without it.
"""

import argparse
import asyncio
import gzip
import json
import random
import threading
import time
from collections.abc import Sequence
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.otlp_traffic import (
    BATCH,
    CALLS_OF_A_TRACE,
    Exported,
    export,
    last_day,
    request,
    requests_of,
)
from benchmarks.server import KEY, Server, running

PATH = "/v1/traces"
HEADERS = {"Authorization": f"Bearer {KEY}"}
POLL_S, EVERY_S, QUIET = 0.02, 0.5, 20


class Watch(threading.Thread):
    """Sends a call twice a second, and notes how long it takes until it is listed."""

    def __init__(self, server: Server, seed: str) -> None:
        super().__init__(daemon=True)
        self.seen_s: list[float] = []
        self.over = threading.Event()
        self._server = server
        self._chance = random.Random(seed)

    def run(self) -> None:
        """Looks until it is over."""
        while not self.over.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """Sends one and waits for it."""
        body = request(self._chance, 2)
        call = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[1]
        url = f"http://127.0.0.1:{self._server.port}{PATH}"
        told = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        with urlopen(Request(url, gzip.compress(body), HEADERS | told)):
            answered = time.perf_counter()
        while not _is_there(f"{url}/{call.trace_id.hex()}-{call.span_id.hex()}"):
            time.sleep(POLL_S)
        self.seen_s.append(time.perf_counter() - answered)


def run(server: Server, requests: Sequence[bytes], connections: int, seed: int) -> None:
    """Measures one load, and prints it."""
    watch = Watch(server, f"watch {seed}")
    watch.start()
    cpu, began = server.cpu_s(), time.perf_counter()
    sent = asyncio.run(export(server.port, PATH, HEADERS, requests, connections))
    server.wait_stored()
    stored_s = time.perf_counter() - began
    watch.over.set()
    watch.join()
    _show(sent, stored_s, server.cpu_s() - cpu, watch.seen_s)
    _show_priced(server, sent.answered // 10 * CALLS_OF_A_TRACE + len(watch.seen_s))
    print(f"peak memory {server.peak_mb():.0f} MB")


def _show(sent: Exported, stored_s: float, cpu_s: float, seen_s: Sequence[float]) -> None:
    print(
        f"{sent.answered:,} spans: accepted {sent.answered / sent.send_s:,.0f}/s,"
        f" stored and priced {sent.answered / stored_s:,.0f}/s"
    )
    print(
        f"answer of {BATCH}: p50 {sent.quantile(0.5):.1f} ms, p95 {sent.quantile(0.95):.1f} ms,"
        f" p99 {sent.quantile(0.99):.1f} ms; server {cpu_s / sent.answered * 1e6:.1f} us a span"
    )
    if seen_s:
        print(f"visible under load: at most {max(seen_s):.2f} s, of {len(seen_s)}")


def _show_priced(server: Server, calls: int) -> None:
    url = f"http://127.0.0.1:{server.port}/v1/analytics?{last_day()}"
    with urlopen(Request(url, headers=HEADERS)) as answer:
        found = json.load(answer)
    print(f"{found['totalRequests']:,} calls of {calls:,}, {found['totalCost'] / 100:.2f} USD")


def _is_there(url: str) -> bool:
    try:
        with urlopen(Request(url, headers=HEADERS)) as answer:
            return bool(answer.status == 200)
    except HTTPError:
        return False


def main() -> None:
    """Runs the load once, then looks at a quiet server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=14)
    options = parser.parse_args()
    requests = requests_of(options.seed, options.requests)
    wire = sum(map(len, requests)) / len(requests)
    print(f"seed {options.seed}, {wire / 1e3:.0f} KB a request of {BATCH} spans, compressed")
    with running() as server:
        run(server, requests, options.connections, options.seed)
        quiet = Watch(server, f"quiet {options.seed}")
        for _ in range(QUIET):
            quiet.look()
        ordered = sorted(quiet.seen_s)
        print(f"visible without it: p50 {ordered[QUIET // 2]:.2f} s, p95 {ordered[-2]:.2f} s")


if __name__ == "__main__":
    main()
