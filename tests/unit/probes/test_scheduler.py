"""The scheduler over hours of virtual time: no drift, no double, nobody delayed by others."""

import asyncio
import random
from typing import Any

from probes.slots import Due, grid_of
from schemas.uptime.checks import Outcome
from schemas.uptime.targets import MonitorId
from tests.unit.probes.virtual import now_us, simulate
from tests.unit.probes.world import HOUR_S, SEED, S, World, gaps_s, missed, target


class TestSlots:
    def test_over_hours_no_check_drifts_and_none_is_skipped_or_doubled(self) -> None:
        chosen = random.Random(SEED)
        world = World(took_s=lambda _: chosen.uniform(0.001, 9.9))
        targets = [target(number) for number in range(40)]

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets(targets)
            scheduler.begin()
            await asyncio.sleep(6 * HOUR_S)
            await scheduler.stop(20)

        simulate(work())

        assert {key: gaps_s(slots) for key, slots in world.slots().items()} == {
            one.monitor_id: {30.0} for one in targets
        }
        assert {len(slots) for slots in world.slots().values()} == {720}
        for one in targets:
            grid = grid_of(one, "eu")
            first = world.slots()[one.monitor_id][0]
            assert (first - grid.phase_us) % grid.interval_us == 0
        # Virtual time is exact to a timer's grain: nobody is late by more than that.
        assert max(due.started_us - due.slot_us for due in world.begun) < 1000
        assert world.most_of_one == 1

    def test_heartbeats_are_not_looked_at(self) -> None:
        world = World()

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target(1, type="heartbeat"), target(2)])
            scheduler.begin()
            await asyncio.sleep(60)
            await scheduler.stop(1)

        simulate(work())

        assert set(world.slots()) == {"mon_00000002"}

    def test_slow_targets_delay_no_others(self) -> None:
        slow = {MonitorId(f"mon_{number:08d}") for number in range(40)}
        world = World(took_s=lambda due: 24 if due.target.monitor_id in slow else 0.01)

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target(number) for number in range(200)])
            scheduler.begin()
            await asyncio.sleep(600)
            await scheduler.stop(30)

        simulate(work())

        assert max(due.started_us - due.slot_us for due in world.begun) < 1000
        assert all(gaps_s(slots) == {30.0} for slots in world.slots().values())

    def test_a_check_that_takes_longer_than_its_interval_costs_slots_that_are_counted(self) -> None:
        world = World(took_s=lambda _: 70)
        before = missed("running")

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target()])
            scheduler.begin()
            await asyncio.sleep(600)
            await scheduler.stop(100)

        simulate(work())

        assert world.most_of_one == 1
        assert gaps_s(world.slots()[target().monitor_id]) == {90.0}
        assert missed("running") - before == 13

    def test_where_all_places_are_taken_a_check_waits_and_then_says_so(self) -> None:
        world = World(took_s=lambda _: 20)

        async def work() -> None:
            scheduler = world.scheduler(concurrency=4, max_wait_s=5.0)
            scheduler.set_targets([target(number) for number in range(40)])
            scheduler.begin()
            await asyncio.sleep(300)
            await scheduler.stop(30)

        simulate(work())

        told = [check for check in world.checks if check.outcome == "inconclusive"]
        assert world.most == 4
        assert {check.reason for check in told} == {"overloaded"}
        assert "all 4 places of this prober were taken for 5 s" in told[0].message
        waited = [due.started_us - due.slot_us for due in world.begun]
        assert max(waited) <= 5 * S + 1000
        # Each slot is told once: as looked at, or as not.
        assert all(gaps_s(sorted(slots)) == {30.0} for slots in world.slots().values())


class TestRetries:
    def run(self, outcomes: dict[int, Outcome], **fields: Any) -> list[tuple[int, int]]:
        """Returns (number of slot, attempt) of all looks; `outcomes` are those of looks by time."""
        looks = 0

        def outcome(_: Due) -> Outcome:
            nonlocal looks
            looks += 1
            return outcomes.get(looks - 1, "ok")

        world = World(outcome=outcome)
        looked = target(**{"interval_seconds": 60, "timeout_ms": 5000, **fields})

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([looked])
            scheduler.begin()
            await asyncio.sleep(5 * 60 + 59)
            await scheduler.stop(10)

        simulate(work())
        first = world.checks[0].slot_us
        for check in world.checks:
            late_s = (check.started_us - check.slot_us) / S
            assert abs(late_s - 10 * check.attempt) < 0.01
        return [((check.slot_us - first) // (60 * S), check.attempt) for check in world.checks]

    def test_a_failure_is_looked_at_again_before_the_next_slot(self) -> None:
        looks = self.run({1: "fail"})

        assert looks[:4] == [(0, 0), (1, 0), (1, 1), (2, 0)]

    def test_attempts_go_on_until_the_state_is_known(self) -> None:
        looks = self.run({1: "fail", 2: "fail", 3: "fail", 4: "fail"}, failure_threshold=3)

        # The third failure in a row confirms it; then there is one look for each slot.
        assert looks[:6] == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (3, 0)]

    def test_after_a_recovery_failures_are_looked_at_again(self) -> None:
        failures: dict[int, Outcome] = {0: "fail", 1: "fail", 4: "fail"}

        looks = self.run(failures, recovery_threshold=2)

        assert looks[:6] == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (3, 1)]

    def test_what_is_inconclusive_is_not_looked_at_again(self) -> None:
        assert self.run({1: "inconclusive"})[:3] == [(0, 0), (1, 0), (2, 0)]

    def test_no_attempt_takes_the_place_of_a_slot(self) -> None:
        world = World(took_s=lambda _: 4.9, outcome=lambda _: "fail")
        looked = target(interval_seconds=10, failure_threshold=1000, retry_interval_seconds=1)
        before = missed("running")

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([looked])
            scheduler.begin()
            await asyncio.sleep(HOUR_S)
            await scheduler.stop(10)

        simulate(work())

        assert gaps_s(world.slots()[looked.monitor_id]) == {10.0}
        assert missed("running") == before


class TestChanges:
    def test_what_does_not_change_the_interval_moves_no_slot(self) -> None:
        chosen = random.Random(SEED)
        world = World()

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target(number) for number in range(20)])
            scheduler.begin()
            for revision in range(2, 200):
                await asyncio.sleep(chosen.uniform(0, 40))
                scheduler.set_targets(
                    [
                        target(number, revision=revision, url=f"http://{revision}/")
                        for number in range(20)
                    ]
                )
            await scheduler.stop(1)

        simulate(work())

        assert all(gaps_s(slots) == {30.0} for slots in world.slots().values())
        assert len(world.slots()) == 20

    def test_a_new_interval_skips_no_slot_and_doubles_none(self) -> None:
        chosen = random.Random(SEED)
        world = World()
        periods: list[tuple[int, int]] = []

        async def work() -> None:
            scheduler = world.scheduler()
            for revision in range(1, 300):
                interval_s = chosen.choice([5, 10, 30, 45, 60, 61])
                periods.append((now_us(), interval_s))
                scheduler.set_targets([target(interval_seconds=interval_s, revision=revision)])
                if revision == 1:
                    scheduler.begin()
                await asyncio.sleep(chosen.uniform(1, 300))
            await scheduler.stop(1)

        simulate(work())

        slots = world.slots()[target().monitor_id]
        assert slots == sorted(set(slots))
        for before, after in zip(slots, slots[1:], strict=False):
            held = [one for one in periods if one[0] <= after and one[0] >= before - 61 * S]
            last = [interval for begun, interval in periods if begun <= before][-1:]
            intervals = last + [interval for _, interval in held]
            assert (after - before) / S <= 1.5 * max(intervals)
            assert (after - before) / S >= 0.5 * min(intervals)

    def test_a_target_that_is_gone_is_not_looked_at_and_may_come_back(self) -> None:
        world = World()

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target(1), target(2)])
            scheduler.begin()
            await asyncio.sleep(300)
            scheduler.set_targets([target(2)])
            await asyncio.sleep(300)
            scheduler.set_targets([target(1), target(2)])
            await asyncio.sleep(300)
            await scheduler.stop(1)

        simulate(work())

        gone = world.slots()[target(1).monitor_id]
        assert gaps_s(gone) == {30.0, 330.0}
        assert gaps_s(world.slots()[target(2).monitor_id]) == {30.0}

    def test_changes_of_all_targets_each_second_leave_nothing_behind(self) -> None:
        world = World()

        async def work() -> int:
            scheduler = world.scheduler()
            scheduler.begin()
            for revision in range(1, 500):
                interval_s = 30 + revision % 2
                scheduler.set_targets(
                    [target(number, interval_seconds=interval_s) for number in range(50)]
                )
                await asyncio.sleep(1)
            size = len(scheduler._timetable._heap)
            await scheduler.stop(1)
            return size

        assert simulate(work()) <= 2 * 50 + 64
