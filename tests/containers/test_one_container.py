"""All of Sluice in one container: `docker run … sluice up`, as docs/operations.md says."""

import io
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from docker import DockerClient
from docker.models.containers import Container

from tests.e2e.make_old_data import KEY as OLD_KEY
from tests.e2e.make_old_data import STORED, WAITING
from tests.e2e.test_old_data import DATA

pytestmark = [pytest.mark.containers, pytest.mark.alone]

START_S = 60.0
KEY = "pulse_sk_" + "5" * 64
# As docs/operations.md runs it, and a bound of memory on top.
SAFE: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": "mode=1777,size=64m"},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "mem_limit": "2g",
}


@contextmanager
def running(client: DockerClient, image: str, volume: str, **settings: str) -> Iterator[Container]:
    """`sluice up` with its data in the volume, from healthy to removed."""
    container = client.containers.run(
        image,
        ["up"],
        detach=True,
        environment={"SLUICE_INIT_API_KEY": KEY, **settings},
        ports={"8080/tcp": ("127.0.0.1", None)},
        volumes={volume: {"bind": "/var/lib/sluice"}},
        **SAFE,
    )
    try:
        await_that(lambda: health(container) == "healthy", container)
        yield container
    finally:
        container.remove(force=True, v=True)


def health(container: Container) -> str:
    container.reload()
    return str(container.attrs["State"]["Health"]["Status"])


def await_that(condition: Callable[[], bool], container: Container) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, container.logs().decode()[-4000:]
        time.sleep(0.1)


def client_of(container: Container, key: str = KEY) -> httpx.Client:
    container.reload()
    port = container.ports["8080/tcp"][0]["HostPort"]
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}
    )


def a_trace() -> dict[str, Any]:
    return {
        "trace_id": str(uuid.uuid4()),
        "timestamp": "2026-11-20T12:00:00Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {},
        "input_tokens": 50,
        "output_tokens": 100,
        "latency_ms": 1200,
        "status": "success",
    }


def test_it_takes_an_event_as_a_user_without_rights(
    docker_client: DockerClient, image: str, volume: str
) -> None:
    with running(docker_client, image, volume) as container, client_of(container) as client:
        answer = client.post("/v1/traces/batch", json=[a_trace()])

        assert answer.status_code == 202, answer.text
        assert answer.json()["traces"][0]["costCents"] > 0
        assert container.exec_run(["id", "-u"]).output.strip() == b"10001"
        assert container.exec_run(["sluice", "doctor"]).exit_code == 0


def test_a_stop_is_graceful_and_the_next_container_has_the_data(
    docker_client: DockerClient, image: str, volume: str
) -> None:
    sent = a_trace()
    with running(docker_client, image, volume) as container, client_of(container) as client:
        assert client.post("/v1/traces/async", json=[sent]).status_code == 202
        container.stop(timeout=15)

        assert container.wait()["StatusCode"] == 0
        assert b"stream stopped" in container.logs()

    with running(docker_client, image, volume) as container, client_of(container) as client:
        await_that(
            lambda: client.get(f"/v1/traces/{sent['trace_id']}").status_code == 200, container
        )
        answer = client.get("/v1/traces", params={"limit": 10}).json()

        assert [trace["traceId"] for trace in answer["traces"]] == [sent["trace_id"]]


def test_a_volume_of_an_earlier_version_is_taken_over(
    docker_client: DockerClient, image: str, volume: str
) -> None:
    with tarfile.open(DATA / "b92ec30.tar.xz") as archive:
        fill(docker_client, image, volume, archive)

    with (
        running(docker_client, image, volume, SLUICE_RETENTION_DAYS="36500") as container,
        client_of(container, OLD_KEY) as client,
    ):
        await_that(lambda: traces_in(client) == STORED + WAITING, container)


def traces_in(client: httpx.Client) -> int:
    return len(client.get("/v1/traces", params={"limit": 1000}).json()["traces"])


def fill(client: DockerClient, image: str, volume: str, archive: tarfile.TarFile) -> None:
    """Put the archive's files into the volume, as the image's user owns them."""
    owned = io.BytesIO()
    with tarfile.open(fileobj=owned, mode="w") as target:
        for member in archive.getmembers():
            member.uid = member.gid = 10001
            target.addfile(member, archive.extractfile(member) if member.isfile() else None)
    container = client.containers.create(
        image, ["up"], volumes={volume: {"bind": "/var/lib/sluice"}}
    )
    try:
        container.put_archive("/var/lib/sluice", owned.getvalue())
    finally:
        container.remove()
