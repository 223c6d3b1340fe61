"""A prober: all parts of this package as one thing that a process holds.

prober = Prober(targets, send, ProberSettings(region="eu"))
running = asyncio.create_task(prober.run())
prober.set_targets(changed)     # at any time
await prober.stop()             # `run` returns then
"""

import asyncio
import resource
import time
from collections.abc import Callable, Iterable, Mapping

import structlog

from probes.canary import Canary, SharedCanary
from probes.checking import run as run_check
from probes.delivery import Delivery, Send
from probes.hosts import Resolver
from probes.scheduler import Scheduler
from probes.settings import ProberSettings
from probes.slots import Due
from probes.spool import Spool
from probes.tools import Tools
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorId, Target

KEPT_DESCRIPTORS = 128
"""For all else that the process has open."""
PER_CHECK = 2
"""A connection, and a second one to a second address or to a server of DNS."""

log = structlog.get_logger(__name__)


class Prober:
    """Looks at targets when they are due, and gives what it saw to `send`.

    It needs a running asyncio loop, which it shares with whatever else runs there: hold it in
    `sluice up`, or alone in a process. `send` gets up to `batch_checks` results at a time, in the
    order in which they were had; whatever it raises, it gets them again. Of a result that it took
    it may get a copy after a crash: (monitor, region, slot, attempt) tells.
    `canary` tells whether this machine is connected: failures are `inconclusive` while it is not.
    While `may_begin` says no, no check begins; those that were due are done late, or missed.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        send: Send,
        settings: ProberSettings,
        *,
        canary: Canary | None = None,
        resolver: Resolver | None = None,
        may_begin: Callable[[], bool] = lambda: True,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._targets = list(targets)
        self._since_us: Mapping[MonitorId, int] = {}
        self._send = send
        self._settings = settings
        self._canary = canary and SharedCanary(canary)
        self._resolver = resolver
        self._may_begin = may_begin
        self._now_us = now_us
        self._scheduler: Scheduler | None = None
        self._resume_us = 0
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Works until `stop`, then delivers what is left and closes all. Call it once.

        Raises `SpoolInUse` when another prober has the spool.
        """
        spool = await asyncio.to_thread(
            Spool, self._settings.spool_path, self._settings.spool_max_bytes
        )
        try:
            tools = Tools(self._settings, self._resolver)
            try:
                await self._work(spool, tools)
            finally:
                self._scheduler = None
                await tools.close()
        finally:
            await asyncio.to_thread(spool.close)
            self._stopped.set()

    async def stop(self) -> None:
        """Ends `run`, and waits until it has. Checks under way have `stop_timeout_s` to end."""
        self._stop.set()
        if self._scheduler is not None:
            await self._stopped.wait()

    def set_targets(
        self, targets: Iterable[Target], since_us: Mapping[MonitorId, int] | None = None
    ) -> None:
        """Looks at these from now on, and at no others: no slot is skipped, none is doubled.

        `since_us` is of monitors that another prober has looked at: how far their slots are done.
        """
        self._targets = list(targets)
        self._since_us = since_us or {}
        if self._scheduler is not None:
            self._scheduler.set_targets(self._targets, since_us=self._since_us)

    def done_before_us(self) -> int:
        """Returns a moment: all slots before it are done, or were missed; 0 before it has begun."""
        return self._resume_us if self._scheduler is None else self._scheduler.done_before_us()

    async def _work(self, spool: Spool, tools: Tools) -> None:
        async def perform(due: Due) -> Check:
            return await run_check(due, tools)

        scheduler = Scheduler(
            perform,
            lambda check: delivery.add(check),
            region=self._settings.region,
            concurrency=possible_concurrency(self._settings.concurrency),
            max_wait_s=self._settings.max_wait_s,
            canary=self._canary,
            may_begin=self._may_begin,
            now_us=self._now_us,
        )
        delivery = Delivery(spool, self._send, self._settings, scheduler.done_before_us)
        scheduler.set_targets(self._targets, resume_us=spool.resume_us, since_us=self._since_us)
        self._scheduler = scheduler
        tasks = [asyncio.create_task(work) for work in (delivery.write(), delivery.send())]
        ends = asyncio.create_task(self._stop.wait())
        scheduler.begin()
        try:
            await asyncio.wait([*tasks, ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._resume_us = await scheduler.stop(self._settings.stop_timeout_s)
            await _cancelled(*tasks, ends)
            await delivery.finish(self._resume_us)
        for task in tasks:
            if not task.cancelled():
                task.result()


async def look_once(
    target: Target, settings: ProberSettings, *, resolver: Resolver | None = None
) -> Check:
    """Looks at a target now, outside its slots, as the button "test now" does."""
    now_us = time.time_ns() // 1000
    tools = Tools(settings, resolver)
    try:
        return await run_check(Due(target, settings.region, now_us, now_us), tools)
    finally:
        await tools.close()


def possible_concurrency(wanted: int) -> int:
    """Returns how many checks this process has descriptors for, at most as many as are wanted."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    possible = max(1, (soft - KEPT_DESCRIPTORS) // PER_CHECK)
    if possible < wanted:
        log.warning("fewer checks at a time: raise ulimit -n", wanted=wanted, possible=possible)
    return min(wanted, possible)


async def _cancelled(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
