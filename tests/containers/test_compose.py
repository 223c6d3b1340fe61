"""docker-compose.yml, started: Kafka, PostgreSQL, migrate, edge, worker, api and the proxy.

`sluice warehouse` serves the store in place of ClickHouse's server, and Grafana is left out:
neither of the two can be had everywhere.
"""

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from tests.components.processes import free_ports
from tests.containers.conftest import ROOT
from tests.containers.test_one_container import a_trace

pytestmark = [pytest.mark.containers, pytest.mark.alone]

START_S = 240.0
WAREHOUSE: dict[str, Any] = {
    "command": ["warehouse"],
    "environment": {
        "SLUICE_WAREHOUSE_USERS_FILE": "/run/secrets/warehouse_users",
    },
    "secrets": ["warehouse_users"],
    "volumes": ["clickhouse-data:/var/lib/sluice"],
    "networks": ["back"],
    "healthcheck": {
        "test": [
            "CMD",
            "python",
            "-c",
            "import urllib.request as r; r.urlopen('http://127.0.0.1:8123/ping', timeout=5)",
        ],
        "interval": "2s",
        "retries": 30,
    },
}


class Stack(NamedTuple):
    """A running installation: its folder, and the port of its proxy."""

    folder: Path
    command: tuple[str, ...]
    port: int

    def compose(self, *words: str) -> str:
        done = subprocess.run(
            [*self.command, *words], cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-4000:])
        return done.stdout

    def client(self, key: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )


def compose_command() -> tuple[str, ...]:
    """The plugin of Docker, else Debian's program of its own."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    pytest.skip("no docker compose here")


def for_any_compose(image: str) -> dict[str, Any]:
    """The file with the stand-ins, without what Compose 1.29 or Docker 20.10 do not know."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, dict[str, Any]] = whole["services"]
    del whole["name"], services["grafana"]
    ours = {key: services["worker"][key] for key in ("restart", "logging", "cap_drop", "tmpfs")}
    services["clickhouse"] = {**ours, "image": image, "stop_grace_period": "15s", **WAREHOUSE}
    services["clickhouse"]["tmpfs"] = ["/tmp"]
    for service in services.values():
        service.get("healthcheck", {}).pop("start_interval", None)
        service.get("deploy", {}).get("resources", {}).get("limits", {}).pop("pids", None)
        service.pop("build", None)
        if "env_file" in service:
            service["env_file"] = ["deploy/sluice.env"]
    whole["secrets"]["warehouse_users"] = {"file": "deploy/secrets/warehouse_users"}
    return {"version": "3.9", **whole}


@pytest.fixture(scope="module")
def stack(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(f"stack{uuid.uuid4().hex[:8]}")
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    subprocess.run([folder / "deploy" / "make-secrets.sh"], check=True, capture_output=True)
    write_users(folder / "deploy" / "secrets")
    (folder / "deploy" / "sluice.env").write_text("")
    (folder / "docker-compose.yml").write_text(json.dumps(for_any_compose(image)))
    http, https = free_ports(2)
    example = (folder / "deploy" / ".env.example").read_text()
    ports = f"HTTP_PORT={http}\nHTTPS_PORT={https}\n"
    (folder / ".env").write_text(f"{example}\n{ports}")
    running = Stack(folder, compose_command(), http)
    try:
        running.compose("up", "-d")
        yield running
    finally:
        running.compose("down", "--volumes", "--timeout", "15")


def write_users(secrets: Path) -> None:
    users = {"sluice": ("clickhouse", "write"), "reader": ("clickhouse_reader", "readonly")}
    lines = [
        f"{name}:{(secrets / f'{file}_password').read_text()}:{rights}"
        for name, (file, rights) in users.items()
    ]
    (secrets / "warehouse_users").write_text("\n".join(lines))
    (secrets / "warehouse_users").chmod(0o444)


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """The first key, asked for as docs/operations.md says."""
    await_that(lambda: "healthy" in stack.compose("ps", "api"), stack)
    return stack.compose("exec", "-T", "api", "sluice", "key", "show").strip()


def await_that(condition: Callable[[], bool], stack: Stack) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, stack.compose("logs", "--tail=20")
        time.sleep(0.5)


def test_compose_itself_accepts_the_file(stack: Stack) -> None:
    if stack.command != ("docker", "compose"):
        pytest.skip("wants Compose 2.24 or newer")
    shutil.copy(ROOT / "docker-compose.yml", stack.folder / "original.yml")

    services = stack.compose("-f", "original.yml", "config", "--services").split()

    assert {"edge", "worker", "api", "proxy", "grafana"} <= set(services)


def test_what_goes_in_at_the_proxy_is_priced_and_read_there(stack: Stack, key: str) -> None:
    with stack.client(key) as client:
        answer = client.post("/v1/traces/batch", json=[a_trace()])

        assert answer.status_code == 202, answer.text
        trace = answer.json()["traces"][0]
        assert trace["costCents"] > 0
        assert client.get(f"/v1/traces/{trace['traceId']}").json()["provider"] == "openai"


def test_nothing_is_lost_or_twice_when_every_process_of_ours_is_made_anew(
    stack: Stack, key: str
) -> None:
    sent = [a_trace() for _ in range(100)]
    with stack.client(key) as client:
        assert client.post("/v1/traces/async", json=sent).status_code == 202
        stack.compose("up", "-d", "--force-recreate", "--no-deps", "edge", "worker", "api")
        await_that(lambda: stored(client) >= {trace["trace_id"] for trace in sent}, stack)
        total = client.get("/v1/traces", params={"limit": 1000}).json()["traces"]

        assert len(total) == len({trace["traceId"] for trace in total})


def stored(client: httpx.Client) -> set[str]:
    answer = client.get("/v1/traces", params={"limit": 1000})
    if answer.status_code != 200:  # while the new api starts
        return set()
    return {trace["traceId"] for trace in answer.json()["traces"]}
