"""Images from Dockerfiles, and what a container is kept from."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploys.detecting import Given, detect
from deploys.drivers.docker import Docker
from deploys.drivers.driver import StartFailed
from deploys.drivers.processes import ProcessDriver
from deploys.health import HealthCheck
from deploys.supervision.kin import look_at, send
from tests.integration.deploys.runner.conftest import DOCKER_IMAGE, in_docker, open_workshop
from tests.integration.deploys.runner.test_whole import PYTHON, get, healthy
from tests.integration.deploys.runner.workshop import LIMITS, Workshop, until

pytestmark = pytest.mark.containers


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    async for one in open_workshop(tmp_path, in_docker):
        yield one


def engine(workshop: Workshop) -> Docker:
    assert isinstance(workshop.driver, ProcessDriver)
    assert isinstance(workshop.driver._sandbox, Docker)
    return workshop.driver._sandbox


async def test_an_app_with_a_dockerfile(workshop: Workshop) -> None:
    (workshop.work / "main.py").write_text(PYTHON)
    (workshop.work / "Dockerfile").write_text(
        f"FROM {DOCKER_IMAGE}\nCOPY main.py /srv/\nENV FROM_IMAGE=1\n"
        'CMD ["python3", "/srv/main.py"]\n'
    )
    docker, tag = engine(workshop), f"sluice-test-{workshop.folder.name}"
    plan = detect(workshop.work, Given(), has_docker=True)

    built = await docker.build(workshop.work, tag, LIMITS, workshop.out, cancel=asyncio.Event())
    app = workshop.app("")
    instance = await workshop.start(
        "",
        image=tag,
        port=app.port,
        environment={**app.environment, "GREETING": "hello", "HOST": "0.0.0.0"},  # noqa: S104
    )
    await healthy(workshop, instance, HealthCheck(path="/health", seconds=60))

    assert plan.kind == "dockerfile"
    assert built == (0, ""), workshop.printed
    assert await get(instance) == (200, "python hello")
    await workshop.driver.stop(instance, 1)
    await docker.remove_image(tag)


async def test_a_dockerfile_that_fails_says_so(workshop: Workshop) -> None:
    (workshop.work / "Dockerfile").write_text(f"FROM {DOCKER_IMAGE}\nRUN echo no; exit 3\n")

    built = await engine(workshop).build(
        workshop.work, "sluice-test-fails", LIMITS, workshop.out, cancel=asyncio.Event()
    )

    assert built.code != 0
    assert b"no\n" in workshop.printed["stdout"]
    assert b"Removing intermediate container" in workshop.printed["stdout"]


async def test_a_container_outlives_no_supervisor_for_long(workshop: Workshop) -> None:
    instance = await workshop.start("echo ready; exec sleep 600")
    await until(lambda: b"ready" in workshop.output(), "it prints")
    supervisor = look_at(instance.pid)
    assert supervisor is not None
    send(supervisor, 9)

    ended = await workshop.driver.sweep(())

    assert "app-1" in ended
    assert await engine(workshop).sweep(()) == []


async def test_it_sees_neither_our_files_nor_our_processes(workshop: Workshop) -> None:
    (workshop.settings.folder / "secret").write_text("key")

    ended = await workshop.run(
        f"test -e {workshop.settings.folder}/secret && echo sees the data;"
        "test $(ls /proc | grep -c '^[0-9]') -lt 8 || echo sees processes;"
        "echo done"
    )

    assert ended.code == 0
    assert workshop.printed["stdout"] == b"done\n"


async def test_a_build_without_network_has_none(workshop: Workshop) -> None:
    await workshop.run("ls /sys/class/net", network=False)

    assert workshop.printed["stdout"] == b"lo\n"


async def test_a_value_with_line_ends_is_refused(workshop: Workshop) -> None:
    app = workshop.app("true")

    with pytest.raises(StartFailed, match="'KEY': it has line ends"):
        await workshop.start("true", environment={**app.environment, "KEY": "a\nb"})
