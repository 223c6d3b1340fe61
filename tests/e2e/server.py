"""Starts `sluice up` as a process, speaks to it, stops or kills it, and starts it again."""

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import httpx

from api.operations import METRICS_S
from tests.components import forks
from tests.components.processes import free_ports
from tests.e2e.migrated import prepare, prepare_store

EMAIL = "admin@example.com"
PASSWORD = "correct horse battery"
KEY = "pulse_sk_11111111-1111-4111-8111-111111111111"
PROJECT_NAME = "First"
START_TIMEOUT_S = 60.0
CONSOLE_SCRIPT = forks.SCRIPT
FAULTY = (sys.executable, "-m", "tests.e2e.faulty_up")
FORKED_FAULTS = frozenset({"FAULT_SEED", "FAULT_RATE", "FAULT_STALL"})
"""They replace a method of a class. The others must be there before all else is imported."""
EDGES = os.environ.get("E2E_EDGES", "0")
"""Edge processes of each `sluice up` that says nothing of its own about them, on any machine."""
COOKIE = "better-auth.session_token"

T = TypeVar("T")

_numbers = itertools.count(1)


class ServerDied(Exception):
    """Raised when the process ended, or never became ready; the message shows its last lines."""


class Server:
    """One installation: a data directory and, most of the time, a process on it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = (CONSOLE_SCRIPT,),
        role: str = "up",
        ready: str = "/ready",
        from_nothing: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self.role = role
        self._ready = ready
        is_faulty = tuple(command) == FAULTY and FORKED_FAULTS.issuperset(environ or {})
        is_usual = tuple(command) == (CONSOLE_SCRIPT,) and not from_nothing
        self._is_copied = is_usual or is_faulty
        self._is_forked = (is_usual and not environ) or is_faulty
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = dict(settings or {})
        self.options: tuple[str, ...] = ()
        """What follows the command."""
        self.output = data_dir.parent / f"{data_dir.name}.out"
        self._environ = dict(environ or {})
        if is_faulty:
            self._environ[forks.MODULE] = FAULTY[-1]
        self._command = command
        self._process: subprocess.Popen[bytes] | forks.Fork | None = None
        self._admin: httpx.Client | None = None
        self._clients: list[httpx.Client] = []
        self._scraped_at = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        for client in self._clients:
            client.close()
        if error is not None:
            error.add_note(f"last lines of the server:\n{self.tail()}")

    @property
    def pid(self) -> int:
        """The process id; raises when there is no process."""
        assert self._process is not None, "no process was started"
        return self._process.pid

    def edges(self) -> list[int]:
        """Returns the process ids of its edge processes, the newest last."""
        if self._process is None:
            return []
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def start(self, *, wait: bool = True) -> None:
        """Starts the process and, unless told otherwise, waits until it is ready."""
        if self._is_copied and self.role == "up":
            prepare(self.data_dir, self.settings)
        if self._is_copied and self.role == "warehouse":
            prepare_store(self.data_dir)
        with self.output.open("ab") as output:
            self._process = self._begin(output)
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Returns when `/ready` says so. Raises `ServerDied`."""
        wait_for(self._is_ready, "the server to be ready", timeout_s=START_TIMEOUT_S)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Ends the process by a signal; returns its exit code and how many seconds it took."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(number)
        return self.wait_exit(), time.monotonic() - started

    def wait_exit(self) -> int:
        """Returns the exit code of a process that ends by itself."""
        assert self._process is not None
        code = self._process.wait(timeout=30)
        self._process = None
        return code

    def kill(self) -> None:
        """Ends the process by SIGKILL. May be called when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    def is_running(self) -> bool:
        """Tells whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def tail(self, lines: int = 40) -> str:
        """Returns the last lines that the process wrote."""
        if not self.output.exists():
            return ""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])

    def run(self, *arguments: str) -> str:
        """Runs a command on this installation and returns what it prints."""
        ran = forks.run(arguments, env=self._child_environ())
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def client(self, key: str | None = KEY, timeout_s: float = 15.0) -> httpx.Client:
        """Returns an HTTP client with the key given, or none; closed at the latest with us."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        client = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False, verify=False
        )
        self._clients.append(client)
        return client

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> httpx.Client:
        """Returns an HTTP client with the session of a person."""
        client = self.client(None)
        form = {"email": email, "password": password}
        answer = client.post("/api/auth/sign-in/email", json=form)
        assert answer.status_code == 200, answer.text
        return client

    @property
    def admin(self) -> httpx.Client:
        """The client of the seeded admin, signed in once: attempts to sign in are limited."""
        if self._admin is None:
            self._admin = self.sign_in()
        return self._admin

    def metric(self, name: str, **labels: str) -> float:
        """Returns the sum of a metric's samples that carry these labels; 0 where there are none."""
        total = 0.0
        for line in self._scrape().splitlines():
            match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if match is None:
                continue
            given = match[1] or ""
            if all(f'{key}="{value}"' in given for key, value in labels.items()):
                total += float(match[2])
        return total

    def wait_stored(self, timeout_s: float = 120.0) -> None:
        """Returns when the log holds nothing that is not stored."""
        wait_for(
            lambda: self.metric("sluice_lag_records") == 0,
            "everything to be stored",
            timeout_s=timeout_s,
        )

    def _scrape(self) -> str:
        """Returns the metrics as they are now, and not as they were told to us before."""
        time.sleep(max(0.0, self._scraped_at + METRICS_S - time.monotonic()))
        with self.client(None) as client:
            text = client.get("/metrics").text
        self._scraped_at = time.monotonic()
        return text

    def _begin(self, output: IO[bytes]) -> "subprocess.Popen[bytes] | forks.Fork":
        arguments = (self.role, *self.options)
        env, stderr = self._child_environ(), subprocess.STDOUT
        if self._is_forked:
            return forks.start(arguments, env=env, stdout=output, stderr=stderr)
        return subprocess.Popen(
            [*self._command, *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=stderr,
        )

    def _is_ready(self) -> bool:
        if not self.is_running():
            raise ServerDied(f"the server has ended; its last lines:\n{self.tail()}")
        try:
            answer = httpx.get(f"{self.url}{self._ready}", timeout=5, trust_env=False, verify=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def _child_environ(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        settings = {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "INIT_PROJECT": PROJECT_NAME,
            "INIT_API_KEY": KEY,
            "INIT_USER_EMAIL": EMAIL,
            "INIT_USER_PASSWORD": PASSWORD,
            # Every test makes a project as the same person.
            "MAX_PROJECTS_PER_USER": "10000",
            # Tests say themselves what was seen, but for those of probing.
            "PROBER_REGION": "none",
            "DEPLOY_DRIVER": "none",
            **({"EDGE_PROCESSES": EDGES} if self.role == "up" else {}),
            **self.settings,
        }
        ours = {f"SLUICE_{name}": value for name, value in settings.items()}
        return {**inherited, **self._environ, **ours}


class Project:
    """One project of a running server, with a client that carries its key."""

    def __init__(self, server: Server, project_id: str, key: str) -> None:
        self.server = server
        self.project_id = project_id
        self.key = key
        self.http = server.client(key)
        self._dsn: dict[str, Any] = {}

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Asks with the project's key."""
        return self.http.get(path, params=params)

    def post(self, path: str, items: Any) -> httpx.Response:
        """Sends JSON with the project's key."""
        return self.http.post(path, json=items)

    def addressed(self, path: str) -> str:
        """Fills `{number}` and `{dsn_key}` of a path, with a DSN key made for the first of them."""
        if "{dsn_key}" in path and not self._dsn:
            answer = self.server.admin.post(
                "/dashboard/api/dsn-keys", json={}, headers={"X-Project-Id": self.project_id}
            )
            assert answer.status_code == 201, answer.text
            made = answer.json()
            self._dsn = {"number": made["projectNumber"], "dsn_key": made["publicKey"]}
        return path.format_map(self._dsn) if self._dsn else path

    def make_token(self, **form: Any) -> str:
        """Returns a new API token of the project, as the seeded admin makes it.

        It is asked for by HTTP, for a command takes a second of processor time.
        """
        answer = self.server.admin.post(
            "/dashboard/api/tokens", json=form, headers={"X-Project-Id": self.project_id}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["apiToken"])

    def outcomes(self, **params: Any) -> dict[str, int]:
        """Returns the totals of `/v1/outcomes` that are not zero."""
        answer = self.get("/v1/outcomes", **params)
        assert answer.status_code == 200, answer.text
        return {name: count for name, count in answer.json()["totals"].items() if count}


def create_project(server: Server, name: str = "Another") -> Project:
    """Creates a project as the seeded admin, whose projects have each a name of their own."""
    numbered = f"{name} {next(_numbers)}"
    answer = server.admin.post("/dashboard/api/projects", json={"name": numbered})
    assert answer.status_code == 201, answer.text
    return Project(server, answer.json()["projectId"], answer.json()["apiKey"])


def begin_request(project: Project, path: str, headers: str) -> socket.socket:
    """Returns a connection on which a POST has begun: its head is sent, its body is not."""
    connection = socket.create_connection(("127.0.0.1", project.server.port), timeout=15)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {project.key}\r\n"
    connection.sendall(f"{head}{headers}\r\n\r\n".encode())
    return connection


def wait_for(condition: Callable[[], T], what: str, *, timeout_s: float = 10.0) -> T:
    """Returns the condition's value as soon as it is true. Raises `TimeoutError`."""
    deadline = time.monotonic() + timeout_s
    pause_s = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}; last value {value!r}")
        time.sleep(pause_s)
        pause_s = min(0.1, pause_s * 1.5)
