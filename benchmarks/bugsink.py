"""Installs Bugsink from PyPI into an environment of its own and runs it, as its documents say.

One server on SQLite: gunicorn takes events, snappea digests them. Its bounds on events are lifted.
"""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil

from benchmarks.server import free_port

VERSION = "2.6.2"
MANY = 10_000_000
START_S = 60
PROJECT = """
from teams.models import Team
from projects.models import Project
team = Team.objects.create(name="bench")
one = Project.objects.create(name="bench", team=team, retention_max_event_count=10_000_000)
print(f"project {one.id} {one.sentry_key.hex}")
"""
SETTINGS = f"""
BUGSINK["PHONEHOME"] = False
for name in ("MAX_EVENTS_PER_PROJECT_PER_5_MINUTES", "MAX_EVENTS_PER_PROJECT_PER_HOUR",
             "MAX_EVENTS_PER_PROJECT_PER_MONTH", "MAX_EVENTS_PER_5_MINUTES",
             "MAX_EVENTS_PER_HOUR", "MAX_EVENTS_PER_MONTH"):
    BUGSINK[name] = {MANY}
SECURE_PROXY_SSL_HEADER = None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = USE_X_REAL_IP = False
ALLOWED_HOSTS = ["127.0.0.1"]
"""


class Bugsink:
    """A running Bugsink."""

    def __init__(self, port: int, path: str, folder: Path, pids: list[int]) -> None:
        self.port = port
        self.path = path
        """Where envelopes go, with the key."""
        self._folder = folder
        self._processes = [psutil.Process(pid) for pid in pids]

    def cpu_s(self) -> float:
        """Returns the processor time of all its processes so far."""
        every = [one for parent in self._processes for one in (parent, *parent.children(True))]
        times = [one.cpu_times() for one in every]
        return float(sum(one.user + one.system for one in times))

    def stored(self) -> int:
        """Returns how many events it has digested."""
        file = f"file:{self._folder / 'db.sqlite3'}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=30)) as connection:
            return int(connection.execute("SELECT count(*) FROM events_event").fetchone()[0])


def install(folder: Path) -> Path:
    """Returns the folder of its programs; a folder that has them already stays as it is."""
    programs = folder / "bin"
    if not (programs / "bugsink-manage").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(programs / "pip"), "install", "-q", f"bugsink=={VERSION}"]
        subprocess.run(pip, check=True)
    return programs


@contextlib.contextmanager
def running_bugsink(programs: Path, folder: Path) -> Iterator[Bugsink]:
    """Starts it on an empty folder; stops it at the end."""
    port = free_port()
    environ = {**os.environ, "PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "bugsink_conf"}

    def call(program: str, *arguments: str) -> str:
        command = [str(programs / program), *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    call(
        "bugsink-create-conf",
        *("--template=singleserver", "--host=127.0.0.1", f"--port={port}", f"--base-dir={folder}"),
    )
    with (folder / "bugsink_conf.py").open("a") as file:
        file.write(f'{SETTINGS}BUGSINK["BASE_URL"] = "http://127.0.0.1:{port}"\n')
    call("bugsink-manage", "migrate")
    call("bugsink-manage", "migrate", "--database=snappea")
    made = re.search(
        r"project (\d+) ([0-9a-f]{32})", call("bugsink-manage", "shell", "-c", PROJECT)
    )
    assert made is not None, "it has made no project"
    # Threads keep connections, which its usual workers close after each answer.
    web = ("gunicorn", f"--bind=127.0.0.1:{port}", "--workers=2", "--threads=16", "bugsink.wsgi")
    with contextlib.ExitStack() as stack:
        pids = [
            stack.enter_context(_process([str(programs / web[0]), *web[1:]], folder, environ)),
            stack.enter_context(_process([str(programs / "bugsink-runsnappea")], folder, environ)),
        ]
        _wait_up(port)
        yield Bugsink(port, f"/api/{made[1]}/envelope/?sentry_key={made[2]}", folder, pids)


@contextlib.contextmanager
def _process(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[int]:
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_up(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health/ready") as up:
            if up.status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("Bugsink did not come up")
