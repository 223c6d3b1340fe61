"""The command line as an operator uses it: processes on a data directory, beside a server."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.components import forks
from tests.unit.sluice.places import free_port

KEY = "pulse_sk_5f0c1f1e-0000-4000-8000-00000000c11a"
START_S = 60


class Ran(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[list[str]]:
        """The cells of what was printed, without the line of column names."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


class Place(NamedTuple):
    """A data directory, and where its server listens."""

    data_dir: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """The file of the event log."""
        return self.data_dir / "log.db"

    @property
    def log(self) -> Path:
        """What its server has printed."""
        return self.data_dir.parent / "log"

    def run(self, *arguments: str, given: str = "", **settings: str) -> Ran:
        """Runs one command to its end."""
        done = forks.run(arguments, env=self.environ(**settings), given=given)
        return Ran(done.returncode, done.stdout, done.stderr)

    def environ(self, **settings: str) -> dict[str, str]:
        """Returns the environment of a command: this place and nothing else of ours."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        mine = {"SLUICE_DATA_DIR": str(self.data_dir), "SLUICE_PORT": str(self.port)}
        return {**inherited, **mine, "COLUMNS": "200", **settings}

    def client(self, key: str = KEY) -> httpx.Client:
        """Returns a client that sends the key."""
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=False
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A data directory that nobody has used yet."""
    return Place(tmp_path / "data", free_port())


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sluice migrate` makes, to be copied: making it takes seconds."""
    place = Place(tmp_path_factory.mktemp("migrated") / "data", free_port())
    assert place.run("migrate", SLUICE_INIT_API_KEY=KEY).code == 0
    return place.data_dir


@pytest.fixture
def installation(place: Place, migrated: Path) -> Place:
    """A data directory whose server is stopped."""
    shutil.copytree(migrated, place.data_dir, symlinks=True)
    return place


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place whose server runs."""
    place = Place(tmp_path_factory.mktemp("served") / "data", free_port())
    with serving(place):
        yield place


@contextmanager
def serving(place: Place) -> Iterator[None]:
    """Runs a place's server, which must end well."""
    with place.log.open("w") as output:
        server = forks.start(
            ["up"],
            env=place.environ(SLUICE_INIT_API_KEY=KEY),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_ready(place, server)
        yield
    finally:
        server.terminate()
        assert server.wait(timeout=20) == 0, place.log.read_text()[-3000:]


def wait_ready(place: Place, server: "subprocess.Popen[bytes] | forks.Fork") -> None:
    """Returns when the server answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert server.poll() is None, place.log.read_text()[-3000:]
        try:
            if (
                httpx.get(
                    f"{place.url}/ready", timeout=5, trust_env=False, verify=False
                ).status_code
                == 200
            ):
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready within {START_S} s: {place.log.read_text()[-3000:]}")
