"""The deployer: takes deployments from the queue, runs them, and keeps what serves."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from controlplane.deploys.instances import list_releases_of
from controlplane.deploys.queue import claim, recover, recover_own
from controlplane.failures import Unavailable
from deploys.bench import Bench
from deploys.drivers.driver import DriverUnavailable
from deploys.keeping import Keeper
from deploys.pruning import prune, remove_images
from deploys.runs import run
from deploys.syncing import sync_due
from deploys.tidying import tidy
from schemas.deploys.deployments import Job

RECOVER_EVERY_S = 5.0
SYNC_EVERY_S = 1.0
TIDY_EVERY_S = 300.0

log = structlog.get_logger(__name__)


class Deployer:
    """One deployer of an installation. Call `work` again and again, and `stop` at the end."""

    def __init__(self, bench: Bench, *, parallel: int) -> None:
        self._bench = bench
        self._parallel = parallel
        self._keeper = Keeper(bench)
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._has_begun = False
        self._recovered_at = float("-inf")
        self._syncing: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a deployment is under way."""
        return bool(self._runs)

    async def work(self) -> None:
        """Does what is due now, and returns at once. Waits out a control plane that is away."""
        try:
            if not self._has_begun:
                await self._try_driver()
                await self._take_up()
                self._has_begun = True
            await self._recover()
            self._syncing = _goes_on(self._syncing, self._look_at_branches)
            self._tidying = _goes_on(self._tidying, self._tidy)
            while len(self._runs) < self._parallel:
                at = self._bench.at
                job = await claim(at.database, at.vault, self._bench.name, but=self._runs)
                if job is None:
                    break
                self._begin(job)
            await self._keeper.look(self._runs)
        except Unavailable as error:
            log.warning("deployments wait for the control plane", reason=error.message)

    async def stop(self) -> None:
        """Gives up what is under way, for a deployer to go on with, and lets apps run."""
        beside = [task for task in (self._syncing, self._tidying) if task]
        tasks = [*self._runs.values(), *beside]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._keeper.leave()

    async def _try_driver(self) -> None:
        """Says at once what each deployment is going to say: people may look here first."""
        try:
            await self._bench.driver.check()
        except DriverUnavailable as error:
            log.error("deployments fail until this is changed", reason=str(error))

    async def _take_up(self) -> None:
        """Goes on where an earlier deployer of this name was, wherever it was killed."""
        at, releases = self._bench.at, self._bench.releases
        await self._keeper.begin()
        known = await list_releases_of(at.database, self._bench.name)
        await asyncio.to_thread(releases.sweep, {one.place for one in known})
        await remove_images(self._bench)
        await recover_own(at.database, at.vault, self._bench.name)

    async def _recover(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._recovered_at >= RECOVER_EVERY_S:
            self._recovered_at = now
            await recover(self._bench.at.database, self._bench.at.vault)

    async def _look_at_branches(self) -> None:
        with suppress(Unavailable):
            await sync_due(self._bench)
        await asyncio.sleep(SYNC_EVERY_S)

    async def _tidy(self) -> None:
        with suppress(Unavailable):
            await tidy(self._bench)
        await asyncio.sleep(TIDY_EVERY_S)

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(self._run(job), name=f"deployment {job.deployment.id}")
        self._runs[job.deployment.id] = task
        task.add_done_callback(lambda _: self._runs.pop(job.deployment.id, None))

    async def _run(self, job: Job) -> None:
        app = await run(self._bench, job)
        if app is not None:
            self._keeper.take(app)
            await prune(self._bench, job)


def _goes_on(
    task: asyncio.Task[None] | None, do: Callable[[], Coroutine[Any, Any, None]]
) -> asyncio.Task[None]:
    """Has something be done beside all else, again when it has ended: it may take its time."""
    if task is not None and not task.done():
        return task
    if task is not None and (error := task.exception()) is not None:
        log.error("what is done beside deployments has failed", exc_info=error)
    return asyncio.create_task(do())
