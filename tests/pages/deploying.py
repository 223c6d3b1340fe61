"""Deployments of a running server's projects as a deployer would bring them about, without one."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import select, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models, queue
from controlplane.deploys.deployments import Asked, ask_deployment
from controlplane.deploys.instances import Built, Started, note_release, note_start, switch
from controlplane.deploys.secrets import seal_secrets
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.deployments import Deployment, Held, Job
from schemas.deploys.lines import Level, Line, Stream, line_id
from schemas.deploys.states import Phase
from schemas.kinds import DEPLOY_LINE
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.e2e.server import Project, Server

T = TypeVar("T")
REPOSITORY = "https://git.example/ann/shop.git"


class Pushed(NamedTuple):
    """A commit that is to be deployed."""

    message: str
    sha: str = "c0ffee" * 6 + "cafe"
    branch: str = "main"
    environment: str = "production"
    author: str = "ann@example.com"


def line(seq: int, message: str, level: Level = "info", stream: Stream = "stdout") -> Line:
    """Returns a line of any deployment."""
    at_us = time.time_ns() // 1000
    return Line(deployment_id="", seq=seq, at_us=at_us, level=level, stream=stream, message=message)


class Hand:
    """Does by hand what a deployer does for one project of a server."""

    def __init__(self, server: Server, project: Project) -> None:
        self._folder = server.data_dir
        self._url = f"sqlite:///{server.data_dir / 'control.db'}"
        self._vault = Vault((server.data_dir / "secret.key").read_text().strip())
        self._project_id = ProjectId(project.project_id)

    def make_app(self, config: AppConfig | None = None) -> None:
        """Says where the code of the project is."""
        self._do(lambda database: self._make_app(database, config))

    def serve(self, pushed: Pushed) -> Deployment:
        """Has a commit built and started, and serve."""
        return self._do(lambda database: self._serve(database, pushed))

    def age(self, minutes: int) -> None:
        """Has everything that was deployed have happened so long ago."""
        self._do(lambda database: _age(database, self._project_id, minutes * 60_000_000))

    def fail(self, pushed: Pushed, phase: Phase, error: str, resolution: str = "") -> str:
        """Has a deployment fail in a phase; returns its id."""
        return self._do(lambda database: self._fail(database, pushed, phase, error, resolution))

    def begin(self, pushed: Pushed, phase: Phase) -> Held:
        """Has a deployment be in a phase."""
        return self._do(lambda database: self._begin(database, pushed, phase))

    def enter(self, held: Held, phase: Phase) -> None:
        """Has a deployment go on to a phase."""
        self._do(lambda database: queue.enter(database, held, phase))

    def print(self, deployment_id: str, *lines: Line) -> None:
        """Has a deployment print lines."""
        bodies = [msgspec.json.encode(replace(one, deployment_id=deployment_id)) for one in lines]
        ids = [line_id(deployment_id, one.seq) for one in lines]
        at_ns = time.time_ns()
        chunk = Chunk(self._project_id, DEPLOY_LINE.wire, at_ns, bodies, ids=ids)
        log = SqliteLog(self._folder / "log.db")
        try:
            self._do(lambda _: append_chunks(log, DEPLOY_LINE.topic, {0: chunk}))
        finally:
            log.close()

    def fail_held(self, held: Held, error: str) -> None:
        """Has a deployment fail where it is."""
        self._do(
            lambda database: queue.end(database, held, "failed", vault=self._vault, error=error)
        )

    def ask(self, pushed: Pushed) -> Deployment:
        """Has a deployment wait."""
        return self._do(lambda database: self._ask(database, pushed))

    def _do(self, work: Callable[[Database], Awaitable[T]]) -> T:
        async def run() -> T:
            database = Database(self._url)
            try:
                return await work(database)
            finally:
                await database.close()

        # In a thread: where a browser is driven, this one has a loop that runs.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(run())).result()

    async def _make_app(self, database: Database, config: AppConfig | None) -> None:
        project_id = uuid.UUID(self._project_id)
        told = config or AppConfig(repo_url=REPOSITORY)
        async with database.session() as session:
            session.add(
                models.App(
                    project_id=project_id,
                    user_id=None,
                    config=msgspec.json.encode(told).decode(),
                    sealed_secrets=seal_secrets(self._vault, project_id, AppSecrets()),
                    next_sync_us=None,
                    created_us=1,
                    updated_us=1,
                )
            )

    async def _ask(self, database: Database, pushed: Pushed) -> Deployment:
        asked = Asked(
            project_id=self._project_id,
            author=pushed.author,
            origin="webhook",
            environment=pushed.environment,
            branch=pushed.branch,
            commit_sha=pushed.sha,
            commit_msg=pushed.message,
        )
        return await ask_deployment(database, asked)

    async def _claim(self, database: Database, pushed: Pushed) -> Job:
        asked = await self._ask(database, pushed)
        while True:  # Others' deployments may wait before it.
            job = await queue.claim(database, self._vault, "builder-1")
            assert job is not None
            if job.deployment.id == asked.id:
                return job

    async def _begin(self, database: Database, pushed: Pushed, phase: Phase) -> Held:
        job = await self._claim(database, pushed)
        held = Held(job.deployment.id, job.deployment.attempt)
        await queue.enter(database, held, "fetch")
        await queue.note_commit(database, held, pushed.sha, pushed.message)
        before: tuple[Phase, ...] = ("detect", "install", "build", "start", "health", "switch")
        for one in before[: before.index(phase) + 1] if phase in before else ():
            await queue.enter(database, held, one)
        return held

    async def _fail(
        self, database: Database, pushed: Pushed, phase: Phase, error: str, resolution: str
    ) -> str:
        held = await self._begin(database, pushed, phase)
        await queue.end(
            database, held, "failed", vault=self._vault, error=error, resolution=resolution
        )
        return held.deployment_id

    async def _serve(self, database: Database, pushed: Pushed) -> Deployment:
        held = await self._begin(database, pushed, "switch")
        built = Built(
            driver="process",
            place="/releases/one",
            start_command="./run",
            variables={},
            size_bytes=48_300_000,
        )
        release = await note_release(database, self._vault, held, built)
        instance_id = str(uuid.uuid4())
        started = Started(address="127.0.0.1", port=31_415, details="{}")
        await note_start(database, held, instance_id, release, started)
        return await switch(database, self._vault, held, instance_id)


async def _age(database: Database, project_id: ProjectId, by_us: int) -> None:
    of, event = models.Deployment, models.DeploymentEvent
    own = select(of.id).where(of.project_id == uuid.UUID(project_id))
    moved = update(event).where(event.deployment_id.in_(own)).values(at_us=event.at_us - by_us)
    async with database.session() as session:
        await session.execute(moved.execution_options(synchronize_session=False))
