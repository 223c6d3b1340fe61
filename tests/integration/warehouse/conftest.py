"""`sluice warehouse` as an operator starts it: a process, spoken to by HTTP alone."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest

from clickhouse.client import Warehouse
from tests.components import forks
from tests.e2e.migrated import prepare_store
from tests.unit.sluice.places import free_port

START_S = 60
WRITER, READER = ("writer", "write:pass,word"), ("reader", "readers-password")
USERS = f"{WRITER[0]}:{WRITER[1]}:write\n{READER[0]}:{READER[1]}:readonly\n"


class Served:
    """A data directory and the warehouse on it."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.data_dir = directory / "data"
        self.port = free_port()
        self.log = directory / "log"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | forks.Fork | None = None

    @property
    def store(self) -> Path:
        return self.data_dir / "warehouse"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environ(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        mine = {
            "SLUICE_DATA_DIR": str(self.data_dir),
            "SLUICE_WAREHOUSE_PORT": str(self.port),
            "SLUICE_WAREHOUSE_USERS": USERS,
            "SLUICE_LOG_FORMAT": "json",
        }
        return {**inherited, **mine, **self._settings}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, stdout: int | None = None) -> None:
        """Starts it, with its output in the log unless a file descriptor is given."""
        prepare_store(self.data_dir)
        with self.log.open("ab") as log:
            self._process = forks.start(
                ["warehouse"], env=self.environ(), stdout=stdout or log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return (
                httpx.get(f"{self.url}/ping", timeout=5, trust_env=False, verify=False).text
                == "Ok.\n"
            )
        except httpx.TransportError:
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait_end()

    def wait_end(self) -> int:
        """Returns the exit code once it has ended."""
        assert self._process is not None
        return self._process.wait(30)

    def kill_if_running(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def ask(
        self,
        sql: str | bytes = b"",
        *,
        user: tuple[str, str] = WRITER,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> httpx.Response:
        """Sends a statement as the body of a POST."""
        return httpx.post(
            self.url, content=sql, params=fields, auth=user, headers=headers, timeout=60,
            trust_env=False, verify=False,
        )  # fmt: skip

    def request(
        self, method: str, sql: str, *, user: tuple[str, str] = WRITER, **fields: Any
    ) -> httpx.Response:
        """Sends a statement in the URL."""
        return httpx.request(
            method, self.url, params={"query": sql, **fields}, auth=user, timeout=60,
            trust_env=False, verify=False,
        )  # fmt: skip

    def value(self, sql: str, **fields: Any) -> str:
        """Returns what a query that must succeed gives."""
        answer = self.ask(sql, **fields)
        assert answer.status_code == 200, answer.text
        return answer.text.removesuffix("\n")

    def curl(self, *arguments: str, stdin: bytes = b"") -> bytes:
        command = ["curl", "-sS", "--noproxy", "*", "--max-time", "60", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout

    def client(self, user: tuple[str, str] = WRITER, **options: Any) -> Any:
        """Returns a client of clickhouse-connect as anybody makes one."""
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=user[0], password=user[1], **options
        )

    def ours(self, database: str = "default") -> Warehouse:
        """Returns our own client, as another process of Sluice has it."""
        password = "write%3Apass%2Cword"
        return Warehouse(f"http://{WRITER[0]}:{password}@127.0.0.1:{self.port}/{database}")


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One warehouse for all tests that leave it as it was."""
    place = Served(tmp_path_factory.mktemp("served"))
    place.start()
    yield place
    place.kill_if_running()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """A warehouse that is not started yet, for one test."""
    place = Served(tmp_path)
    yield place
    place.kill_if_running()


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
