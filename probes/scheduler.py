"""Begins each check when it is due: one timer over the timetable of all monitors.

How long a check takes moves nothing, for the slot after it is planned when it begins. Checks under
way are tasks; so many are bounded, and one for each monitor. Who finds no place waits, and after a
while is told as `inconclusive`. All of it runs in one event loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from msgspec import structs

from probes.canary import Canary
from probes.checking import result, timeout_ms
from probes.findings import Finding
from probes.marks import Marks
from probes.slots import Due, Retry, advance, retry_at
from probes.timetable import Entry, Timetable, Watch
from schemas import metrics
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorId, Target

LONGEST_SLEEP_S = 10.0
"""The clock of the machine may be set meanwhile."""
HELD_BACK_S = 0.2
"""How soon one that may not begin looks whether it may."""
SET_BACK_US = 1_000_000
"""A clock that goes back further has been set; less is noise."""
OFFLINE = "it failed, and so did what this prober can always reach: the prober is offline"

Perform = Callable[[Due], Awaitable[Check]]
log = structlog.get_logger(__name__)


class Scheduler:
    """Give it targets, begin it once, stop it once."""

    def __init__(
        self,
        perform: Perform,
        deliver: Callable[[Check], None],
        *,
        region: str,
        concurrency: int,
        max_wait_s: float = 5.0,
        canary: Canary | None = None,
        may_begin: Callable[[], bool] = lambda: True,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._perform = perform
        self._deliver = deliver
        self._region = region
        self._concurrency = concurrency
        self._max_wait_us = int(max_wait_s * 1_000_000)
        self._canary = canary
        self._may_begin = may_begin
        self._now_us = now_us
        self._timetable = Timetable(region)
        self._running: dict[MonitorId, tuple[int, asyncio.Task[None]]] = {}
        """The slot of each check that is under way."""
        self._waiting: deque[Entry] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._worked_at_us = 0
        self._begun = False

    def begin(self) -> None:
        """Begins to look, within the running loop."""
        self._begun = True
        self._worked_at_us = self._now_us()
        self._work()

    def set_targets(
        self,
        targets: Iterable[Target],
        *,
        resume_us: int | None = None,
        since_us: Mapping[MonitorId, int] | None = None,
    ) -> None:
        """Looks at these from now on, and at no others; no slot is skipped, none is doubled.

        `resume_us` is for the first call of a process: slots before it were done by the last one.
        `since_us` is for monitors that another prober has looked at: theirs before it are done.
        """
        now_us = self._now_us()
        least_us = resume_us or 0
        since_us = {name: max(at_us, least_us) for name, at_us in (since_us or {}).items()}
        self._timetable.set_targets(targets, now_us, resume_us or now_us, since_us)
        self._work()

    def done_before_us(self) -> int:
        """Returns a moment: each slot before it has its result delivered, or was missed."""
        slots = [slot_us for slot_us, _ in self._running.values()]
        slots += [entry.slot_us for entry in self._waiting]
        return min([*slots, self._timetable.done_before_us(self._now_us())])

    async def stop(self, timeout_s: float) -> int:
        """Begins no more, waits for checks under way, and cancels those that take longer.

        Returns from when on slots are not done, for `resume_us` of the next process.
        """
        self._begun = False
        if self._timer:
            self._timer.cancel()
        undone = [self._timetable.done_before_us(self._now_us())]
        undone += [entry.slot_us for entry in self._waiting]
        self._waiting.clear()
        running = {task: slot_us for slot_us, task in self._running.values()}
        if running:
            _, late = await asyncio.wait(running, timeout=timeout_s)
            undone += [running[task] for task in late]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return min(undone)

    def _work(self) -> None:
        """Begins all that is due, and sets the timer for what is due next."""
        if not self._begun:
            return
        if not self._may_begin():
            self._wake_in(HELD_BACK_S)
            return
        now_us = self._now_us()
        if now_us < self._worked_at_us - SET_BACK_US:
            log.warning("clock set back", seconds=(self._worked_at_us - now_us) / 1_000_000)
            self._timetable.set_back(now_us)
        self._worked_at_us = now_us
        for watch, entry in self._timetable.take(now_us):
            self._begin_or_wait(watch, entry, now_us)
        self._give_up_waiting(now_us)
        self._set_timer(now_us)

    def _set_timer(self, now_us: int) -> None:
        next_us = self._timetable.next_us()
        moments = [] if next_us is None else [next_us]
        moments += [self._waiting[0].at_us + self._max_wait_us] if self._waiting else []
        sleep_s = max(0.0, (min(moments) - now_us) / 1_000_000) if moments else LONGEST_SLEEP_S
        self._wake_in(min(sleep_s, LONGEST_SLEEP_S))

    def _wake_in(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._work)

    def _begin_or_wait(self, watch: Watch, entry: Entry, now_us: int) -> None:
        if entry.monitor_id in self._running:
            metrics.PROBE_SLOTS_MISSED.labels("running").inc()
        elif len(self._running) >= self._concurrency:
            self._waiting.append(entry)
        else:
            self._start(watch, entry, now_us)

    def _start(self, watch: Watch, entry: Entry, now_us: int) -> None:
        metrics.PROBE_LATENESS_SECONDS.observe((now_us - entry.at_us) / 1_000_000)
        due = Due(watch.target, self._region, entry.slot_us, now_us, entry.attempt)
        task = asyncio.get_running_loop().create_task(self._look(watch, due))
        self._running[entry.monitor_id] = (entry.slot_us, task)
        metrics.PROBES_RUNNING.set(len(self._running))

    async def _look(self, watch: Watch, due: Due) -> None:
        try:
            check = await self._perform(due)
            if check.outcome == "fail" and self._canary is not None and not await self._canary():
                check = structs.replace(
                    check, outcome="inconclusive", reason="offline", message=OFFLINE
                )
            self._tell(check, due.target)
            self._look_again(watch, check, due)
        finally:
            del self._running[due.target.monitor_id]
            metrics.PROBES_RUNNING.set(len(self._running))
            self._start_waiting()

    def _tell(self, check: Check, target: Target) -> None:
        metrics.PROBE_CHECKS.labels(target.type, check.outcome).inc()
        self._deliver(check)

    def _look_again(self, watch: Watch, check: Check, due: Due) -> None:
        """Plans another look at a failure whose state is not known yet."""
        watch.standing = advance(watch.standing, check.outcome, watch.target)
        if check.outcome != "fail" or self._timetable.watch(check.monitor_id) is not watch:
            return
        retry = Retry(
            started_us=due.started_us,
            ended_us=self._now_us(),
            next_slot_us=watch.next.slot_us,
            timeout_us=timeout_ms(watch.target) * 1000,
        )
        at_us = retry_at(watch.target, watch.standing, retry)
        if at_us is not None:
            self._timetable.plan(watch, at_us, due.slot_us, due.attempt + 1)
            self._set_timer(retry.ended_us)

    def _start_waiting(self) -> None:
        """Gives a place that was left to who has waited longest."""
        while self._begun and self._waiting and len(self._running) < self._concurrency:
            entry = self._waiting.popleft()
            watch = self._timetable.watch(entry.monitor_id)
            if watch is not None:
                self._begin_or_wait(watch, entry, self._now_us())

    def _give_up_waiting(self, now_us: int) -> None:
        while self._waiting and self._waiting[0].at_us + self._max_wait_us <= now_us:
            entry = self._waiting.popleft()
            watch = self._timetable.watch(entry.monitor_id)
            if watch is not None:
                due = Due(watch.target, self._region, entry.slot_us, now_us, entry.attempt)
                self._tell(result(due, self._overloaded(), Marks()), watch.target)

    def _overloaded(self) -> Finding:
        waited = f"{self._max_wait_us / 1_000_000:g} s"
        return Finding(
            outcome="inconclusive",
            reason="overloaded",
            message=f"all {self._concurrency} places of this prober were taken for {waited}:"
            " raise its concurrency, or run another prober for this region",
        )
