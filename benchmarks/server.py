"""Starts `sluice up` for a benchmark and looks at it from outside."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil

from benchmarks.probe import STAGES, THREADS

KEY = "pulse_sk_00000000-0000-4000-8000-000000000001"
DSN_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "osco_" + DSN_KEY + "0123456789abcdef"
EMAIL, PASSWORD = "ann@example.org", "correct horse battery"
PROBE = Path(__file__).with_name("probe.py")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
EDGES = "BENCH_EDGES"
STAGES_S = 0.7
"""How late the figures of the stages may be."""


class Server:
    """A running `sluice up`."""

    def __init__(
        self, port: int, process: subprocess.Popen[bytes], started_in_s: float, folder: Path
    ) -> None:
        self.port = port
        self.started_in_s = started_in_s
        self.pid = process.pid
        self._process = psutil.Process(process.pid)
        self._folder = folder

    def cpu_s(self) -> float:
        """Returns the processor time used so far, by all processes of it that live."""
        whole = [self._process, *self._process.children(recursive=True)]
        return float(sum(sum(one.cpu_times()[:2]) for one in whole))

    def keep_on(self, core: int) -> None:
        """Keeps the process that owns the log on one core, and its edges and us off that one."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
        others = os.sched_getaffinity(0) - {core}
        for edge in self._process.children():
            for task in Path(f"/proc/{edge.pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), others)
        os.sched_setaffinity(0, others)

    def threads_s(self) -> Counter[str]:
        """Returns the processor time used so far by threads that live, by their names."""
        lines = (self._folder / THREADS).read_text().splitlines()
        names = dict(line.split(" ", 1) for line in lines)
        names[str(self._process.pid)] = "event loop"
        used: Counter[str] = Counter()
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            # One may end while we look.
            with contextlib.suppress(OSError):
                name = _group_of(names.get(task.name) or _engines(task))
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                used[name] += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
        for edge in self._process.children():
            used["edge processes"] += sum(edge.cpu_times()[:2])
        return used

    def stages_s(self) -> Counter[str]:
        """Returns the processor time of each place in the code; needs a server with `stages`."""
        time.sleep(STAGES_S)
        found = json.loads((self._folder / STAGES).read_text())
        return Counter({place: ns / 1e9 for place, ns in found.items()})

    def memory_mb(self) -> float:
        """Returns the resident memory."""
        return float(self._process.memory_info().rss / 1e6)

    def peak_mb(self) -> float:
        """Returns the greatest resident memory since the start."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else self.memory_mb()

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
def running(
    python: Path = Path(sys.executable), *, stages: bool = False, data_dir: Path | None = None
) -> Iterator[Server]:
    """Starts a server on a free port, without `data_dir` on an empty one; stops it at the end.

    It has as many edge processes as the variable BENCH_EDGES says, or as its cores are worth.
    Of the version that is installed where `python` is. With `stages` it is slower by some percent.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        port = free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if "SLUICE_" not in name},
            "SLUICE_DATA_DIR": str(data_dir or Path(directory) / "data"),
            "SLUICE_PORT": str(port),
            "SLUICE_INIT_API_KEY": KEY,
            "SLUICE_INIT_USER_EMAIL": EMAIL,
            "SLUICE_INIT_USER_PASSWORD": PASSWORD,
            "SLUICE_INIT_DSN_KEY": DSN_KEY,
            "SLUICE_INIT_API_TOKEN": TOKEN,
            "SLUICE_LOG_LEVEL": "warning",
            # Empty counts as not set, but an older version does not know the name.
            **({"SLUICE_EDGE_PROCESSES": edges} if (edges := os.environ.get(EDGES)) else {}),
            "BENCH_DIR": directory,
            "BENCH_STAGES": "yes" if stages else "",
        }
        command = [str(python), "-P", str(PROBE), "up"]
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, cwd=directory, stdout=subprocess.DEVNULL
        )
        try:
            yield Server(port, process, _wait_ready(port, process, started), Path(directory))
        finally:
            process.terminate()
            process.wait(30)


def _engines(task: Path) -> str:
    return "engine: " + (task / "comm").read_text().strip()


def _group_of(name: str) -> str:
    """Returns what the threads of one pool have in common."""
    return re.sub(r"[\s_-]*\d*$", "", name)


def _wait_ready(port: int, process: subprocess.Popen[bytes], started: float) -> float:
    while process.poll() is None:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            if answer.status == 200:
                return time.monotonic() - started
        time.sleep(0.02)
    raise RuntimeError(f"sluice ended with {process.returncode}")


def free_port() -> int:
    """Returns a port of the loopback address that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
