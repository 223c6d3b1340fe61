"""Which monitor is due next: a heap with one entry for each. No loop, no clock: moments come in."""

import heapq
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from probes.slots import UNKNOWN, Grid, Standing, first_after_restart, grid_of
from schemas import metrics
from schemas.uptime.targets import MonitorId, Target

STALE_ENTRIES = 64
"""So many entries that were replaced, and as many as there are monitors, may be in the heap."""


class Entry(NamedTuple):
    """What to do next for a monitor."""

    at_us: int
    number: int
    """Tells entries of one moment from each other, and one from what has replaced it."""
    monitor_id: MonitorId
    slot_us: int
    attempt: int


class Watch:
    """A monitor that is looked at."""

    __slots__ = ("grid", "next", "standing", "target")

    def __init__(self, target: Target, grid: Grid, entry: Entry) -> None:
        self.target = target
        self.grid = grid
        self.next = entry
        self.standing: Standing = UNKNOWN


class Timetable:
    """All monitors of one prober, and the next entry of each."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._watches: dict[MonitorId, Watch] = {}
        self._heap: list[Entry] = []
        self._numbers = 0
        self._pause_us = 0
        self._caught_up_us = 0
        """Until then, slots of the pause before this process are done."""

    def watch(self, monitor_id: MonitorId) -> Watch | None:
        """Returns a monitor that is looked at."""
        return self._watches.get(monitor_id)

    def set_targets(
        self,
        targets: Iterable[Target],
        now_us: int,
        resume_us: int,
        since_us: Mapping[MonitorId, int] | None = None,
    ) -> None:
        """Looks at these from now on, and at no others.

        A monitor that is there already keeps its next slot, unless its new interval has an earlier
        one. Slots before `resume_us` were done, which is now for all but a process that begins;
        of some new monitors, those before `since_us`.
        """
        wanted = {one.monitor_id: one for one in targets if one.type != "heartbeat"}
        for gone in self._watches.keys() - wanted.keys():
            del self._watches[gone]
        for target in wanted.values():
            watch = self._watches.get(target.monitor_id)
            if watch is None:
                begin_us = (since_us or {}).get(target.monitor_id, resume_us)
                self._add(target, begin_us, now_us)
            elif watch.target != target:
                self._change(watch, target, now_us)
        if len(self._heap) > 2 * len(self._watches) + STALE_ENTRIES:
            self._heap = [watch.next for watch in self._watches.values()]
            heapq.heapify(self._heap)

    def next_us(self) -> int | None:
        """Returns when the next entry is due, or one that was replaced."""
        return self._heap[0].at_us if self._heap else None

    def done_before_us(self, now_us: int) -> int:
        """Returns a moment before which no slot is still to be taken."""
        bounds = [now_us]
        if self._heap:
            bounds.append(self._heap[0].at_us)
        if now_us < self._caught_up_us:
            bounds.append(now_us - self._pause_us)
        return min(bounds)

    def take(self, now_us: int) -> list[tuple[Watch, Entry]]:
        """Returns what is due, and plans the slot that follows each. Counts what was missed."""
        due: list[tuple[Watch, Entry]] = []
        while self._heap and self._heap[0].at_us <= now_us:
            entry = heapq.heappop(self._heap)
            watch = self._watches.get(entry.monitor_id)
            if watch is None or watch.next is not entry:
                continue
            following = max(watch.grid.after(entry.slot_us), watch.grid.first(now_us))
            if now_us - entry.at_us < watch.grid.interval_us:
                due.append((watch, entry))
            else:
                # The machine slept, or its clock was set: what is long past tells nothing.
                missed = (following - entry.slot_us) // watch.grid.interval_us
                metrics.PROBE_SLOTS_MISSED.labels("asleep").inc(max(1, missed))
            self.plan(watch, following, following)
        return due

    def plan(self, watch: Watch, at_us: int, slot_us: int, attempt: int = 0) -> None:
        """Makes this the next thing to do for a monitor."""
        watch.next = self._entry(at_us, watch.target.monitor_id, slot_us, attempt)
        heapq.heappush(self._heap, watch.next)

    def set_back(self, now_us: int) -> None:
        """Follows a clock that was set back: else nothing were due until it is there again."""
        self._heap.clear()
        for watch in self._watches.values():
            slot_us = watch.grid.first(now_us)
            self.plan(watch, slot_us, slot_us)

    def _add(self, target: Target, resume_us: int, now_us: int) -> None:
        grid = grid_of(target, self._region)
        slot_us, at_us = first_after_restart(grid, resume_us, now_us)
        if at_us > slot_us:
            before_us = self._pause_us if now_us < self._caught_up_us else 0
            self._pause_us = max(before_us, now_us - resume_us)
            self._caught_up_us = max(self._caught_up_us, at_us)
        entry = self._entry(at_us, target.monitor_id, slot_us)
        self._watches[target.monitor_id] = Watch(target, grid, entry)
        heapq.heappush(self._heap, entry)

    def _change(self, watch: Watch, target: Target, now_us: int) -> None:
        old_grid, old = watch.grid, watch.next
        watch.target, watch.grid = target, grid_of(target, self._region)
        if watch.grid == old_grid:
            return
        last_us = old.slot_us if old.attempt else old.slot_us - old_grid.interval_us
        slot_us = max(watch.grid.first(now_us), watch.grid.after(last_us))
        if slot_us < old.at_us or old.attempt:
            self.plan(watch, slot_us, slot_us)

    def _entry(self, at_us: int, monitor_id: MonitorId, slot_us: int, attempt: int = 0) -> Entry:
        self._numbers += 1
        return Entry(at_us, self._numbers, monitor_id, slot_us, attempt)
