"""Images from Dockerfiles, and what a container is kept from."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploys.detecting import Given, detect
from deploys.drivers.docker import LABEL
from deploys.drivers.driver import Ended, StartFailed
from deploys.drivers.images import DockerImages
from deploys.environments import image_environment
from deploys.health import HealthCheck
from deploys.orphans import read_identity
from deploys.supervision.kin import look_at, send
from tests.integration.deploys.runner.conftest import (
    DOCKER_IMAGE,
    engine_of,
    in_docker,
    open_workshop,
)
from tests.integration.deploys.runner.test_whole import PYTHON, get, healthy
from tests.integration.deploys.runner.workshop import LIMITS, WAIT_S, Workshop, until

pytestmark = pytest.mark.containers


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    async for one in open_workshop(tmp_path, in_docker):
        yield one


def images_of(workshop: Workshop) -> DockerImages:
    assert isinstance(workshop.driver.images, DockerImages)
    return workshop.driver.images


async def build(workshop: Workshop, name: str, cancel: asyncio.Event | None = None) -> Ended:
    return await images_of(workshop).build(
        workshop.work,
        name,
        LIMITS,
        workshop.out,
        cancel=cancel or asyncio.Event(),
        network=False,
    )


async def until_so(ask: Callable[[], Awaitable[str]], wanted: str) -> None:
    """Waits until an answer is this one."""
    async with asyncio.timeout(WAIT_S):
        for pause_s in itertools.repeat(0.05):
            if await ask() == wanted:
                return
            await asyncio.sleep(pause_s)


async def test_an_app_with_a_dockerfile(workshop: Workshop) -> None:
    (workshop.work / "main.py").write_text(PYTHON)
    (workshop.work / "Dockerfile").write_text(
        f"FROM {DOCKER_IMAGE}\nCOPY main.py /srv/\nEXPOSE 8000/tcp 53/udp\n"
        'CMD ["python3", "/srv/main.py"]\n'
    )
    images = images_of(workshop)
    plan = detect(workshop.work, Given(), has_docker=True)

    built = await build(workshop, "one")
    image = await images.find("one")
    assert image is not None
    environment = image_environment({"GREETING": "hello"}, port=8000)
    instance = await workshop.start("", image=image.tag, inner_port=8000, environment=environment)
    await healthy(workshop, instance, HealthCheck(path="/health", seconds=60))

    assert plan.kind == "dockerfile"
    assert built == (0, ""), workshop.printed
    assert image.ports == (8000,)
    assert await get(instance) == (200, "python hello")
    await workshop.driver.stop(instance, 1)
    assert await images.names() == ["one"]
    await images.remove("one")
    assert (await images.names(), await images.find("one")) == ([], None)
    await images.remove("one")


async def test_a_dockerfile_that_fails_says_so(workshop: Workshop) -> None:
    (workshop.work / "Dockerfile").write_text(f"FROM {DOCKER_IMAGE}\nRUN echo no; exit 3\n")

    built = await build(workshop, "fails")

    assert built.code != 0
    assert b"no\n" in workshop.printed["stdout"]
    assert b"Removing intermediate container" in workshop.printed["stdout"]


async def test_an_image_that_is_cancelled_leaves_no_container(workshop: Workshop) -> None:
    (workshop.work / "Dockerfile").write_text(
        f"FROM {DOCKER_IMAGE}\nRUN echo begun; exec sleep 600\n"
    )
    cancel = asyncio.Event()
    building = asyncio.create_task(build(workshop, "cancelled", cancel))
    await until(lambda: b"begun\n" in workshop.printed["stdout"], "it builds")
    (container,) = re.findall(rb"Running in (\w+)", workshop.printed["stdout"])

    cancel.set()

    assert (await building).reason == "cancelled"
    engine = engine_of(workshop.settings)
    asked = ["ps", "--all", "--quiet", "--filter", f"id={container.decode()}"]
    await until_so(lambda: engine.ask(*asked), "")
    assert await images_of(workshop).find("cancelled") is None


async def test_a_container_outlives_no_supervisor_for_long(workshop: Workshop) -> None:
    instance = await workshop.start("echo ready; exec sleep 600")
    await until(lambda: b"ready" in workshop.output(), "it prints")
    supervisor = look_at(instance.pid)
    assert supervisor is not None
    send(supervisor, 9)

    ended = await workshop.driver.sweep(())

    assert "app-1" in ended
    assert await workshop.driver.sweep(()) == []


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


async def test_no_container_reaches_another_one(workshop: Workshop) -> None:
    app = await workshop.start("exec python3 -m http.server $PORT")
    await healthy(workshop, app, HealthCheck(seconds=60))
    engine = engine_of(workshop.settings)
    label = f"{LABEL}={read_identity(workshop.places)}.{app.name}"
    container = (await engine.ask("ps", "--quiet", "--filter", f"label={label}")).strip()
    shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}"
    address, gateway = (await engine.ask("inspect", "--format", shown, container)).split()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), gateway, 0)
    port = server.sockets[0].getsockname()[1]
    connect = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 2)'"
    async with server:
        outside = await workshop.run(connect.format(gateway, port))
        inside = await workshop.run(connect.format(address, app.port))

    assert outside.code == 0, workshop.printed
    assert inside.code == 1
    assert b"timed out" in workshop.printed["stderr"]
    await workshop.driver.stop(app, 1)


async def test_a_value_with_line_ends_is_refused(workshop: Workshop) -> None:
    app = workshop.app("true")

    with pytest.raises(StartFailed, match="'KEY': it has line ends"):
        await workshop.start("true", environment={**app.environment, "KEY": "a\nb"})
