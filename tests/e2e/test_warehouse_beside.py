"""`sluice up --warehouse-port`: one store, two ways to it, whichever process dies."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.components.processes import free_ports
from tests.e2e.server import PROJECT_NAME, Server, create_project, wait_for

pytestmark = pytest.mark.slow

READER = ("grafana", "another-password")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(
        tmp_path / "data", settings={"WAREHOUSE_USERS": ":".join((*READER, "readonly"))}
    )
    running.options = ("--warehouse-port", str(free_ports(1)[0]))
    with running:
        yield running


def counted(server: Server) -> int:
    """Asks the warehouse beside the server."""
    url = f"http://127.0.0.1:{server.options[1]}/"
    answer = httpx.post(
        url, content="SELECT count() FROM traces", auth=READER, trust_env=False, verify=False
    )
    assert answer.status_code == 200, answer.text
    return int(answer.text)


def child_of(server: Server) -> psutil.Process:
    (child,) = psutil.Process(server.pid).children()
    return child


def send(server: Server) -> None:
    trace = {
        "trace_id": str(uuid.uuid4()),
        "timestamp": "2026-11-20T12:00:00Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {},
        "latency_ms": 1,
        "status": "success",
    }
    with server.client() as client:
        assert client.post("/v1/traces/batch", json=[trace]).status_code == 202


def test_what_is_sent_is_seen_through_both_and_without_the_second_as_well(server: Server) -> None:
    send(server)

    assert counted(server) == 1
    code, _ = server.stop()
    assert code == 0
    server.options = ()
    server.start()
    with server.client() as client:
        assert len(client.get("/v1/traces").json()["traces"]) == 1


def test_neither_outlives_the_other_and_nothing_is_lost(server: Server) -> None:
    send(server)
    child = child_of(server)
    os.kill(child.pid, signal.SIGKILL)
    assert server.wait_exit() == 1

    server.start()
    send(server)
    child = child_of(server)
    server.kill()
    wait_for(lambda: not child.is_running(), "the warehouse to end")

    server.start()
    assert counted(server) == 2


def test_a_warehouse_that_cannot_start_says_why(tmp_path: Path, server: Server) -> None:
    second = Server(tmp_path / "second", settings=server.settings)
    second.options = server.options
    second.start(wait=False)

    assert second.wait_exit() == 2
    assert f"cannot listen on 127.0.0.1, port {server.options[1]}" in second.tail()
    assert "the warehouse did not start" in second.tail()


def test_a_user_of_one_project_sees_its_calls_under_its_name_and_writes_nothing(
    server: Server,
) -> None:
    send(server)
    other = create_project(server)
    entry = server.run("grafana-user", "team", "--project", PROJECT_NAME).strip()
    server.stop()
    server.settings["WAREHOUSE_USERS"] += f",{entry}"
    server.start()
    team = ("team", entry.split(":")[1])

    def ask(sql: str) -> httpx.Response:
        url = f"http://127.0.0.1:{server.options[1]}/"
        return httpx.post(url, content=sql, auth=team, trust_env=False, verify=False)

    assert ask("SELECT count() FROM traces").text == "1\n"
    names = "SELECT name FROM projects FINAL"
    wait_for(lambda: ask(names).text == f"{PROJECT_NAME}\n", "the project's name")
    server.run("project", "set", PROJECT_NAME, "--name", "Shop")
    wait_for(lambda: ask(names).text == "Shop\n", "the project's new name")
    assert other.project_id not in ask("SELECT * FROM projects").text
    assert ask("DELETE FROM traces WHERE 1").status_code == 403
    assert ask("INSERT INTO projects (project_id) SELECT 'x'").status_code == 403
