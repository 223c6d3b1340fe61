"""Who listens on the port of an app: the app itself, or whoever took it."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploys.drivers.driver import Instance
from deploys.failures import Unhealthy
from deploys.health import HealthCheck, wait_until_healthy
from deploys.listeners import UNKNOWN, Listeners, listening_on
from deploys.ports import HOST
from schemas.deploys.routing import Owner
from tests.integration.deploys.runner.conftest import in_bubblewrap, in_cgroups, plain
from tests.integration.deploys.runner.workshop import Workshop, until

LISTEN = """
import os, socket, sys, time
family = socket.AF_INET6 if sys.argv[1] == "::" else socket.AF_INET
server = socket.create_server((sys.argv[1], int(os.environ["PORT"])), family=family, backlog=9,
    dualstack_ipv6=family == socket.AF_INET6)
sys.stdin.read() if sys.argv[2:] else time.sleep(600)
"""
OWN_PROCESSES = pytest.mark.parametrize(
    "each_workshop", [plain, in_cgroups, in_bubblewrap], indirect=True, ids=lambda it: it.__name__
)


def owner_of(instance: Instance) -> Owner:
    return Owner(instance.pid, instance.started, instance.namespace)


async def listens(instance: Instance) -> frozenset[int]:
    await until(lambda: listening_on(instance.port), "it listens")
    return listening_on(instance.port)


@contextmanager
def taken(port: int) -> Iterator[socket.socket]:
    """Has another program listen there, which is this one."""
    with socket.create_server((HOST, port)) as other:
        yield other


@OWN_PROCESSES
@pytest.mark.parametrize(
    "start",
    [
        "exec python3 listen.py $HOST",
        "python3 listen.py $HOST & wait",
        "exec python3 listen.py ::",
    ],
    ids=["itself", "a process of it", "on all addresses"],
)
async def test_what_an_app_listens_on_is_its_own(each_workshop: Workshop, start: str) -> None:
    (each_workshop.work / "listen.py").write_text(LISTEN)

    instance = await each_workshop.start(start)

    found = await listens(instance)
    assert len(found) == 1
    assert await Listeners().of(owner_of(instance), instance.port) == found
    await each_workshop.driver.stop(instance, 0)


@OWN_PROCESSES
async def test_who_takes_the_port_of_an_app_that_has_ended_is_known(
    each_workshop: Workshop,
) -> None:
    (each_workshop.work / "listen.py").write_text(LISTEN)
    each_workshop.change(backoff_first_s=600)
    instance = await each_workshop.start(
        "until [ -e end ]; do sleep 0.02; done | python3 listen.py $HOST until-told"
    )
    listeners, owner = Listeners(), owner_of(instance)
    own = await listens(instance)
    assert await listeners.of(owner, instance.port) == own

    (each_workshop.work / "end").touch()
    await until(lambda: not listening_on(instance.port), "it ends")
    assert await listeners.of(owner, instance.port) == frozenset()
    with taken(instance.port):
        assert await listeners.of(owner, instance.port) is None
        assert await Listeners().of(owner, instance.port) is None
    await each_workshop.driver.stop(instance, 0)


async def test_a_port_that_others_share_is_not_an_apps_own(workshop: Workshop) -> None:
    """Whoever runs as the same user may join a port on which an app lets others listen too."""
    shared = LISTEN.replace("backlog=9", "backlog=9, reuse_port=True")
    (workshop.work / "listen.py").write_text(shared)
    instance = await workshop.start("exec python3 listen.py $HOST")
    await listens(instance)

    with socket.create_server((HOST, instance.port), reuse_port=True):
        assert await Listeners().of(owner_of(instance), instance.port) is None
    await workshop.driver.stop(instance, 0)


async def test_after_another_the_app_itself_is_known_again(workshop: Workshop) -> None:
    (workshop.work / "listen.py").write_text(LISTEN)
    instance = await workshop.start(
        "until [ -e go ]; do sleep 0.02; done; exec python3 listen.py $HOST"
    )
    listeners, owner = Listeners(), owner_of(instance)
    with taken(instance.port):
        assert await listeners.of(owner, instance.port) is None

    (workshop.work / "go").touch()

    found = await listens(instance)
    assert await listeners.of(owner, instance.port) == found
    await workshop.driver.stop(instance, 0)


async def test_where_pids_are_others_nobody_can_tell() -> None:
    owner = Owner(os.getpid(), "now", "pid:[1]")

    assert await Listeners().of(owner, 1) == UNKNOWN


async def test_an_app_is_not_healthy_by_the_answer_of_another(workshop: Workshop) -> None:
    instance = await workshop.start("exec sleep 600")
    running = await workshop.driver.adopt(instance)
    assert running is not None
    check = HealthCheck(path="", seconds=0.5)

    with taken(instance.port), pytest.raises(Unhealthy, match="another program answers"):
        await wait_until_healthy(check, running, last_lines=lambda _: [], cancel=asyncio.Event())
    await workshop.driver.stop(instance, 0)
