"""Pages people: looks at what happened, lets a storm gather, and has messages written."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from alerts.uptime.wording import of_incidents, of_warning
from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.failures import NotFound
from controlplane.uptime.events import forget_events
from controlplane.uptime.paging import Waiting, count_lately, list_due, list_waiting, page
from controlplane.uptime.paging_writes import GROUPED_FROM, Words
from schemas.uptime.events import EventType

SETTLE_US = 1_500_000
"""What happens is told so long after: what falls together shows by then."""
STORM_WINDOW_US = 60_000_000
STORM_SETTLE_US = 3_000_000
"""In a storm, nothing new must have happened for so long,"""
STORM_LONGEST_US = 10_000_000
"""but nobody waits longer than this."""
STORMS: tuple[tuple[EventType, ...], ...] = (
    ("incident.triggered", "incident.reopened"),
    ("incident.resolved",),
)
FORGET_EVERY_US = 3_600_000_000
KEPT_US = 90 * 86_400_000_000
"""As long as messages are kept."""
WORDS = Words(of_incidents, of_warning)

log = structlog.get_logger(__name__)


class Pager:
    """Pages people of all projects. Several may run at once: each event is taken once."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._vault = vault
        self._now_us = now_us
        self._forget_due_us = 0

    async def work(self) -> None:
        """Does what is due; cheap when nothing is. Raises what a project met when all are done."""
        now_us = self._now_us()
        ready: defaultdict[UUID, list[UUID]] = defaultdict(list)
        waiting: defaultdict[UUID, list[Waiting]] = defaultdict(list)
        for one in await list_waiting(self._database):
            waiting[one.project_id].append(one)
        for project_id, events in waiting.items():
            if await self._is_settled(project_id, events, now_us):
                ready[project_id] = [one.event_id for one in events]
        for project_id in await list_due(self._database, now_us):
            ready[project_id] += []
        met: list[Exception] = []
        for project_id, event_ids in ready.items():
            try:
                await self._page(project_id, event_ids, now_us)
            except Exception as error:
                # Others must not wait for it.
                log.warning("people of a project not paged", project_id=str(project_id))
                met.append(error)
        if now_us >= self._forget_due_us:
            await forget_events(self._database, now_us - KEPT_US)
            self._forget_due_us = now_us + FORGET_EVERY_US
        if met:
            raise met[0]

    async def _page(self, project_id: UUID, event_ids: Sequence[UUID], now_us: int) -> None:
        try:
            messages = await page(
                self._database, self._vault, project_id, event_ids, words=WORDS, now_us=now_us
            )
        except NotFound:
            return  # It was deleted meanwhile.
        except UnsealError:
            # Others must not wait for it. It is read again once the secret is the right one.
            log.error("people not paged: sealed with another secret", project_id=str(project_id))
            return
        if messages:
            log.info("people paged", project_id=str(project_id), messages=messages)

    async def _is_settled(self, project_id: UUID, events: Sequence[Waiting], now_us: int) -> bool:
        oldest_us, newest_us = events[0].noted_us, events[-1].noted_us
        if now_us - oldest_us < SETTLE_US:
            return False
        if now_us - oldest_us >= STORM_LONGEST_US or now_us - newest_us >= STORM_SETTLE_US:
            return True
        for types in STORMS:
            since_us = now_us - STORM_WINDOW_US
            lately = await count_lately(self._database, project_id, types, since_us)
            if lately >= GROUPED_FROM:
                return False
        return True
