"""A deployer with real repositories and processes, and a log that is a list."""

import asyncio
import os
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.deployments import get_deployment
from controlplane.deploys.routing import list_routes
from controlplane.deploys.rows import Reach
from deploys.bench import Bench, Installation
from deploys.deployer import Deployer
from deploys.places import Places
from deploys.ports import Ports
from deploys.releases import Releases
from deploys.settings import DeployerSettings
from deploys.starting import open_driver
from schemas.deploys.apps import AppConfig
from schemas.deploys.deployments import Deployment, Job
from schemas.deploys.lines import Line
from schemas.projects import ProjectId
from tests.components.processes import first_app_port
from tests.integration.deploys.apps import ask, new_app

GIT = {
    f"GIT_{who}_{what}": "ann@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
} | {
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
}
PAGE = """
import http.server, os
print("listening with", os.environ.get("PASSWORD", "nothing"), "in production", flush=True)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"{version}"
        self.send_response({status})
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""
WITHIN_S = 60.0


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Writes files and commits them; returns the hash."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "-q", "-b", "main")
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "a change")
    return _git(folder, "rev-parse", "HEAD").strip()


def page(version: str, status: int = 200) -> dict[str, str]:
    """Returns the files of a small app."""
    content = PAGE.replace("{version}", version).replace("{status}", str(status))
    return {"app.py": content, "Procfile": "web: python3 app.py\n"}


class World:
    """An installation with one deployer and one app, whose repository is a folder."""

    def __init__(self, database: Database, vault: Vault, folder: Path) -> None:
        self.database, self.vault, self.folder = database, vault, folder
        self.repository = folder / "repository"
        self.lines: list[Line] = []
        self.switched: list[str] = []
        self.drained: list[str] = []
        self.quiet = asyncio.Event()
        """Cleared while requests are under way to old instances."""
        self.quiet.set()
        self.is_deaf = False
        self.settings: dict[str, Any] = {}
        """Of its deployer, where they differ."""
        self.project_id = ProjectId("")

    async def begin(self, **config: object) -> None:
        self.project_id = await new_app(self.database, self.vault, secret="correct-horse-battery")
        await self.configure(**config)

    async def configure(self, **config: object) -> None:
        fields = {"repo_url": str(self.repository), **config}
        text = msgspec.json.encode(msgspec.convert(fields, AppConfig)).decode()
        async with self.database.session() as session:
            await session.execute(update(models.App).values(config=text))

    @asynccontextmanager
    async def deployer(self, *, leaves: bool = True) -> AsyncIterator[Deployer]:
        """Runs a deployer for as long as the context lasts."""
        bench = await self._bench()
        deployer = Deployer(bench, parallel=2)

        async def work() -> None:
            while True:
                await deployer.work()
                await asyncio.sleep(0.05)

        working = asyncio.create_task(work())
        try:
            yield deployer
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await deployer.stop()
            if leaves:
                await bench.driver.sweep(())

    async def deploy(self, **more: object) -> Deployment:
        """Asks for a deployment and waits for what becomes of it."""
        return await self.outcome((await ask(self.database, self.project_id, **more)).id)

    async def outcome(self, deployment_id: str) -> Deployment:
        reach = Reach(project_id=self.project_id)

        async def ended() -> Deployment | None:
            found = await get_deployment(self.database, reach, deployment_id)
            return None if found.status in ("queued", "building") else found

        return await until(ended)

    async def served(self) -> str | None:
        """Returns what is answered now; `None` where nothing serves."""
        routes = await list_routes(self.database)
        return await asyncio.to_thread(_get, routes[0].port) if routes else None

    async def sync_now(self) -> None:
        """Has the branch be due, and waits until it was looked at."""
        async with self.database.session() as session:
            await session.execute(update(models.App).values(next_sync_us=1))

        async def looked_at() -> bool:
            async with self.database.reading() as session:
                return await session.scalar(select(models.App.next_sync_us)) != 1

        await until(looked_at)

    def said(self, deployment_id: str) -> list[str]:
        return [one.message for one in self.lines if one.deployment_id == deployment_id]

    async def _bench(self) -> Bench:
        usual = DeployerSettings(
            folder=self.folder / "deploys",
            private_allowed=True,
            health_seconds=5,
            stop_seconds=2,
            first_port=first_app_port(),
            last_port=first_app_port() + 249,
            backoff_first_s=0.05,
            max_restarts=2,
        )
        settings = msgspec.structs.replace(usual, **self.settings)
        places = Places(settings.folder)
        return Bench(
            name="here",
            settings=settings,
            driver=await open_driver(settings),
            places=places,
            releases=Releases(places),
            ports=Ports(settings.first_port, settings.last_port),
            at=Installation(
                database=self.database,
                vault=self.vault,
                send=self._send,
                inject=_inject,
                switched=self._switched,
                drain=self._drain,
                permit=_permit,
                drain_least_s=0.0,
            ),
        )

    async def _send(self, _: ProjectId, lines: Sequence[Line]) -> None:
        self.lines.extend(lines)

    async def _drain(self, instance_id: str, timeout_s: float) -> None:
        assert 0 < timeout_s <= 30
        self.drained.append(instance_id)
        await self.quiet.wait()

    async def _switched(self, deployment: Deployment) -> None:
        if self.is_deaf:
            raise OSError("nobody listens")
        self.switched.append(deployment.id)


async def end_apps(folder: Path) -> None:
    """Ends all that the deployer of a folder runs: it outlives its deployer."""
    driver = await open_driver(DeployerSettings(folder=folder))
    await driver.sweep(())


async def until(found: Callable[[], Any]) -> Any:
    """Waits until something is there, and returns it."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            value = found()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.05)


async def _permit(owner: object) -> bool:
    return True


async def _inject(_: Job) -> Mapping[str, str]:
    return {"SLUICE_URL": "http://sluice.example", "SENTRY_ENVIRONMENT": "production"}


def _get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return str(answer.read().decode())


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    environment = {**GIT, "PATH": os.environ["PATH"]}
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return ran.stdout
