"""Starts `sluice up` for a benchmark and looks at it from outside."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil

KEY = "pulse_sk_00000000-0000-4000-8000-000000000001"


class Server:
    """A running `sluice up`."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], started_in_s: float) -> None:
        self.port = port
        self.started_in_s = started_in_s
        self._process = psutil.Process(process.pid)

    def cpu_s(self) -> float:
        """Returns the processor time used so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        """Returns the resident memory."""
        return float(self._process.memory_info().rss / 1e6)

    def metric(self, name: str) -> float:
        """Returns the sum of a metric over its labels."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    def wait_stored(self, timeout_s: float = 120) -> None:
        """Returns when the log holds nothing that is not stored."""
        deadline = time.monotonic() + timeout_s
        while self.metric("sluice_lag_records") > 0:
            if time.monotonic() > deadline:
                raise TimeoutError("the stream did not catch up")
            time.sleep(0.05)


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Server]:
    """Starts a server on a free port with an empty data directory; stops it at the end."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        port = _free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if "SLUICE_" not in name},
            "SLUICE_DATA_DIR": directory,
            "SLUICE_PORT": str(port),
            "SLUICE_INIT_API_KEY": KEY,
            "SLUICE_LOG_LEVEL": "warning",
            **settings,
        }
        script = Path(sys.executable).with_name("sluice")
        started = time.monotonic()
        process = subprocess.Popen([str(script), "up"], env=environment, stdout=subprocess.DEVNULL)
        try:
            yield Server(port, process, _wait_ready(port, process, started))
        finally:
            process.terminate()
            process.wait(30)


def _wait_ready(port: int, process: subprocess.Popen[bytes], started: float) -> float:
    while process.poll() is None:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            if answer.status == 200:
                return time.monotonic() - started
        time.sleep(0.02)
    raise RuntimeError(f"sluice ended with {process.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
