"""From a job to a release that is kept: fetched, detected, installed, built."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from controlplane.deploys.instances import Built, note_release
from controlplane.deploys.queue import enter, note_commit
from deploys.bench import Bench
from deploys.checkout import Commit, Source, check_out
from deploys.detecting import Given, Plan, detect, subfolder
from deploys.drivers.driver import Command, Ended, Image, Limits
from deploys.environments import build_environment, make_caches, tool_path
from deploys.failures import Cancelled, DeployFailed
from deploys.leasing import Lease
from deploys.lines.writing import LineWriter
from deploys.pruning import remove_images
from deploys.releases import Release
from deploys.starting import driver_name, start_text
from schemas.deploys.deployments import Job
from schemas.deploys.deployments import Release as Kept
from schemas.deploys.states import Phase

REASONS = {
    "time": "took longer than {seconds:g} s",
    "output": "printed more than {output} MiB",
    "disk": "wrote more than {disk} MiB",
    "memory": "used more memory than it may",
    "processes": "started more processes than it may",
}
SHOWN_SHA = 12
MOST_LINE_CHARS = 300
"""Of each of the last lines of a command that has failed."""


class Made(NamedTuple):
    """A release of this machine, and how the control plane knows it."""

    local: Release
    kept: Kept


class Build(NamedTuple):
    """What a build has to do with."""

    bench: Bench
    job: Job
    lease: Lease
    out: LineWriter
    variables: Mapping[str, str]

    async def make(self) -> Made:
        """Returns the release. Raises `DeployFailed`, `Cancelled`, `LeaseLost`."""
        release_id = self.job.deployment.id
        tree = await asyncio.to_thread(self.bench.releases.begin, release_id)
        try:
            return await self.made(release_id, tree)
        except BaseException:
            await asyncio.to_thread(self.bench.releases.remove, release_id)
            await remove_images(self.bench)
            raise

    async def made(self, release_id: str, tree: Path) -> Made:
        """Fills a release's folder; as `make`."""
        commit = await self._fetch(tree)
        await self.enter("detect")
        folder = subfolder(tree, self.job.config.run_dir)
        plan = await self._plan(folder)
        image = await self._image(folder) if plan.kind == "dockerfile" else None
        await self._build(plan, image)
        return await self._keep(release_id, commit, plan, image)

    async def enter(self, phase: Phase) -> None:
        """Begins a phase, unless somebody wants the deployment to end."""
        await self._write_lines()
        await enter(self.bench.at.database, self.lease.held, phase)

    async def _write_lines(self) -> None:
        """Waits for the log: what another attempt does not do again, it does not print again.

        Raises `Cancelled`.
        """
        waits = [self.out.written(), self.lease.ended.wait()]
        tasks = [asyncio.ensure_future(one) for one in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if self.lease.ended.is_set():
            raise Cancelled

    async def _fetch(self, tree: Path) -> Commit:
        await self.enter("fetch")
        config, deployment = self.job.config, self.job.deployment
        await self.out.say("info", f"Fetching {deployment.commit_sha or deployment.branch}")
        source = Source(
            app=deployment.project_id,
            url=config.repo_url,
            token=self.job.secrets.git_token,
            branch=deployment.branch,
            commit=deployment.commit_sha,
        )
        commit = await check_out(self.bench.settings, source, tree, cancel=self.lease.ended)
        await note_commit(self.bench.at.database, self.lease.held, commit.sha, commit.message)
        first = commit.message.strip().partition("\n")[0]
        await self.out.say("info", f"At {commit.sha[:SHOWN_SHA]} by {commit.author}: {first}")
        if commit.has_submodules:
            await self.out.say("warn", "The commit has submodules: they are not fetched")
        return commit

    async def _plan(self, folder: Path) -> Plan:
        config = self.job.config
        given = Given(
            install=config.install_command, build=config.build_command, start=config.start_command
        )
        has_docker = self.bench.driver.images is not None
        plan = await asyncio.to_thread(detect, folder, given, has_docker=has_docker)
        await self.out.say("info", plan.why)
        return plan

    async def _image(self, folder: Path) -> Image:
        """Builds the Dockerfile of a folder."""
        images, release_id = self.bench.driver.images, self.job.deployment.id
        assert images is not None
        await self.enter("build")
        await self.out.say("info", "$ docker build .")
        since = self.out.next_seq
        ended = await images.build(
            folder,
            release_id,
            self._limits(),
            self.out.write,
            cancel=self.lease.ended,
            network=self._has_network,
        )
        self._refuse(ended, "docker build .", "build", since)
        image = await images.find(release_id)
        if image is None:
            raise DeployFailed("The image that was built is gone")
        return image

    async def _build(self, plan: Plan, image: Image | None) -> None:
        for phase, commands in (
            ("install", (plan.install,)),
            ("build", (plan.build, self.job.config.test_command)),
        ):
            if any(commands):
                await self.enter("install" if phase == "install" else "build")
            for text in filter(None, commands):
                await self.out.say("info", f"$ {text}")
                since = self.out.next_seq
                command = await self._command(text, plan, image)
                ended = await self.bench.driver.run(command, self.out.write, self.lease.ended)
                self._refuse(ended, text, phase, since)

    async def _command(self, text: str, plan: Plan, image: Image | None) -> Command:
        tree = self.bench.releases.tree(self.job.deployment.id)
        # The command before may have put a link in its place, which may lead anywhere.
        folder = await asyncio.to_thread(subfolder, tree, self.job.config.run_dir)
        caches = self.bench.places.caches(self.job.deployment.project_id)
        await asyncio.to_thread(make_caches, caches)
        usual = build_environment(self.variables, folder=folder, caches=caches, path=tool_path())
        return Command(
            text=text,
            folder=folder,
            environment=usual if image is None else {"CI": "true", **self.variables},
            limits=self._limits(),
            network=self._has_network,
            writable=(caches, tree),
            image="" if image is None else image.tag,
            language=plan.language,
        )

    @property
    def _has_network(self) -> bool:
        return self.job.config.build_network and self.bench.settings.build_network

    def _refuse(self, ended: Ended, text: str, phase: str, since: int) -> None:
        """Raises what there is to say of a command that did not end well.

        `since` is the number of the first line that it may have printed.
        """
        printed = self.out.end_lines(since)
        if ended.reason == "cancelled" or self.lease.ended.is_set():
            raise Cancelled
        if not ended.reason and not ended.code:
            return
        told = f"ended with exit code {ended.code}"
        if ended.reason:
            limits = self._limits()
            told = REASONS[ended.reason].format(
                seconds=limits.seconds,
                output=limits.output_bytes >> 20,
                disk=limits.disk_bytes >> 20,
            )
        last = [line[:MOST_LINE_CHARS] for line in printed]
        last = ["What it printed last:", *last] if last else []
        raise DeployFailed("\n".join([f"The {phase} command {told}: {text}", *last]))

    def _limits(self) -> Limits:
        settings = self.bench.settings
        return Limits(
            memory_bytes=settings.build_memory_bytes or None,
            seconds=settings.build_seconds,
            output_bytes=settings.build_output_bytes,
            disk_bytes=settings.release_bytes,
            processes=settings.build_processes,
        )

    async def _keep(self, release_id: str, commit: Commit, plan: Plan, image: Image | None) -> Made:
        bench, deployment = self.bench, self.job.deployment
        local = Release(
            id=release_id,
            app=deployment.project_id,
            environment=deployment.environment,
            sha=commit.sha,
            run_dir=self.job.config.run_dir,
            plan=plan,
            driver=driver_name(plan, bench.settings),
            image="" if image is None else image.tag,
            image_ports=() if image is None else image.ports,
            bytes=0 if image is None else image.bytes,
            made_at_us=time.time_ns() // 1000,
        )
        limit = bench.settings.release_bytes
        local = await asyncio.to_thread(bench.releases.finish, local, limit_bytes=limit)
        await asyncio.to_thread(
            bench.releases.trim_caches, local.app, limit_bytes=bench.settings.cache_bytes
        )
        built = Built(
            driver=local.driver,
            place=local.id,
            start_command=start_text(plan),
            variables=self.variables,
            size_bytes=local.bytes,
        )
        await self._write_lines()
        kept = await note_release(bench.at.database, bench.at.vault, self.lease.held, built)
        return Made(local, kept)
