"""From a repository to an app that answers: what a deployer does, and what goes wrong."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from msgspec import structs

from deploys.checkout import Source, check_out
from deploys.detecting import Given, Plan, detect
from deploys.drivers.driver import AppCommand, Instance
from deploys.environments import (
    app_environment,
    build_environment,
    listening_host,
    make_caches,
)
from deploys.failures import Cancelled, Unhealthy
from deploys.health import HealthCheck, wait_until_healthy
from deploys.releases import Releases
from deploys.starting import start_text
from deploys.supervision.spools import Cursor, last_lines, read
from tests.components.fixtures import require
from tests.integration.deploys.runner.repositories import Repository
from tests.integration.deploys.runner.workshop import (
    LIMITS,
    PATH,
    Workshop,
    contents,
    is_there,
    until,
)

PYTHON = """
import http.server, os, sys
print("begun", flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204 if self.path == "/health" else 200)
        self.end_headers()
        if self.path != "/health":
            self.wfile.write(b"python " + os.environ["GREETING"].encode())
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
NODE = """
require('http').createServer((_, answer) => answer.end('node'))
  .listen(process.env.PORT, '127.0.0.1');
"""


class Deployed(NamedTuple):
    """What was put up."""

    plan: Plan
    instance: Instance


async def deploy(
    workshop: Workshop, files: dict[str, str], *, name: str = "r1", check: str = "/"
) -> Deployed:
    """Does what a deployer does, without a queue."""
    repository = Repository(workshop.folder / f"repository-{name}")
    repository.commit(files)
    tree = Releases(workshop.places).begin(name)
    source = Source(app=name, url=str(repository.folder), branch="main")
    await check_out(workshop.settings, source, tree, cancel=asyncio.Event())
    plan = detect(tree, Given())
    caches = workshop.places.caches("shop")
    make_caches(caches)
    for text in filter(None, (plan.install, plan.build)):
        command = structs.replace(
            workshop.command(text, True, {}),
            folder=tree,
            environment=build_environment({}, folder=tree, caches=caches, path=PATH),
            writable=(caches,),
        )
        ended = await workshop.driver.run(command, workshop.out, asyncio.Event())
        assert ended == (0, ""), workshop.printed
    instance = await put_up(workshop, tree, start_text(plan), name)
    await healthy(workshop, instance, HealthCheck(path=check, seconds=30))
    return Deployed(plan, instance)


async def put_up(workshop: Workshop, tree: Path, text: str, name: str = "r1") -> Instance:
    port = workshop.ports.reserve()
    home = workshop.places.instance(name) / "tmp"
    app = AppCommand(
        name=name,
        text=text,
        folder=tree,
        environment=app_environment(
            {"GREETING": "hello"},
            folder=tree,
            home=home,
            path=PATH,
            port=port,
            host=listening_host(workshop.driver.name),
        ),
        limits=LIMITS,
        port=port,
        restart="always",
        grace_s=5,
    )
    workshop.ports.let_app_bind(port)
    instance = await workshop.driver.start(app, workshop.places.spool(name))
    workshop.started.append(instance)
    return instance


async def healthy(
    workshop: Workshop, instance: Instance, check: HealthCheck, cancel: asyncio.Event | None = None
) -> None:
    running = await workshop.driver.adopt(instance)
    assert running is not None
    spool = str(workshop.places.spool(instance.name))
    await wait_until_healthy(
        check,
        running,
        last_lines=lambda count: last_lines(read(spool, Cursor()).chunks, count),
        cancel=cancel or asyncio.Event(),
    )


async def get(instance: Instance, path: str = "/", **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{instance.host}:{instance.port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


class TestApps:
    async def test_an_app_in_python(self, each_workshop: Workshop) -> None:
        plan, instance = await deploy(each_workshop, {"main.py": PYTHON}, check="/health")

        assert await get(instance) == (200, "python hello")
        assert plan.start == "python main.py"
        assert b"begun\n" in each_workshop.output("r1")
        await each_workshop.driver.stop(instance, 5)

    async def test_an_app_in_node(self, workshop: Workshop) -> None:
        require("node")
        files = {"package.json": '{"scripts": {"start": "node server.js"}}', "server.js": NODE}

        plan, instance = await deploy(workshop, files)

        assert await get(instance) == (200, "node")
        assert plan.language == "node"
        await workshop.driver.stop(instance, 5)

    async def test_a_static_site(self, each_workshop: Workshop) -> None:
        if each_workshop.driver.name == "docker":
            pytest.skip("static sites are served by a process of ours: `starting.driver_name`")
        files = {"index.html": "<h1>Site</h1>", "404.html": "gone", "a.txt": "0123456789"}

        plan, instance = await deploy(each_workshop, files)

        assert plan.kind == "static"
        assert await get(instance) == (200, "<h1>Site</h1>")
        assert await get(instance, "/none") == (404, "gone")
        assert await get(instance, "/a.txt", Range="bytes=2-4") == (206, "234")
        assert await get(instance, "/%2e%2e/%2e%2e/release.json") == (404, "gone")
        await each_workshop.driver.stop(instance, 5)

    async def test_an_etag_saves_what_has_not_changed(self, workshop: Workshop) -> None:
        _, instance = await deploy(workshop, {"index.html": "site"})
        url = f"http://{instance.host}:{instance.port}/"
        async with aiohttp.ClientSession() as session:
            async with session.get(url) as first:
                etag = first.headers["ETag"]
            async with session.get(url, headers={"If-None-Match": etag}) as second:
                assert second.status == 304
        await workshop.driver.stop(instance, 5)

    async def test_what_an_app_prints_is_read_as_it_is(self, workshop: Workshop) -> None:
        # Masking is for whoever reads the spool: it must get the whole of each line.
        instance = await put_up(workshop, workshop.work, 'echo "token=$GREETING"; exec sleep 600')

        await until(lambda: b"token=hello\n" in workshop.output("r1"), "it prints")

        await workshop.driver.stop(instance, 5)


class TestUnhealthy:
    async def test_one_that_dies_fails_at_once_with_its_last_lines(
        self, workshop: Workshop
    ) -> None:
        text = "seq 1 60; echo no database >&2; exit 4"
        instance = await put_up(workshop, workshop.work, text)
        loop = asyncio.get_running_loop()
        began = loop.time()

        with pytest.raises(Unhealthy, match="ended with exit code 4") as failed:
            await healthy(workshop, instance, HealthCheck(seconds=600))

        assert loop.time() - began < 60
        lines = str(failed.value).splitlines()
        assert "no database" in lines
        assert len(lines) == 51
        await workshop.driver.stop(instance, 5)

    async def test_one_that_never_listens(self, workshop: Workshop) -> None:
        instance = await put_up(workshop, workshop.work, "echo waiting; exec sleep 600")
        await until(lambda: workshop.output("r1"), "it prints")

        with pytest.raises(Unhealthy, match=r"nothing answers on port .*\n?waiting"):
            await healthy(workshop, instance, HealthCheck(seconds=0.5))

        await workshop.driver.stop(instance, 5)

    async def test_one_that_answers_with_errors(self, workshop: Workshop) -> None:
        instance = await put_up(workshop, workshop.work, "exec python3 -m http.server $PORT")

        with pytest.raises(Unhealthy, match="GET /none answered 404"):
            await healthy(workshop, instance, HealthCheck(path="/none", seconds=3))

        await workshop.driver.stop(instance, 5)

    async def test_a_connection_is_enough_where_no_path_is_named(self, workshop: Workshop) -> None:
        instance = await put_up(workshop, workshop.work, "exec python3 -m http.server $PORT")

        await healthy(workshop, instance, HealthCheck(path="", seconds=30))

        await workshop.driver.stop(instance, 5)

    async def test_waiting_can_be_cancelled(self, workshop: Workshop) -> None:
        instance = await put_up(workshop, workshop.work, "exec sleep 600")
        cancel = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, cancel.set)

        with pytest.raises(Cancelled):
            await healthy(workshop, instance, HealthCheck(seconds=600), cancel)

        await workshop.driver.stop(instance, 5)


class TestSandbox:
    async def test_a_build_without_network_reaches_nobody(self, bubblewrap: Workshop) -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connect = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))'"
        async with server:
            with_network = await bubblewrap.run(connect)
            without = await bubblewrap.run(connect, network=False)

        assert with_network.code == 0
        assert without.code == 1
        assert b"refused" in bubblewrap.printed["stderr"]

    async def test_it_sees_its_own_files_and_processes_alone(self, bubblewrap: Workshop) -> None:
        (bubblewrap.settings.folder / "secret").write_text("key")
        other = bubblewrap.folder / "other"
        other.write_text("of another")

        ended = await bubblewrap.run(
            f"test ! -e {bubblewrap.settings.folder}/secret || echo sees the data;"
            f"echo x > {other};"
            "echo x > /etc/canary && echo writes to the system;"
            "test -e /run/docker.sock && echo sees sockets;"
            "test $(ls /proc | grep -c '^[0-9]') -lt 8 || echo sees processes;"
            "echo x > /tmp/mine && echo done"
        )

        assert ended.code == 0
        assert bubblewrap.printed["stdout"] == b"done\n"
        assert contents(bubblewrap.folder).count(b"of another") == 1
        assert not is_there("/tmp/mine")
