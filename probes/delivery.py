"""Brings results to where they are wanted: first to the spool, from there to the sink.

A result is on disk within half a second, and leaves the spool when the sink has taken it. So a sink
that is away, a crash or a restart loses none; a crash between taking and noting it delivers it
twice, and (monitor, region, slot, attempt) tells.
"""

import asyncio
import math
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence

import structlog

from probes.settings import ProberSettings
from probes.spool import Spool
from schemas import metrics
from schemas.uptime.checks import Check

Send = Callable[[Sequence[Check]], Awaitable[None]]
"""Takes results for good. Whatever it raises, it is asked again with the same ones: what it will
never take, it must not raise for."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
JITTER = 0.2
MOST_UNWRITTEN = 100_000
"""Results in memory while the disk takes none."""
NOTE_EVERY_S = 5.0
"""How often it is noted how far slots are done while there are no results."""

log = structlog.get_logger(__name__)


class SendLater(Exception):
    """Raised by a sink that says in how many seconds it may be asked again."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Delivery:
    """Two tasks: one writes what comes, one sends what is written."""

    def __init__(
        self, spool: Spool, send: Send, settings: ProberSettings, done_before_us: Callable[[], int]
    ) -> None:
        self._spool = spool
        self._send = send
        self._settings = settings
        self._done_before_us = done_before_us
        self._fresh: list[Check] = []
        self._writing = asyncio.Lock()
        self._sending: asyncio.Task[bool] | None = None
        self._later_s = 0.0
        """How long the sink wants to be left alone after the last failure."""
        self._ends_at = math.inf
        """On the loop's clock: no further batch is begun after it."""
        self._written = asyncio.Event()
        self._written.set()

    def add(self, check: Check) -> None:
        """Takes a result over."""
        self._fresh.append(check)

    async def write(self) -> None:
        """Writes what comes to the spool, for ever."""
        loop = asyncio.get_running_loop()
        noted_at = loop.time()
        while True:
            await asyncio.sleep(self._settings.batch_after_s)
            if self._fresh or loop.time() - noted_at >= NOTE_EVERY_S:
                noted_at = loop.time()
                # Whoever cancels this task loses no result that is on its way to the disk.
                await asyncio.shield(self._write_once(self._done_before_us()))

    async def send(self) -> None:
        """Sends what is written, for ever, oldest first."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._written.wait()
            self._sending = asyncio.create_task(self._sent_all(self._settings.send_timeout_s))
            # Whoever cancels this task does not cut off a batch that the sink may have taken.
            if await asyncio.shield(self._sending):
                pause_s = FIRST_PAUSE_S
                continue
            jittered_s = pause_s * random.uniform(1 - JITTER, 1 + JITTER)
            await asyncio.sleep(max(jittered_s, self._later_s))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def finish(self, resume_us: int) -> None:
        """Writes and sends the last ones; what cannot be sent now waits for the next process."""
        allowed_s = self._settings.stop_timeout_s
        self._ends_at = -math.inf
        await self._write_once(resume_us)
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=allowed_s)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        self._ends_at = asyncio.get_running_loop().time() + allowed_s
        await self._sent_all(allowed_s)

    async def _write_once(self, resume_us: int) -> None:
        async with self._writing:
            await self._write_all(resume_us)

    async def _write_all(self, resume_us: int) -> None:
        taken, self._fresh = self._fresh, []
        most = self._settings.batch_checks
        parts = [taken[first : first + most] for first in range(0, len(taken), most)] or [[]]
        for number, part in enumerate(parts):
            try:
                # How far slots are done counts only with the last of their results.
                is_last = number == len(parts) - 1
                await asyncio.to_thread(self._append, part, resume_us if is_last else None)
            except sqlite3.Error as error:
                log.error("results could not be written", count=len(part), reason=str(error))
                if not await self._sent(part, self._settings.send_timeout_s):
                    self._keep(part)
        self._written.set()

    def _append(self, checks: Sequence[Check], resume_us: int | None) -> None:
        self._spool.append(checks, self._spool.resume_us or 0 if resume_us is None else resume_us)

    def _keep(self, checks: list[Check]) -> None:
        self._fresh[:0] = checks
        if (more := len(self._fresh) - MOST_UNWRITTEN) > 0:
            del self._fresh[:more]
            metrics.PROBE_RESULTS_DROPPED.labels("full").inc(more)

    async def _sent_all(self, timeout_s: float) -> bool:
        """Sends what is written; returns whether the sink took it all."""
        self._written.clear()
        while asyncio.get_running_loop().time() < self._ends_at:
            try:
                batch = await asyncio.to_thread(self._spool.oldest)
                if batch is None:
                    return True
                if not await self._sent(batch.checks, timeout_s):
                    break
                await asyncio.to_thread(self._spool.remove, batch.number)
            except sqlite3.Error as error:
                log.error("the spool cannot be read", reason=str(error))
                break
        self._written.set()
        return False

    async def _sent(self, checks: Sequence[Check], timeout_s: float) -> bool:
        if not checks:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(checks)
        except Exception as error:
            metrics.PROBE_DELIVERY_FAILURES.inc()
            log.warning("results not taken", count=len(checks), reason=repr(error)[:500])
            self._later_s = error.retry_after_s if isinstance(error, SendLater) else 0.0
            return False
        return True
