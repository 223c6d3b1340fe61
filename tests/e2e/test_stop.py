"""A stop by signal: quick, clean, and nothing lost."""

import re
import shlex
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.audit import audit, list_all
from tests.e2e.load import Ledger, Load
from tests.e2e.payloads import trace
from tests.e2e.server import FAULTY, PROJECT_NAME, Server, create_project, wait_for

pytestmark = pytest.mark.alone


def test_a_stop_under_load_takes_under_5_seconds_and_loses_nothing(tmp_path: Path) -> None:
    ledger = Ledger()
    with Server(tmp_path / "data") as server:
        projects = [create_project(server, f"Project {n}") for n in range(2)]
        for number in range(3):
            load = Load(projects, ledger, seed=f"stop/{number}")
            load.start()
            wait_for(lambda n=number: len(ledger.requests) > 30 * (n + 1), "some load")

            code, seconds = server.stop()

            load.stop()
            assert (code, seconds < 5) == (0, True), f"exit code {code} after {seconds:.1f} s"
            server.start()
        found = audit(server, projects, ledger)
    assert found["answered"] > 30


def test_a_stop_with_a_stalled_store_is_quick_too_and_loses_nothing(tmp_path: Path) -> None:
    stall = tmp_path / "stall"
    server = Server(
        tmp_path / "data", command=FAULTY, environ={"FAULT_STALL": str(stall), "FAULT_RATE": "0"}
    )
    with server:
        project = create_project(server)
        stall.touch()
        items = [trace() for _ in range(10)]
        assert project.post("/v1/traces/async", items).status_code == 202

        code, seconds = server.stop()

        assert (code, seconds < 5) == (0, True), f"exit code {code} after {seconds:.1f} s"
        stall.unlink()
        server.start()
        server.wait_stored()
        assert len(list_all(project, "traces")) == 10
        assert project.outcomes() == {"received": 10, "accepted": 10}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_ends_an_idle_server_with_0(tmp_path: Path, number: int) -> None:
    with Server(tmp_path / "data") as server:
        code, seconds = server.stop(number)

        assert (code, seconds < 5) == (0, True)


def test_a_second_process_on_the_same_directory_says_so_and_leaves(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        second = Server(tmp_path / "data")
        second.output = tmp_path / "second.out"

        second.start(wait=False)

        assert second.wait_exit() == 2
        assert f"in use by process {server.pid}" in second.tail()
        assert httpx.get(f"{server.url}/ready", trust_env=False, verify=False).status_code == 200


def test_the_first_key_and_project_stay_across_restarts(tmp_path: Path) -> None:
    # No key of ours: the server makes one and says how to see it.
    with Server(tmp_path / "data", settings={"INIT_API_KEY": ""}) as server:
        (first,) = wait_for(lambda: shown_keys(server), "the first start's key")
        item = trace()
        with server.client(first) as client:
            assert client.post("/v1/traces/batch", json=[item]).status_code == 202
        server.stop()
        server.settings["INIT_PROJECT"] = "Another name is ignored now"
        server.start()

        wait_for(lambda: server.output.read_text().count("API key: ") == 2, "the second greeting")

        assert shown_keys(server) == [first, first]
        assert first not in server.output.read_text()
        assert names(server) == [PROJECT_NAME]
        with server.client(first) as client:
            assert client.get(f"/v1/traces/{item['trace_id']}").status_code == 200


def shown_keys(server: Server) -> list[str]:
    """Returns the keys that the commands show which each start has printed, run as they stand."""
    commands = re.findall(r"(?m)^API key: (.+)$", server.output.read_text())
    return [
        subprocess.check_output(shlex.split(command), text=True).strip() for command in commands
    ]


def names(server: Server) -> list[str]:
    """Returns the names of the projects that the first admin sees."""
    answer = server.admin.get("/dashboard/api/projects")
    assert answer.status_code == 200, answer.text
    return [project["name"] for project in answer.json()["projects"]]
