"""An app of this machine: started from a release, watched, and its output read."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from controlplane.deploys.queue import next_line, reserve_lines, settle_lines
from controlplane.failures import Unavailable
from deploys.app_commands import Place, app_command
from deploys.bench import Bench
from deploys.detecting import subfolder
from deploys.drivers.driver import Instance, Running, StartFailed
from deploys.failures import DeployFailed
from deploys.lines.masking import Masker
from deploys.lines.writing import LineWriter, Log, LogRefused
from deploys.releases import Release
from deploys.starting import is_of_another
from deploys.tailing import Tail
from schemas.deploys.apps import AppConfig
from schemas.projects import ProjectId

REMOVALS = 5
"""So often a folder is removed into which somebody writes."""


class App:
    """One instance that runs, with the log that it prints into."""

    def __init__(self, bench: Bench, running: Running, out: LineWriter) -> None:
        self._bench = bench
        self._out = out
        self.running = running
        spool = bench.places.spool(running.instance.name)
        self._tail = Tail(Path(running.instance.folder), spool, out)
        self._following = asyncio.create_task(self._tail.follow())

    @property
    def name(self) -> str:
        """Its name, which is the id of its instance."""
        return self.running.instance.name

    def last_lines(self, count: int) -> list[str]:
        """Returns what it printed last, as it printed it."""
        return self._tail.last_lines(count)

    async def say(self, text: str) -> None:
        """Tells something of it in its log."""
        await self._out.say("info", text)

    async def discard(self) -> None:
        """Ends it, reads all that it printed, removes what was its own. Its log stays open."""
        bench, instance = self._bench, self.running.instance
        await bench.driver.stop(instance, bench.settings.stop_seconds)
        await self._follow_no_more()
        while await self._tail.catch_up():
            pass
        await self._tail.finish()
        await discard_instance(bench, instance)

    async def end(self) -> None:
        """As `discard`, and ends its log."""
        await self.discard()
        await self._out.close()

    async def leave(self) -> None:
        """Ends its log, and lets it run."""
        await self._follow_no_more()
        await self._tail.catch_up()
        if not await self._out.close():
            await self._tail.keep()

    async def _follow_no_more(self) -> None:
        self._following.cancel()
        with suppress(asyncio.CancelledError):
            await self._following


async def open_log(
    bench: Bench, project_id: ProjectId, deployment_id: str, masker: Masker
) -> LineWriter:
    """Returns the log of a deployment, to be gone on with; close it."""
    database = bench.at.database
    first = await next_line(database, deployment_id)

    async def reserve(below: int) -> None:
        try:
            await reserve_lines(database, deployment_id, below)
        except Unavailable as error:
            raise LogRefused(error.message) from error

    async def settle(below: int, last: int) -> None:
        # Without it, who follows the log waits a while for lines that do not come.
        with suppress(Unavailable):
            await settle_lines(database, deployment_id, below, last)

    writer = LineWriter(
        Log(project_id, deployment_id, first),
        masker,
        send=bench.at.send,
        reserve=reserve,
        settle=settle,
    )
    return await writer.__aenter__()


async def find_release(bench: Bench, release_id: str) -> Release | None:
    """Returns a release that can be started here; `None` where it is gone, or is another driver's.

    What was built in a container has no place in a process of this machine, nor the other way.
    """
    local = await asyncio.to_thread(bench.releases.find, release_id)
    if local is None or is_of_another(local.plan, local.driver, bench.settings):
        return None
    images = bench.driver.images
    if local.image and images is not None:
        # An engine that does not answer now may do so when the app is started.
        with suppress(StartFailed):
            return local if await images.find(release_id) else None
    return local


async def start_app(
    bench: Bench, name: str, release: Release, variables: Mapping[str, str], config: AppConfig
) -> Instance:
    """Starts a release. Raises `DeployFailed`."""
    home = bench.places.instance(name) / "home"
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True, mode=0o700)
    tree = bench.releases.tree(release.id)
    # Looked at again: the build may have put a link in its place, and a sandbox shows where it
    # leads to.
    await asyncio.to_thread(subfolder, tree, release.run_dir)
    port = bench.ports.reserve()
    place = Place(name, tree, home, port)
    command = app_command(bench.settings, place, release, variables, config)
    bench.ports.let_app_bind(port)
    try:
        return await bench.driver.start(command, bench.places.spool(name))
    except Exception as error:
        bench.ports.give_back(port)
        await _remove_folder(bench, name)
        raise DeployFailed(f"The app could not be started: {error}") from error


async def open_app(bench: Bench, instance: Instance, out: LineWriter) -> App | None:
    """Returns an app that runs; `None` where it has gone."""
    running = await bench.driver.adopt(instance)
    return None if running is None else App(bench, running, out)


async def discard_instance(bench: Bench, instance: Instance) -> None:
    """Ends an app that nobody reads, and removes what was its own. It may be gone already."""
    await bench.driver.stop(instance, bench.settings.stop_seconds)
    bench.ports.give_back(instance.port)
    await _remove_folder(bench, instance.name)


def details_of(instance: Instance) -> str:
    """Returns what an instance is found again by."""
    return msgspec.json.encode(instance).decode()


def instance_in(details: str) -> Instance:
    """Returns what `details_of` wrote."""
    return msgspec.json.decode(details, type=Instance)


async def _remove_folder(bench: Bench, name: str) -> None:
    await asyncio.to_thread(remove_written, bench.places.instance(name))


def remove_written(folder: Path) -> None:
    """Removes a folder, also while somebody writes into it: a file that comes keeps it there."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
