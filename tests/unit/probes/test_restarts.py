"""The scheduler across restarts, clocks that are set, and times without a network."""

import asyncio
import random
from collections import Counter

from probes.canary import Canary, SharedCanary
from probes.slots import grid_of
from schemas.uptime.targets import MonitorId
from tests.unit.probes.virtual import now_us, set_clock, simulate
from tests.unit.probes.world import HOUR_S, SEED, S, World, gaps_s, missed, target


class TestRestarts:
    def test_after_a_short_pause_no_slot_is_missing_and_none_is_twice(self) -> None:
        chosen = random.Random(SEED)
        world = World(took_s=lambda _: chosen.uniform(0.01, 3))
        targets = [target(number) for number in range(100)]

        async def work() -> None:
            resume_us: int | None = None
            for _ in range(20):
                scheduler = world.scheduler()
                scheduler.set_targets(targets, resume_us=resume_us)
                scheduler.begin()
                await asyncio.sleep(chosen.uniform(60, 120))
                resume_us = await scheduler.stop(5)
                await asyncio.sleep(chosen.uniform(0, 8))

        simulate(work())

        slots = world.slots()
        assert len(slots) == 100
        assert all(gaps_s(sorted(own)) == {30.0} for own in slots.values())

    def test_checks_that_were_cut_off_are_done_again(self) -> None:
        world = World(took_s=lambda due: 25 if due.started_us < cut_us else 0.1)
        cut_us = 0

        async def work() -> None:
            nonlocal cut_us
            cut_us = now_us() + 200 * S
            first = world.scheduler()
            first.set_targets([target(number) for number in range(30)])
            first.begin()
            await asyncio.sleep(200)
            resume_us = await first.stop(0.5)
            second = world.scheduler()
            second.set_targets([target(number) for number in range(30)], resume_us=resume_us)
            second.begin()
            await asyncio.sleep(200)
            await second.stop(1)

        simulate(work())

        assert all(gaps_s(sorted(set(own))) == {30.0} for own in world.slots().values())

    def test_after_a_long_pause_all_are_looked_at_within_an_interval_without_a_herd(self) -> None:
        world = World()
        begun_us = 0

        async def work() -> None:
            nonlocal begun_us
            begun_us = now_us()
            scheduler = world.scheduler()
            scheduler.set_targets(
                [target(number) for number in range(3000)], resume_us=begun_us - HOUR_S * S
            )
            scheduler.begin()
            await asyncio.sleep(30)
            await scheduler.stop(1)

        simulate(work())

        each_second = Counter((due.started_us - begun_us) // S for due in world.begun)
        assert len({due.target.monitor_id for due in world.begun}) == 3000
        assert max(each_second.values()) <= 1.5 * 3000 / 30

    def test_after_a_short_pause_starts_at_most_double(self) -> None:
        world = World()
        begun_us = 0

        async def work() -> None:
            nonlocal begun_us
            begun_us = now_us()
            scheduler = world.scheduler()
            scheduler.set_targets(
                [target(number) for number in range(3000)], resume_us=begun_us - 10 * S
            )
            scheduler.begin()
            await asyncio.sleep(30)
            await scheduler.stop(1)

        simulate(work())

        each_second = Counter((due.started_us - begun_us) // S for due in world.begun)
        assert max(each_second.values()) <= 2 * 1.5 * 3000 / 30

    def test_while_slots_are_done_late_they_are_not_said_to_be_done(self) -> None:
        world = World()

        async def work() -> None:
            begun_us = now_us()
            scheduler = world.scheduler()
            scheduler.set_targets(
                [target(number) for number in range(300)], resume_us=begun_us - 10 * S
            )
            scheduler.begin()
            for _ in range(9):
                await asyncio.sleep(1)
                done = {due.slot_us for due in world.begun}
                late = {
                    slot_us
                    for number in range(300)
                    if (slot_us := grid_of(target(number), "eu").first(begun_us - 10 * S))
                    < begun_us
                }
                assert all(slot_us >= scheduler.done_before_us() for slot_us in late - done)
            await asyncio.sleep(2)
            assert scheduler.done_before_us() > begun_us
            await scheduler.stop(1)

        simulate(work())

    def test_what_is_under_way_holds_back_how_far_slots_are_done(self) -> None:
        world = World(took_s=lambda _: 7)

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target()])
            scheduler.begin()
            await asyncio.sleep((grid_of(target(), "eu").first(now_us()) - now_us()) / S + 3)
            assert scheduler.done_before_us() == world.begun[0].slot_us
            await asyncio.sleep(5)
            assert scheduler.done_before_us() == now_us()
            await scheduler.stop(1)

        simulate(work())


class TestTakingOver:
    """Monitors that another prober has looked at."""

    def taken_over(self, pause_s: int) -> tuple[World, dict[MonitorId, int], int]:
        """Returns what was done of 200 monitors whose last prober was gone for so long."""
        world, begun_us = World(), 0
        targets = [target(number) for number in range(200)]

        async def work() -> None:
            nonlocal begun_us
            scheduler = world.scheduler()
            scheduler.set_targets([target(1000)])
            scheduler.begin()
            await asyncio.sleep(100)
            begun_us = now_us()
            since_us = {one.monitor_id: begun_us - pause_s * S for one in targets}
            scheduler.set_targets([target(1000), *targets], since_us=since_us)
            assert scheduler.done_before_us() <= begun_us - (pause_s * S if pause_s < 30 else 0)
            await asyncio.sleep(100)
            await scheduler.stop(1)

        simulate(work())
        del world.slots()[target(1000).monitor_id]
        firsts = {
            one.monitor_id: grid_of(one, "eu").first(begun_us - pause_s * S) for one in targets
        }
        return world, firsts, begun_us

    def test_slots_of_a_short_hand_over_are_done_late_and_none_is_lost(self) -> None:
        world, firsts, _ = self.taken_over(pause_s=20)

        slots = world.slots()
        for monitor_id, first_us in firsts.items():
            assert slots[monitor_id][0] == first_us
            assert gaps_s(slots[monitor_id]) == {30.0}

    def test_after_a_long_one_each_is_looked_at_within_an_interval(self) -> None:
        world, firsts, begun_us = self.taken_over(pause_s=45)

        slots = world.slots()
        for monitor_id in firsts:
            assert begun_us <= slots[monitor_id][0] < begun_us + 30 * S
            assert gaps_s(slots[monitor_id]) == {30.0}


class TestLeases:
    def test_without_one_no_check_begins_and_what_was_due_is_done_late(self) -> None:
        world, may = World(), True

        async def work() -> None:
            nonlocal may
            scheduler = world.scheduler(may_begin=lambda: may)
            scheduler.set_targets([target(number) for number in range(50)])
            scheduler.begin()
            await asyncio.sleep(60)
            may = False
            begun = len(world.begun)
            await asyncio.sleep(20)
            assert len(world.begun) == begun
            may = True
            await asyncio.sleep(60)
            await scheduler.stop(1)

        simulate(work())

        assert all(gaps_s(slots) == {30.0} for slots in world.slots().values())


class TestClocks:
    def test_a_machine_that_slept_begins_anew_and_counts_what_it_missed(self) -> None:
        world = World()
        before = missed("asleep")

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target(number) for number in range(50)])
            scheduler.begin()
            await asyncio.sleep(300)
            set_clock(by_s=3600)
            woken_us = now_us()
            await asyncio.sleep(60)
            await scheduler.stop(1)
            late = [due for due in world.begun if due.started_us >= woken_us]
            assert all(due.started_us - due.slot_us < 10.1 * S for due in late)

        simulate(work())

        assert missed("asleep") - before == 50 * 120

    def test_a_clock_that_is_set_back_stops_nothing(self) -> None:
        world = World()

        async def work() -> None:
            scheduler = world.scheduler()
            scheduler.set_targets([target(number) for number in range(50)])
            scheduler.begin()
            await asyncio.sleep(300)
            set_clock(by_s=-7200)
            world.begun.clear()
            await asyncio.sleep(45)
            await scheduler.stop(1)

        simulate(work())

        assert len({due.target.monitor_id for due in world.begun}) == 50


class TestCanary:
    def outcomes(self, canary: Canary) -> list[tuple[str, str]]:
        world = World(outcome=lambda _: "fail")

        async def work() -> None:
            scheduler = world.scheduler(canary=SharedCanary(canary))
            scheduler.set_targets([target(number, failure_threshold=1) for number in range(20)])
            scheduler.begin()
            await asyncio.sleep(29)
            await scheduler.stop(5)

        simulate(work())
        return [(check.outcome, check.reason) for check in world.checks]

    def test_while_we_are_offline_failures_tell_nothing(self) -> None:
        async def offline() -> bool:
            return False

        assert set(self.outcomes(offline)) == {("inconclusive", "offline")}

    def test_while_we_are_online_they_do(self) -> None:
        async def online() -> bool:
            return True

        assert {outcome for outcome, _ in self.outcomes(online)} == {"fail"}

    def test_a_canary_that_breaks_hides_no_failure(self) -> None:
        async def breaks() -> bool:
            raise RuntimeError("canary")

        assert {outcome for outcome, _ in self.outcomes(breaks)} == {"fail"}

    def test_one_look_serves_all_who_ask_and_none_that_began_before(self) -> None:
        begun: list[float] = []

        async def work() -> None:
            loop = asyncio.get_running_loop()

            async def ask() -> bool:
                begun.append(loop.time())
                await asyncio.sleep(2)
                return True

            shared = SharedCanary(ask)

            async def fails(at_s: float) -> None:
                await asyncio.sleep(at_s)
                asked_at = loop.time()
                await shared()
                # Some look began after the failure and is over.
                assert any(asked_at <= one <= loop.time() - 2 for one in begun)

            await asyncio.gather(*(fails(number / 10) for number in range(50)))

        simulate(work())

        assert len(begun) <= 5
