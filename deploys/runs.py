"""Runs one deployment from its beginning to its end."""

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

import structlog

from controlplane.deploys.instances import Started, end_instance, note_start, switch
from controlplane.deploys.queue import LeaseLost, end, standing
from deploys.apps import (
    App,
    details_of,
    discard_instance,
    find_release,
    open_app,
    open_log,
    start_app,
)
from deploys.bench import Bench
from deploys.building import Build, Made
from deploys.drivers.driver import DriverUnavailable, StartFailed
from deploys.environments import hidden_values
from deploys.failures import Cancelled, DeployFailed
from deploys.health import HealthCheck, wait_until_healthy
from deploys.leasing import Lease, leased
from deploys.lines.masking import Masker
from deploys.lines.writing import LineWriter
from schemas.deploys.deployments import Deployment, Held, Job
from schemas.deploys.lines import Level

log = structlog.get_logger(__name__)
SHOWN_SHA = 12
CLOSE_S = 2.0


async def run(bench: Bench, job: Job) -> App | None:
    """Returns the app that serves now; `None` where none does by this deployment."""
    held = Held(job.deployment.id, job.deployment.attempt)
    injected = await bench.at.inject(job)
    variables = {**injected, **job.variables}
    started_with = job.release_variables if job.release_variables is not None else variables
    hidden = [*hidden_values(variables), *hidden_values(started_with), job.secrets.git_token]
    masker = await asyncio.to_thread(Masker, hidden)  # Of long values it takes a second.
    out = await open_log(bench, job.deployment.project_id, job.deployment.id, masker)
    async with leased(bench.at.database, held) as lease:
        one = _Run(bench, job, lease, out, masker)
        try:
            return await one.work(variables, started_with)
        except asyncio.CancelledError:
            await out.close(within_s=CLOSE_S)
            raise
        except Exception as error:
            await _end(lease, bench, out, _ending_of(error, masker))
    return None


class _Run:
    """What one run has made so far."""

    def __init__(
        self, bench: Bench, job: Job, lease: Lease, out: LineWriter, masker: Masker
    ) -> None:
        self._bench, self._job, self._lease = bench, job, lease
        self._out, self._masker = out, masker
        self._build = Build(bench, job, lease, out, {})
        self._serves = False
        """Whether it took over: then it goes on serving, whatever becomes of this run."""

    async def work(
        self, variables: Mapping[str, str], started_with: Mapping[str, str]
    ) -> App | None:
        """Builds, starts, and has it serve. What does not serve is stopped."""
        if self._job.deployment.attempt > 1:
            await self._out.say("warn", "The deployer was lost: another attempt begins")
        await self._bench.driver.check()
        made = await self._kept()
        if made is None:
            made = await self._build._replace(variables=variables).make()
            started_with = variables
        if self._job.deployment.build_only:
            await self._out.say("success", "Built")
            await self._out.close()
            await end(
                self._bench.at.database,
                self._lease.held,
                "finished",
                vault=self._bench.at.vault,
            )
            return None
        app = await self._start(made, started_with)
        try:
            await self._wait_until_healthy(app)
            deployment = await self._switch(app)
        except BaseException:
            if self._serves:
                await app.leave()
                raise
            await app.discard()
            at = self._bench.at
            await end_instance(at.database, at.vault, app.name, "stopped", "never served")
            raise
        try:
            await self._out.say("success", f"Serving {deployment.commit_sha[:SHOWN_SHA]}")
            await self._bench.at.switched(deployment)
        except Exception as error:
            # It serves all the same, and has to be watched: proxies look again by themselves.
            log.warning("nobody was told of a switch", reason=str(error))
        return app

    async def _kept(self) -> Made | None:
        """Returns the release that is to be started again, if it is still here."""
        kept = self._job.release
        local = None if kept is None else await find_release(self._bench, kept.place)
        return None if kept is None or local is None else Made(local, kept)

    async def _start(self, made: Made, variables: Mapping[str, str]) -> App:
        await self._build.enter("start")
        bench, name = self._bench, str(uuid.uuid4())
        await self._out.say("info", f"Starting {made.local.sha[:SHOWN_SHA]}")
        instance = await start_app(bench, name, made.local, variables, self._job.config)
        app = await open_app(bench, instance, self._out)
        if app is None:
            await discard_instance(bench, instance)
            raise DeployFailed("The app could not be started: its supervisor ended at once")
        try:
            started = Started(
                address=instance.host, port=instance.port, details=details_of(instance)
            )
            await note_start(bench.at.database, self._lease.held, name, made.kept, started)
        except BaseException:
            await app.discard()
            raise
        return app

    async def _wait_until_healthy(self, app: App) -> None:
        await self._build.enter("health")
        check = HealthCheck(
            path=self._job.config.health_path, seconds=self._bench.settings.health_seconds
        )
        await wait_until_healthy(
            check, app.running, last_lines=app.last_lines, cancel=self._lease.ended
        )

    async def _switch(self, app: App) -> Deployment:
        await self._build.enter("switch")
        at, held = self._bench.at, self._lease.held
        switching = asyncio.create_task(switch(at.database, at.vault, held, app.name))
        try:
            deployment = await asyncio.shield(switching)
        except asyncio.CancelledError:
            # It is done or it is not: the app serves on, or is stopped, by that.
            await asyncio.wait([switching])
            self._serves = switching.exception() is None
            raise
        except LeaseLost:
            if await standing(at.database, held) == "cancelled":
                raise Cancelled from None
            raise
        self._serves = True
        return deployment


class _Ending(NamedTuple):
    status: Literal["failed", "cancelled"] | None
    """`None` where it is not this deployer's to end."""
    level: Level
    reason: str


def _ending_of(error: Exception, masker: Masker) -> _Ending:
    match error:
        case LeaseLost():
            return _Ending(None, "warn", "Another deployer goes on, or somebody has ended this")
        case Cancelled():
            return _Ending("cancelled", "warn", "The deployment was cancelled")
        case DeployFailed() | DriverUnavailable() | StartFailed():
            masked = masker.mask(str(error).encode())
            return _Ending("failed", "error", masked.decode(errors="replace"))
    log.error("deployment failed by a fault of ours", exc_info=error)
    name = type(error).__name__
    return _Ending("failed", "error", f"The deployer met a fault of its own ({name}): see its log")


async def _end(lease: Lease, bench: Bench, out: LineWriter, ending: _Ending) -> None:
    """Notes an end, unless somebody else has the deployment by now."""
    await out.say(ending.level, ending.reason)
    await out.close()
    if ending.status is not None and not lease.is_lost:
        with suppress(LeaseLost):
            reason = "" if ending.status == "cancelled" else ending.reason
            await end(
                bench.at.database, lease.held, ending.status, vault=bench.at.vault, error=reason
            )
