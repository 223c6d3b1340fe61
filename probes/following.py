"""Has a prober look at what it is told to: it asks a source again and again for its share.

A share is leased. Whoever has not been told anew when its lease ends begins no further check,
unless it has asked and nobody answered: then nobody deals out shares, and it goes on with its own.

SourceAway      nobody answers, or not now
SourceRejects   whoever is asked will not tell this prober anything
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog
from msgspec import structs

from probes.canary import Canary
from probes.delivery import Send
from probes.settings import ProberSettings
from schemas import metrics
from schemas.uptime.probing import ASK_EVERY_S, TargetsAnswer, TargetsAsk, shard_of

if TYPE_CHECKING:
    from probes.prober import Prober

MARGIN_S = 1.0
"""How much earlier than its lease a prober stops: clocks of machines run at different speeds."""
ASK_TIMEOUT_S = 8.0
LEAVE_TIMEOUT_S = 2.0
MOST_AT_ONCE = 3

log = structlog.get_logger(__name__)


class SourceAway(Exception):
    """Raised when nobody answers; `retry_after_s` is when to ask again, if somebody said so."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceRejects(Exception):
    """Raised when this prober is told nothing: a person has to act."""


class Source(Protocol):
    """Who tells what to look at."""

    async def ask(self, ask: TargetsAsk) -> TargetsAnswer:
        """Takes a share. Raises `SourceAway`, `SourceRejects`."""
        ...


def boot_time_s() -> float:
    """Returns a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Following:
    """Holds the prober of a process, and tells it of the monitors.

    `known` is what the last process was told, for a start while nobody answers. `remember` gets
    what the next one is to know.
    """

    def __init__(
        self,
        source: Source,
        send: Send,
        settings: ProberSettings,
        *,
        holder: str,
        known: TargetsAnswer | None = None,
        remember: Callable[[TargetsAnswer], None] = lambda _: None,
        canary: Canary | None = None,
        clock: Callable[[], float] = boot_time_s,
    ) -> None:
        self._source = source
        self._send = send
        self._settings = settings
        self._holder = holder
        self._known = known
        self._remember = remember
        self._canary = canary
        self._clock = clock
        self._held: frozenset[int] = frozenset()
        self._prober: Prober | None = None
        self._running: asyncio.Task[None] | None = None
        self._lease_ends_at = -math.inf
        self._alone_until = -math.inf
        """Until then it may go on without a lease, for nobody answered when it asked."""
        self._ask_at = -math.inf
        self.trouble: str | None = None
        """Why this prober is not told what to look at."""

    async def follow(self) -> None:
        """Asks if it is time to; call it often. Raises what has ended the prober."""
        if self._running is not None and self._running.done():
            ended, self._prober, self._running = self._running, None, None
            self._held = frozenset()
            ended.result()
        for _ in range(MOST_AT_ONCE):
            if self._clock() < self._ask_at:
                return
            await self._ask()

    async def stop(self) -> None:
        """Ends the prober; what it has seen is delivered or in its file. Others begin at once."""
        if self._prober is not None:
            await self._prober.stop()
        if not self._held:
            return
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await self._source.ask(self._asking(leaves=True))
        except (SourceAway, SourceRejects, TimeoutError) as error:
            log.info("left without a word: others begin when the lease ends", reason=repr(error))

    def may_begin(self) -> bool:
        """Tells whether a check may begin now."""
        return self._clock() < max(self._lease_ends_at, self._alone_until)

    async def _ask(self) -> None:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                answer = await self._source.ask(self._asking(leaves=False))
        except (SourceAway, TimeoutError) as error:
            self._go_on_alone(error)
        except SourceRejects as error:
            self._ask_at = self._clock() + ASK_EVERY_S
            self._say(str(error), log.error, "rejected: this prober is told nothing")
        else:
            self._ask_at = self._clock() + answer.ask_again_seconds
            self._lease_ends_at = asked_at + answer.lease_seconds - MARGIN_S
            self._alone_until = -math.inf
            if self.trouble is not None:
                self.trouble = None
                log.info("told again what to look at")
            await self._take(answer)

    def _asking(self, *, leaves: bool) -> TargetsAsk:
        return TargetsAsk(
            region=self._settings.region,
            holder=self._holder,
            holds=sorted(self._held),
            done_us=0 if self._prober is None else self._prober.done_before_us(),
            known="" if self._known is None else self._known.mark,
            leaves=leaves,
        )

    def _go_on_alone(self, error: Exception) -> None:
        pause_s = max(ASK_EVERY_S, getattr(error, "retry_after_s", 0.0))
        self._ask_at = self._clock() + pause_s
        self._alone_until = self._ask_at + ASK_TIMEOUT_S + MARGIN_S
        self._say(str(error) or repr(error), log.warning, "nobody tells what to look at")
        if self._prober is None and self._known is not None:
            log.info("going on with what the last process was told")
            self._look_at(self._known)

    def _say(self, reason: str, say: Callable[..., None], event: str) -> None:
        """Logs a trouble when it begins, or becomes another one."""
        if self.trouble != reason:
            say(event, region=self._settings.region, reason=reason[:500])
        self.trouble = reason

    async def _take(self, answer: TargetsAnswer) -> None:
        if answer.targets is not None:
            self._known = answer
            await asyncio.to_thread(self._remember, answer)
            self._look_at(answer)
        elif self._known is not None and self._held != answer.shards.keys():
            # A process that has begun anew, and is told that nothing has changed.
            self._look_at(structs.replace(answer, targets=self._known.targets))

    def _look_at(self, told: TargetsAnswer) -> None:
        targets = told.targets or []
        new = told.shards.keys() - self._held
        since_us = {
            one.monitor_id: told.shards[shard]
            for one in targets
            if (shard := shard_of(one.monitor_id)) in new and told.shards[shard]
        }
        self._held = frozenset(told.shards)
        metrics.PROBE_TARGETS.set(len(targets))
        if self._prober is not None:
            self._prober.set_targets(targets, since_us)
        elif targets:
            from probes.prober import Prober  # 0.12 s, for who has a monitor

            self._prober = Prober(
                [], self._send, self._settings, canary=self._canary, may_begin=self.may_begin
            )
            self._prober.set_targets(targets, since_us)
            self._running = asyncio.create_task(self._prober.run())
        region, shards = self._settings.region, len(told.shards)
        log.info("looking at monitors", region=region, monitors=len(targets), shards=shards)
