"""When a monitor is looked at. Pure: no clock, no loop.

A monitor has a fixed phase in each region, so its slots are the same for every prober and after
every restart: slot k is phase + k * interval, in microseconds since 1970 UTC. So a thousand
monitors are spread over their interval, and nothing drifts. A check belongs to its slot; further
attempts look again at a failure before the next slot.
"""

from typing import NamedTuple

import xxhash
from msgspec import Struct, structs

from schemas.uptime.checks import Outcome
from schemas.uptime.targets import MonitorId, Target

SECOND_US = 1_000_000
USUAL_RETRY_S = 10


class Due(Struct, frozen=True):
    """One look that begins now."""

    target: Target
    region: str
    slot_us: int
    started_us: int
    attempt: int = 0


class Grid(NamedTuple):
    """All slots of one monitor in one region."""

    phase_us: int
    interval_us: int

    def first(self, at_us: int) -> int:
        """Returns the first slot that is not before a moment."""
        return at_us + (self.phase_us - at_us) % self.interval_us

    def after(self, slot_us: int) -> int:
        """Returns the slot that follows one.

        Where the interval has changed, and the last slot is none of these, it is the first that is
        half an interval away or more: nothing is looked at twice in a moment.
        """
        if (slot_us - self.phase_us) % self.interval_us == 0:
            return slot_us + self.interval_us
        return self.first(slot_us + self.interval_us // 2)


def grid_of(target: Target, region: str) -> Grid:
    """Returns a monitor's slots."""
    interval_us = max(1, target.interval_seconds) * SECOND_US
    return Grid(_hash(target.monitor_id, region) % interval_us, interval_us)


def _hash(monitor_id: MonitorId, region: str) -> int:
    return xxhash.xxh3_64_intdigest(f"{monitor_id}\0{region}".encode())


def first_after_restart(grid: Grid, resume_us: int, now_us: int) -> tuple[int, int]:
    """Returns the first slot of a prober that begins, and when it is looked at.

    All slots before `resume_us` were done. Where the pause was shorter than the interval, a slot
    that fell into it is done late, later by just the pause: so there is no herd, and no slot is
    lost. Slots of a longer pause are missed.
    """
    pause_us = now_us - resume_us
    slot_us = grid.first(resume_us)
    if 0 < pause_us < grid.interval_us and slot_us < now_us:
        return slot_us, slot_us + pause_us
    slot_us = grid.first(now_us)
    return slot_us, slot_us


class Standing(Struct, frozen=True):
    """What this prober itself knows of a monitor: how far a failure is confirmed."""

    failures: int = 0
    successes: int = 0
    is_down: bool = False


UNKNOWN = Standing()


def advance(standing: Standing, outcome: Outcome, target: Target) -> Standing:
    """Returns how a monitor stands after one more result."""
    if outcome == "inconclusive":
        return standing
    if outcome == "fail":
        failures = standing.failures + 1
        is_down = standing.is_down or failures >= target.failure_threshold
        return Standing(failures=failures, is_down=is_down)
    successes = standing.successes + 1
    if standing.is_down and successes < target.recovery_threshold:
        return structs.replace(standing, successes=successes, failures=0)
    return Standing(successes=successes)


def retry_interval_us(target: Target) -> int:
    """Returns how long after the begin of a failed look the next one may begin."""
    usual = min(USUAL_RETRY_S, target.interval_seconds)
    return (target.retry_interval_seconds or usual) * SECOND_US


class Retry(NamedTuple):
    """What decides whether a failure is looked at again."""

    started_us: int
    ended_us: int
    next_slot_us: int
    timeout_us: int


def retry_at(target: Target, standing: Standing, retry: Retry) -> int | None:
    """Returns when to look again at a failure; `None` for not before the next slot.

    Only a failure whose state is not known yet is looked at again, and only where that is over
    before the next slot, whatever happens: no slot is missed for it.
    """
    if standing.is_down or not standing.failures:
        return None
    at_us = max(retry.started_us + retry_interval_us(target), retry.ended_us)
    return at_us if at_us + retry.timeout_us <= retry.next_slot_us else None
