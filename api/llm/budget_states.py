"""What budgets stand at, in the memory of the process that answers: checks wait for no store.

A project's spend is added up when somebody asks for it first. Whoever asks later is answered from
memory, and brings it up to date in the background where it is older than two seconds. A project
that nobody asks about costs nothing.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

import structlog
from msgspec import Struct

from clickhouse.llm.budgets import Spend
from schemas.llm.budgets import Budget
from schemas.projects import ProjectId

FRESH_S = 2.0
"""How old a spend may be before it is added up anew."""
LONGEST_S = 60.0
"""How old it may be before whoever asks waits: so long after the last one who asked."""
HOURS_FRESH_S = 600.0
SHARE = 10
"""Adding up takes at most one part in so many of the time, however long it takes."""
MOST_ENTITIES = 200_000
"""Of all projects together: some 300 bytes each."""

log = structlog.get_logger(__name__)


class Stand(Struct, frozen=True):
    """The budgets of a project, and what was spent of those that are on."""

    budgets: tuple[Budget, ...]
    spends: Mapping[str, Spend]
    as_of_us: int

    @property
    def entities(self) -> int:
        """How much of the memory it takes; 1 at least."""
        return 1 + sum(len(spend.by_entity) for spend in self.spends.values())

    def is_of(self, now_us: int) -> bool:
        """Tells whether all windows are still those of now."""
        ends = (spend.window.end_us for spend in self.spends.values())
        return all(end is None or now_us < end for end in ends)


Hours = Mapping[str, Mapping[int, float]]
"""By budget, what was spent in each hour of the last weeks."""
Read = Callable[[], Awaitable[Stand]]
ReadHours = Callable[[], Awaitable[Hours]]


class _Held:
    """What is known of one project, and who reads it anew."""

    def __init__(self) -> None:
        self.stand: Stand | None = None
        self.read_at = self.took_s = 0.0
        self.reading: asyncio.Task[Stand] | None = None
        self.hours: Hours | None = None
        self.hours_at = 0.0


class BudgetStates:
    """The stands that this process has been asked for; one per process."""

    def __init__(
        self,
        most_entities: int = MOST_ENTITIES,
        clock: Callable[[], float] = time.monotonic,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._most_entities = most_entities
        self._clock = clock
        self._now_us = now_us
        self._held: OrderedDict[ProjectId, _Held] = OrderedDict()

    async def of(self, project_id: ProjectId, read: Read) -> Stand:
        """Returns how the budgets of a project stand; raises what `read` raises."""
        held = self._held.setdefault(project_id, _Held())
        self._held.move_to_end(project_id)
        age_s = self._clock() - held.read_at
        stand = held.stand
        if stand is None or age_s > LONGEST_S or not stand.is_of(self._now_us()):
            return await asyncio.shield(self._reading(project_id, held, read))
        if age_s > max(FRESH_S, SHARE * held.took_s):
            self._reading(project_id, held, read).add_done_callback(_heard)
        return stand

    async def hours_of(self, project_id: ProjectId, read: ReadHours) -> Hours:
        """Returns the hours of a project, read once in ten minutes; raises what `read` raises."""
        held = self._held.setdefault(project_id, _Held())
        if held.hours is None or self._clock() - held.hours_at > HOURS_FRESH_S:
            held.hours, held.hours_at = await read(), self._clock()
        return held.hours

    def forget(self, project_id: ProjectId) -> None:
        """Has the next one who asks wait; call it after changing a budget."""
        self._held.pop(project_id, None)

    def _reading(self, project_id: ProjectId, held: _Held, read: Read) -> asyncio.Task[Stand]:
        if held.reading is None:
            held.reading = asyncio.create_task(self._renew(held, read))
            held.reading.add_done_callback(lambda _: self._read(project_id, held))
        return held.reading

    async def _renew(self, held: _Held, read: Read) -> Stand:
        begun = self._clock()
        stand = await read()
        held.stand, held.read_at = stand, self._clock()
        held.took_s = held.read_at - begun
        return stand

    def _read(self, project_id: ProjectId, held: _Held) -> None:
        held.reading = None
        if held.stand is None and self._held.get(project_id) is held:
            del self._held[project_id]
        while len(self._held) > 1 and self._entities() > self._most_entities:
            self._held.popitem(last=False)

    def _entities(self) -> int:
        return sum(held.stand.entities for held in self._held.values() if held.stand is not None)


def _heard(task: asyncio.Task[Stand]) -> None:
    """Says that nothing newer is known; what was known is answered on, with its time."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("budgets not brought up to date", reason=str(error)[:500])
