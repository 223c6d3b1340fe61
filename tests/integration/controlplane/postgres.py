"""A private PostgreSQL server for the tests: own data directory, own port, gone afterwards."""

import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def why_not() -> str | None:
    """Say why no server can be started here, `None` when it can."""
    if _binaries() is None:
        return "no PostgreSQL server found (no initdb under /usr/lib/postgresql nor in PATH)"
    if importlib.util.find_spec("asyncpg") is None:
        return "asyncpg is not installed: pip install 'sluice[postgres]'"
    return None


class Postgres:
    """One server for a test run; every test takes a new database of it."""

    def __init__(self) -> None:
        found = _binaries()
        assert found is not None
        self._binaries = found
        # Not pytest's tmp_path: its parents are closed to the server's unprivileged user.
        self._folder = Path(tempfile.mkdtemp(prefix="sluice-pg-"))
        self._user = _unprivileged_user()
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._port = _free_port()
        self._numbers = itertools.count()
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "sluice", "--no-sync", "-E", "UTF8")
        settings = f"-h 127.0.0.1 -p {self._port} -k {self._folder} -F -c max_connections=40"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", data, "-l", log, "-w", "-o", settings, "start")

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{next(self._numbers)}"
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", "sluice"]
        self._run("createdb", *where, name)
        return f"postgresql://sluice@127.0.0.1:{self._port}/{name}"

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            check=True,
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )


def _binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def _unprivileged_user() -> str | None:
    """Return whom root becomes, since the server refuses root; `None` to stay oneself."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
