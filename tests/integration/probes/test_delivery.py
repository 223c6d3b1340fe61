"""Results reach the sink: none is lost to a sink that is away, a crash, or a full disk."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from probes.delivery import Delivery
from probes.spool import Spool, SpoolInUse
from schemas import metrics
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorId
from tests.integration.probes.servers import SETTINGS, eventually

FAST = structs.replace(SETTINGS, batch_after_s=0.01, batch_checks=10, send_timeout_s=0.2)


def check(number: int) -> Check:
    return Check(
        monitor_id=MonitorId(f"mon_{number:08d}"),
        project_id=ProjectId("p"),
        region="eu",
        slot_us=number,
        started_us=number,
        outcome="ok",
        message="x" * 200,
    )


class Sink:
    """Takes results, or not."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.sizes: list[int] = []
        self.calls = 0
        self.error: BaseException | None = None
        self.hangs = False
        self.changed = asyncio.Condition()

    async def send(self, checks: Sequence[Check]) -> None:
        self.calls += 1
        if self.hangs:
            await asyncio.sleep(60)
        if self.error:
            raise self.error
        self.sizes.append(len(checks))
        self.taken += [one.slot_us for one in checks]
        async with self.changed:
            self.changed.notify_all()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.taken) >= count)


class Running:
    """A delivery that works, until it is left."""

    def __init__(self, spool: Spool, sink: Sink, **fields: Any) -> None:
        settings = structs.replace(FAST, **fields)
        self.delivery = Delivery(spool, sink.send, settings, lambda: 7)

    async def __aenter__(self) -> Delivery:
        self._tasks = [
            asyncio.create_task(self.delivery.write()),
            asyncio.create_task(self.delivery.send()),
        ]
        return self.delivery

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.delivery._sending is not None:
            await self.delivery._sending


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.delivery.FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr("probes.delivery.LONGEST_PAUSE_S", 0.05)


def copy_as_killed(path: Path) -> Path:
    """Returns what a killed process leaves: the file and its WAL, never closed."""
    copied = path.with_name("copied")
    for end in ("", "-wal"):
        source = Path(f"{path}{end}")
        if source.exists():
            Path(f"{copied}{end}").write_bytes(source.read_bytes())
    return copied


def dropped(reason: str) -> float:
    name, labels = "sluice_probe_results_dropped_total", {"reason": reason}
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_results_are_delivered_in_order_and_in_batches(tmp_path: Path) -> None:
    sink, spool = Sink(), Spool(tmp_path / "spool", 1 << 20)
    async with Running(spool, sink) as delivery:
        for number in range(95):
            delivery.add(check(number))
        await sink.has(95)
        await eventually(lambda: spool.oldest() is None)

    assert sink.taken == list(range(95))
    assert max(sink.sizes) == 10
    spool.close()


@pytest.mark.parametrize("fault", ["raises", "hangs"])
async def test_a_sink_that_is_away_gets_all_of_it_later(tmp_path: Path, fault: str) -> None:
    sink, spool = Sink(), Spool(tmp_path / "spool", 1 << 20)
    sink.error = OSError("away") if fault == "raises" else None
    sink.hangs = fault == "hangs"
    async with Running(spool, sink) as delivery:
        for number in range(40):
            delivery.add(check(number))
            if number % 10 == 9:
                await asyncio.sleep(0.03)
        await eventually(lambda: sink.calls >= 2)
        assert sink.taken == []
        sink.error, sink.hangs = None, False
        await sink.has(40)

    assert sink.taken == list(range(40))
    spool.close()


async def test_what_was_not_delivered_is_delivered_by_the_next_process(tmp_path: Path) -> None:
    away, path = Sink(), tmp_path / "spool"
    away.error = OSError("away")
    spool = Spool(path, 1 << 20)
    async with Running(spool, away) as delivery:
        for number in range(25):
            delivery.add(check(number))
        await delivery.finish(resume_us=42)
    spool.close()

    sink, again = Sink(), Spool(path, 1 << 20)
    assert again.resume_us == 42
    async with Running(again, sink):
        await sink.has(25)
    again.close()

    assert sink.taken == list(range(25))


async def test_a_crash_loses_nothing_that_was_written(tmp_path: Path) -> None:
    away, path = Sink(), tmp_path / "spool"
    away.error = OSError("away")
    spool = Spool(path, 1 << 20)
    async with Running(spool, away) as delivery:
        for number in range(25):
            delivery.add(check(number))
        await eventually(lambda: away.calls and spool.stored_bytes > 25 * 200)
    copied = copy_as_killed(path)

    sink, again = Sink(), Spool(copied, 1 << 20)
    async with Running(again, sink):
        await sink.has(25)
    again.close()
    spool.close()

    assert sink.taken == list(range(25))


async def test_whoever_is_cancelled_while_writing_loses_nothing(tmp_path: Path) -> None:
    for _ in range(20):
        sink, spool = Sink(), Spool(tmp_path / "spool", 1 << 20)
        running = Running(spool, sink, batch_after_s=0.0)
        async with running as delivery:
            for number in range(60):
                delivery.add(check(number))
            await asyncio.sleep(0.002)
        await delivery.finish(resume_us=1)
        spool.close()

        # A batch whose sending was cut may be there twice; (monitor, slot, attempt) tells.
        assert sorted(set(sink.taken)) == list(range(60))


async def test_a_batch_that_is_being_taken_at_the_end_is_not_sent_twice(tmp_path: Path) -> None:
    sink, spool = Sink(), Spool(tmp_path / "spool", 1 << 20)
    takes = sink.send

    async def slow(checks: Sequence[Check]) -> None:
        await takes(checks)
        await asyncio.sleep(0.1)

    sink.send = slow  # type: ignore[method-assign]
    async with Running(spool, sink) as delivery:
        delivery.add(check(1))
        await sink.has(1)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if task.get_coro().__qualname__ == "Delivery.send":  # type: ignore[union-attr]
                task.cancel()
        await delivery.finish(resume_us=1)

    assert sink.taken == [1]
    spool.close()


def test_a_full_spool_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    before = dropped("full")
    spool = Spool(tmp_path / "spool", 65_536)
    for first in range(0, 1000, 10):
        spool.append([check(first + one) for one in range(10)], resume_us=first)

    oldest = spool.oldest()
    assert oldest is not None
    assert spool.stored_bytes <= 65_536
    assert dropped("full") - before == oldest.checks[0].slot_us > 0
    spool.close()


def test_a_spool_has_one_owner(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1 << 20)

    with pytest.raises(SpoolInUse, match="in use by another prober"):
        Spool(tmp_path / "spool", 1 << 20)

    spool.close()
    Spool(tmp_path / "spool", 1 << 20).close()


def test_a_damaged_spool_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"no database" * 1000)

    spool = Spool(path, 1 << 20)
    spool.append([check(1)], resume_us=1)
    spool.close()

    assert [one.read_bytes()[:11] for one in tmp_path.glob("spool.damaged-*")] == [b"no database"]


def test_results_that_cannot_be_read_do_not_hold_up_others(tmp_path: Path) -> None:
    before, path = dropped("unreadable"), tmp_path / "spool"
    spool = Spool(path, 1 << 20)
    spool.append([check(1), check(2)], resume_us=1)
    spool.append([check(3)], resume_us=1)
    spool.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE batches SET checks = '[{}]' WHERE number = 1")
    connection.close()

    spool = Spool(path, 1 << 20)
    oldest = spool.oldest()
    spool.close()

    assert oldest is not None
    assert [one.slot_us for one in oldest.checks] == [3]
    assert dropped("unreadable") - before == 2


async def test_a_disk_that_takes_nothing_does_not_stop_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, spool = Sink(), Spool(tmp_path / "spool", 1 << 20)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(spool, "append", full)
    async with Running(spool, sink) as delivery:
        sink.error = OSError("away")
        for number in range(30):
            delivery.add(check(number))
        await eventually(lambda: sink.calls >= 2)
        sink.error = None
        await sink.has(30)

    assert sorted(sink.taken) == list(range(30))
    spool.close()
