"""Sluice and another server that takes OTLP, side by side: the same requests, by turns.

Each round starts on empty stores. `persisted` is what the store holds at last, and how many a
second until then; `--patience` says how many seconds are waited for it. `kept` is what is there of
the spans that were answered, when every process was killed after the last answer and started again.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from benchmarks.otlp_traffic import (
    CALLS_OF_A_TRACE,
    OF_A_TRACE,
    Exported,
    export,
    last_day,
    requests_of,
)
from benchmarks.server import KEY, free_port

START_S, POLL_S = 180, 0.2


class Peer(NamedTuple):
    """How one server is started, and how its spans are counted."""

    name: str
    command: Callable[[Path, int], list[str]]
    """By the folder of its data and its port."""
    environ: Callable[[Path, int], dict[str, str]]
    ready: str
    headers: Mapping[str, str]
    count: Callable[[Path, int], int]
    """How many spans it holds, by the same two; asked while it runs."""


class Started:
    """A running server, with all of its processes in a group."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self._peer, self._folder = peer, folder
        self.port = free_port()
        with (folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                peer.command(folder, self.port),
                cwd=folder,
                env={**os.environ, **peer.environ(folder, self.port)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_up()

    def stored(self) -> int:
        """Returns how many spans it holds."""
        return self._peer.count(self._folder, self.port)

    def export(self, requests: list[bytes], connections: int) -> Exported:
        """Sends all requests."""
        return asyncio.run(
            export(self.port, "/v1/traces", self._peer.headers, requests, connections)
        )

    def kill(self) -> None:
        """Kills every process of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait_up(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                urlopen(f"http://127.0.0.1:{self.port}{self._peer.ready}") as answer,
            ):
                if answer.status == 200:
                    return
            time.sleep(POLL_S)
        self.kill()
        raise TimeoutError(f"{self._peer.name} did not come up; see {self._folder / 'output'}")


def rows_in(file: str, table: str) -> Callable[[Path, int], int]:
    """Counts the rows of a table of a SQLite file in the folder."""

    def count(folder: Path, _: int) -> int:
        address = f"file:{folder / file}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608

    return count


def sluice() -> Peer:
    """Sluice, as `sluice up` starts it."""

    def environ(folder: Path, port: int) -> dict[str, str]:
        return {
            "SLUICE_DATA_DIR": str(folder / "data"),
            "SLUICE_PORT": str(port),
            "SLUICE_INIT_API_KEY": KEY,
            "SLUICE_LOG_LEVEL": "warning",
            "SLUICE_RATE_LIMIT": "0",
        }

    return Peer(
        "sluice",
        lambda folder, port: [str(Path(sys.executable).with_name("sluice")), "up"],
        environ,
        "/ready",
        {"Authorization": f"Bearer {KEY}"},
        lambda folder, port: _counted(port),
    )


def _counted(port: int) -> int:
    """Spans of which two of ten are calls: the rows of a block are stored together."""
    url = f"http://127.0.0.1:{port}/v1/analytics?{last_day()}"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {KEY}"})) as answer:
        calls = int(json.load(answer)["totalRequests"])
    return calls // CALLS_OF_A_TRACE * OF_A_TRACE


def install(folder: Path, *packages: str) -> Path:
    """Returns the programs of an environment with these packages; one that is there stays."""
    programs = folder / "bin"
    if not (programs / "pip").exists() and not (programs / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(programs / "pip"), "install", "-q", *packages], check=True)
    return programs


def compare(peer_of: Callable[[Path], Peer], packages: tuple[str, ...]) -> None:
    """Runs both by turns. `peer_of` makes the other one, by the folder of its programs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--environment", type=Path, help="where the other is, or is installed to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="peer-environment-") as folder:
        programs = install(options.environment or Path(folder), *packages)
        print("          answered answered/s   p95 ms  persisted persisted/s   kept after kill -9")
        for number in range(options.rounds):
            requests = requests_of(number, options.requests)
            for peer in (sluice(), peer_of(programs)):
                _round(peer, requests, options)


def _round(peer: Peer, requests: list[bytes], options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{peer.name}-") as folder:
        started = Started(peer, Path(folder))
        try:
            began = time.perf_counter()
            sent = started.export(requests, options.connections)
            persisted = _wait(started, sent.answered, options.patience)
            took = time.perf_counter() - began
        finally:
            started.kill()
    with tempfile.TemporaryDirectory(prefix=f"{peer.name}-") as folder:
        started = Started(peer, Path(folder))
        try:
            answered = started.export(requests, options.connections).answered
        finally:
            started.kill()
        started = Started(peer, Path(folder))
        try:
            kept = _wait(started, answered, options.patience / 4)
        finally:
            started.kill()
    print(
        f"{peer.name:<8} {sent.answered:>9,} {sent.answered / sent.send_s:>10,.0f}"
        f" {sent.quantile(0.95):>8.1f} {persisted:>10,} {persisted / took:>11,.0f}"
        f" {kept:>10,} of {answered:,}",
        flush=True,
    )


def _wait(started: Started, wanted: int, patience_s: float) -> int:
    """Returns how many spans are there when all are, or when patience is over."""
    deadline = time.perf_counter() + patience_s
    while (stored := started.stored()) < wanted and time.perf_counter() < deadline:
        time.sleep(POLL_S)
    return stored
