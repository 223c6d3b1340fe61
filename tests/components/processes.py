"""One server process of the tests, with a folder of its own; it ends with them in any case."""

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

# Reads until the tests are gone: its standard input ends with them, even on kill -9.
GUARD = 'read -r _; kill -KILL "-$1" 2>/dev/null; rm -rf -- "$2"'
STOP_S = 60.0


def freeze(pid: int) -> None:
    """Stop a process with SIGSTOP; returns when each of its threads has stopped, not before."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    while any(_state_of(thread) != "T" for thread in threads.iterdir()):
        time.sleep(0.001)


def _state_of(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return "T"


class ServerFailed(Exception):
    """A server did not start, ended by itself or did not stop; carries the end of its log."""


class ServerProcess:
    """A server that is started, signalled and killed as often as a test likes; its folder stays."""

    def __init__(self, name: str, *, user: str | None = None) -> None:
        # Not pytest's tmp_path: its parents are closed to an unprivileged user.
        self.folder = Path(tempfile.mkdtemp(prefix=f"sluice-{name}-"))
        self.user = user
        if user is not None:
            shutil.chown(self.folder, user)
        self._name = name
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, `None` else."""
        running = self._server is not None and self._server.poll() is None
        return self._server.pid if running and self._server is not None else None

    def run(self, *command: str) -> None:
        """Run a command of the server's to its end, in its folder and as its user."""
        with self._log().open("ab") as log:
            done = subprocess.run(
                command, user=self.user, cwd=self.folder, stdout=log, stderr=log, timeout=STOP_S
            )
        if done.returncode:
            raise ServerFailed(f"{command[0]} exited with {done.returncode}\n{self._log_end()}")

    def start(self, *command: str) -> None:
        """Start the server in a process group of its own; does not wait until it serves."""
        if self.pid is not None:
            raise ServerFailed(f"{self._name} runs already")
        self._reap()
        with self._log().open("ab") as log:
            self._server = subprocess.Popen(
                command,
                user=self.user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "sh", str(self._server.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def check(self) -> None:
        """Raise `ServerFailed` with the log's end when the server does not run."""
        if self.pid is None:
            raise ServerFailed(f"{self._name} ended by itself\n{self._log_end()}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server itself."""
        self.check()
        assert self._server is not None
        self._server.send_signal(number)

    def stop(self, number: signal.Signals) -> None:
        """Ask the server to end with this signal and wait until it has; nothing when it is down."""
        if self.pid is not None:
            assert self._server is not None
            self.send(signal.SIGCONT)
            self.send(number)
            try:
                self._server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ServerFailed(f"{self._name} did not stop\n{self._log_end()}") from None
        self._reap()

    def kill(self) -> None:
        """End the server's whole process group with SIGKILL; nothing when it is down."""
        if self.pid is not None:
            assert self._server is not None
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait(STOP_S)
        self._reap()

    def close(self) -> None:
        """Kill the server and remove its folder. May be called twice."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def failure(self, why: str) -> ServerFailed:
        """Return an error to raise that says why and shows the end of the server's log."""
        return ServerFailed(f"{self._name} {why}\n{self._log_end()}")

    def _reap(self) -> None:
        # The guard goes before anybody else can get the server's process id.
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.kill()
            self._guard.wait()
            self._guard.stdin.close()
            self._guard = None
        self._server = None

    def _log(self) -> Path:
        return self.folder / "server.log"

    def _log_end(self) -> str:
        log = self._log()
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(lines[-60:])


def is_alive(pid: int) -> bool:
    """Say whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 that nobody listens on.

    They are below the range that the kernel gives to outgoing connections: a client that tries a
    port of that range while its server is down may be connected to itself, and then holds the port.
    """
    # Not the shared generator: tests seed it, and those of two runs would meet.
    candidates = random.SystemRandom().sample(range(15_000, 30_000), 1000)
    found = list(itertools.islice(filter(_is_free, candidates), count))
    if len(found) < count:
        raise ServerFailed("there are no free ports between 15000 and 30000")
    return found


def first_app_port() -> int:
    """Return the first of 250 ports for apps that are deployed, of this process of pytest alone.

    A deployer unbinds a port right before its app binds it. Deployers of two processes that chose
    from the same ports would come between. `free_ports` returns none of them.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return 30_000 + 250 * (int(worker.removeprefix("gw")) % 10)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
