"""Targets that answer as a test says, for a scheduler in virtual time."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from probes.scheduler import Scheduler
from probes.slots import Due
from schemas import metrics
from schemas.projects import ProjectId
from schemas.uptime.checks import Check, Outcome
from schemas.uptime.targets import MonitorId, Target
from tests.unit.probes.virtual import now_us

S = 1_000_000
SEED = 20_261_129
HOUR_S = 3600


def target(number: int = 1, **fields: Any) -> Target:
    return Target(
        **{
            "monitor_id": MonitorId(f"mon_{number:08d}"),
            "project_id": ProjectId("p"),
            "type": "http",
            "interval_seconds": 30,
            "timeout_ms": 10_000,
            **fields,
        }
    )


class World:
    """Targets that answer as a test says, and what a scheduler made of them."""

    def __init__(
        self,
        *,
        took_s: Callable[[Due], float] = lambda _: 0.02,
        outcome: Callable[[Due], Outcome] = lambda _: "ok",
    ) -> None:
        self._took_s = took_s
        self._outcome = outcome
        self.checks: list[Check] = []
        self.begun: list[Due] = []
        self.under_way: Counter[MonitorId] = Counter()
        self.most_of_one = 0
        self.most = 0

    def scheduler(self, **options: Any) -> Scheduler:
        given = {"region": "eu", "concurrency": 10_000, **options}
        return Scheduler(self._perform, self.checks.append, now_us=now_us, **given)

    async def _perform(self, due: Due) -> Check:
        key = due.target.monitor_id
        self.begun.append(due)
        self.under_way[key] += 1
        self.most_of_one = max(self.most_of_one, self.under_way[key])
        self.most = max(self.most, self.under_way.total())
        try:
            await asyncio.sleep(self._took_s(due))
        finally:
            self.under_way[key] -= 1
        return Check(
            monitor_id=key,
            project_id=due.target.project_id,
            region=due.region,
            slot_us=due.slot_us,
            started_us=due.started_us,
            attempt=due.attempt,
            outcome=self._outcome(due),
        )

    def slots(self, *, attempts: bool = False) -> dict[MonitorId, list[int]]:
        """Returns the slots of each monitor in the order in which they were done."""
        found: dict[MonitorId, list[int]] = defaultdict(list)
        for check in self.checks:
            if attempts or not check.attempt:
                found[check.monitor_id].append(check.slot_us)
        return found


def missed(reason: str) -> float:
    """Returns how many slots were missed until now, in this whole run of tests."""
    found = metrics.REGISTRY.get_sample_value("sluice_probe_slots_missed_total", {"reason": reason})
    return found or 0.0


def gaps_s(slots: list[int]) -> set[float]:
    return {(after - before) / S for before, after in zip(slots, slots[1:], strict=False)}
