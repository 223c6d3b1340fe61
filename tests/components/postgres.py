"""A real PostgreSQL server for the tests, of the binaries that are installed."""

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil

from tests.components.processes import ServerProcess, free_ports, is_alive

START_S = 60.0


def why_not() -> str | None:
    """Say why no server can be started here, `None` when it can."""
    if _binaries() is None:
        return "no PostgreSQL server found (no initdb under /usr/lib/postgresql nor in PATH)"
    if importlib.util.find_spec("asyncpg") is None:
        return "asyncpg is not installed: pip install 'sluice[postgres]'"
    return None


class Postgres:
    """One server with a port and a data folder of its own, which both outlast stops and kills.

    A test takes a new database of it.
    """

    def __init__(self) -> None:
        found = _binaries()
        assert found is not None
        self._binaries = found
        self._process = ServerProcess("postgres", user=_unprivileged_user())
        self._data = str(self._process.folder / "data")
        (self._port,) = free_ports(1)
        self._numbers = itertools.count()

    @property
    def pid(self) -> int | None:
        """The process id of the server's first process while it runs, `None` else."""
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it serves. Raises `ServerFailed` with its log's end."""
        if not Path(self._data).exists():
            identity = ("-A", "trust", "-U", "sluice", "-E", "UTF8", "--no-sync")
            self._process.run(self._path("initdb"), "-D", self._data, *identity)
        where = ("-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._process.folder))
        settings = ("-F", "-c", "max_connections=100")
        self._process.start(self._path("postgres"), "-D", self._data, *where, *settings)
        deadline = time.monotonic() + START_S
        while not self._serves():
            self._process.check()
            if time.monotonic() > deadline:
                raise self._process.failure(f"did not serve within {START_S:.0f} s")
            threading.Event().wait(0.05)

    def stop(self) -> None:
        """Shut down at once but in order, ending open sessions; nothing when it is down."""
        self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """End every process of the server with SIGKILL; nothing when it is down."""
        if self.pid is None:
            return
        # Each backend leads a group of its own, and no server starts while one of them lives.
        backends = psutil.Process(self.pid).children(recursive=True)
        self._process.kill()
        for backend in backends:
            try:
                backend.kill()
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + START_S
        while any(is_alive(backend.pid) for backend in backends):
            if time.monotonic() > deadline:
                raise self._process.failure("left processes behind that SIGKILL did not end")
            threading.Event().wait(0.01)

    def restart(self) -> None:
        """Stop in order and start again, on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Kill the server and remove its files. May be called twice."""
        self.kill()
        self._process.close()

    def new_database(self, template: str = "") -> str:
        """Create a database, empty or as another that nobody uses now, and return its URL."""
        name = f"test_{next(self._numbers)}"
        where = ("-h", "127.0.0.1", "-p", str(self._port), "-U", "sluice")
        copied = ("-T", template) if template else ()
        self._process.run(self._path("createdb"), *where, *copied, name)
        return f"postgresql://sluice@127.0.0.1:{self._port}/{name}"

    def _serves(self) -> bool:
        command = [self._path("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(command, timeout=START_S).returncode == 0

    def _path(self, program: str) -> str:
        return str(self._binaries / program)


def _binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major)
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def _major(initdb: Path) -> int:
    version = initdb.parents[1].name
    return int(version) if version.isdecimal() else 0


def _unprivileged_user() -> str | None:
    """Return whom root becomes, since the server refuses root; `None` to stay the same user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
