"""A server that runs, from outside: its processes, their time and memory, its files."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import psutil

from benchmarks.peers.peer import Peer, Place

START_S, POLL_S, ANSWER_S = 120, 0.2, 10
SAMPLE_S = 1.0
BLOCK_BYTES = 512
"""What `st_blocks` counts, whatever the file system has."""


class PeerFailed(Exception):
    """A server did not start, or has ended; the message holds the end of what it printed."""


class Started:
    """A running server. Ends with `kill`, which may be called twice."""

    def __init__(self, peer: Peer, place: Place) -> None:
        """Returns when it is ready. Raises `PeerFailed`, or OSError where a program is missing."""
        self._peer, self._place = peer, place
        self._output = place.folder.with_name("output")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._used_s: dict[int, float] = {}
        self._lock = threading.Lock()
        self.peak_mb = 0.0
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        try:
            for command in peer.commands(place):
                self._processes.append(self._start(command))
            self._wait_ready()
        except BaseException:
            self.kill()
            raise

    def cpu_s(self) -> float:
        """Returns the processor time of all processes so far, those that have ended included."""
        with self._lock:
            for one in self._every():
                with contextlib.suppress(psutil.Error):
                    times = one.cpu_times()
                    self._used_s[one.pid] = float(times.user + times.system)
            return sum(self._used_s.values())

    def kill(self) -> None:
        """Kills every process at once, as `kill -9` does."""
        self._over.set()
        every = self._every()
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for one in every:
            with contextlib.suppress(psutil.Error):
                one.kill()
        for process in self._processes:
            process.wait(ANSWER_S)
        psutil.wait_procs(every, ANSWER_S)

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if "SLUICE_" not in name}
        with self._output.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self._place.folder,
                env={**kept, **self._peer.environ(self._place)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _every(self) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        for process in self._processes:
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(process.pid)
                found |= {one.pid: one for one in (parent, *parent.children(recursive=True))}
        return list(found.values())

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.cpu_s()
            self.peak_mb = max(self.peak_mb, sum(map(memory_mb, self._every())))

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_S
        url = f"http://127.0.0.1:{self._place.port}{self._peer.ready}"
        while time.monotonic() < deadline and self._is_alive():
            with contextlib.suppress(OSError), urlopen(url, timeout=ANSWER_S) as answer:
                if answer.status == 200:
                    return
            time.sleep(POLL_S)
        last = self._output.read_text(errors="replace").splitlines()[-10:]
        raise PeerFailed("\n".join([f"{self._peer.name} did not come up:", *last]))

    def _is_alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)


def memory_mb(process: psutil.Process) -> float:
    """Returns the memory of a process in MB; of what it shares with others only its part.

    Where the system does not tell that, all of it. 0 where the process has ended.
    """
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(found, "pss", found.rss)) / 1e6


def disk_bytes(folder: Path) -> int:
    """Returns what the files of a folder take on disk."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            # One may go while we look.
            with contextlib.suppress(OSError):
                total += os.lstat(Path(path) / name).st_blocks * BLOCK_BYTES
    return total
