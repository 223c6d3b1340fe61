"""The prober as a process holds it: real targets, a sink, a restart."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from probes.prober import Prober
from probes.settings import ProberSettings
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorId, Target
from tests.integration.probes.servers import SETTINGS, Asked, answer, eventually, target, web

FAST = structs.replace(SETTINGS, batch_after_s=0.05)


class Results:
    """A sink that a test can wait for."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._changed = asyncio.Condition()

    async def send(self, checks: Sequence[Check]) -> None:
        self.checks += checks
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: condition(self.checks))


def every_second(number: int, url: str, **fields: Any) -> Target:
    return target(monitor_id=MonitorId(f"mon_{number:08d}"), url=url, interval_seconds=1, **fields)


async def test_targets_are_looked_at_every_interval_and_told_once() -> None:
    results = Results()
    async with web(lambda _: answer()) as served:
        prober = Prober(
            [every_second(number, served.url()) for number in range(5)], results.send, FAST
        )
        running = asyncio.create_task(prober.run())
        await results.until(lambda checks: len(checks) >= 15)
        await prober.stop()
        await running

    keys = [(one.monitor_id, one.region, one.slot_us, one.attempt) for one in results.checks]
    assert len(keys) == len(set(keys))
    assert {one.outcome for one in results.checks} == {"ok"}
    assert {one.region for one in results.checks} == {"here"}
    for number in range(5):
        own = [one.slot_us for one in results.checks if one.monitor_id.endswith(str(number))]
        assert {after - before for before, after in zip(own, own[1:], strict=False)} <= {1_000_000}


async def test_a_target_that_flaps_is_told_as_it_was_and_looked_at_again() -> None:
    results = Results()

    def flaps(_: Asked) -> bytes:
        down = 2 <= len(served.asked) <= 3
        return answer(b"", status="500 Down" if down else "200 OK")

    async with web(flaps) as served:
        looked = every_second(1, served.url(), failure_threshold=5, timeout_ms=400)
        looked = structs.replace(looked, interval_seconds=3, retry_interval_seconds=1)
        prober = Prober([looked], results.send, FAST)
        running = asyncio.create_task(prober.run())
        await results.until(lambda checks: len(checks) >= 4)
        await prober.stop()
        await running

    told = [(one.outcome, one.attempt) for one in results.checks[:4]]
    assert told == [("ok", 0), ("fail", 0), ("fail", 1), ("ok", 2)]
    assert len({one.slot_us for one in results.checks[1:4]}) == 1


async def test_targets_are_changed_while_it_runs() -> None:
    results = Results()
    async with web(lambda _: answer()) as served:
        prober = Prober([every_second(1, served.url("/old"))], results.send, FAST)
        running = asyncio.create_task(prober.run())
        await results.until(lambda checks: len(checks) >= 2)
        prober.set_targets(
            [every_second(1, served.url("/new"), revision=2), every_second(2, served.url("/two"))]
        )
        await results.until(
            lambda checks: (
                {one.monitor_id for one in checks if one.revision == 2}
                and any(one.monitor_id == "mon_00000002" for one in checks)
            )
        )
        await prober.stop()
        await running

    own = [one.slot_us for one in results.checks if one.monitor_id == "mon_00000001"]
    assert {after - before for before, after in zip(own, own[1:], strict=False)} == {1_000_000}
    assert {asked.path for asked in served.asked} == {"/old", "/new", "/two"}


async def test_over_a_restart_no_result_is_lost_and_no_slot_is_missing(tmp_path: Path) -> None:
    settings = structs.replace(FAST, spool_path=tmp_path / "spool")
    results = Results()
    async with web(lambda _: answer()) as served:
        targets = [
            structs.replace(every_second(number, served.url()), interval_seconds=2)
            for number in range(20)
        ]

        async def unavailable(_: Sequence[Check]) -> None:
            raise OSError("away")

        first = Prober(targets, unavailable, settings)
        running = asyncio.create_task(first.run())
        await eventually(lambda: len(served.asked) >= 30)
        await first.stop()
        await running
        before = len(served.asked)

        second = Prober(targets, results.send, settings)
        running = asyncio.create_task(second.run())
        await results.until(lambda checks: len(checks) >= before + 30)
        await second.stop()
        await running

    assert len(results.checks) == len(served.asked)
    for one in targets:
        own = sorted(c.slot_us for c in results.checks if c.monitor_id == one.monitor_id)
        assert {after - earlier for earlier, after in zip(own, own[1:], strict=False)} <= {
            2_000_000
        }


async def test_a_stop_does_not_wait_for_targets_that_hang() -> None:
    results = Results()
    asked = asyncio.Event()

    async def hangs(_: Asked) -> bytes:
        asked.set()
        await asyncio.sleep(60)
        return b""

    async with web(hangs) as served:
        looked = target(url=served.url(), interval_seconds=2, timeout_ms=1500)
        settings = structs.replace(FAST, stop_timeout_s=0.1)
        prober = Prober([looked], results.send, settings)
        running = asyncio.create_task(prober.run())
        async with asyncio.timeout(20):
            await asked.wait()
        async with asyncio.timeout(1):
            await prober.stop()
            await running

    assert results.checks == []


async def test_one_that_is_stopped_before_it_runs_ends_at_once() -> None:
    prober = Prober([], Results().send, ProberSettings(region="eu"))
    await prober.stop()

    async with asyncio.timeout(5):
        await prober.run()


async def test_a_sink_that_a_cancelled_process_had_gets_the_last_results() -> None:
    results = Results()
    async with web(lambda _: answer()) as served:
        prober = Prober(
            [every_second(1, served.url())], results.send, structs.replace(FAST, batch_after_s=30)
        )
        running = asyncio.create_task(prober.run())
        await eventually(lambda: served.asked)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert len(results.checks) == len(served.asked)
