import asyncio
from datetime import datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from clickhouse.errors import WarehouseUnavailable
from sluice import upkeep
from sluice.upkeep import keep_worker_up, repeat


@pytest.mark.parametrize(
    ("failure", "level"),
    [(WarehouseUnavailable("away"), "warning"), (ZeroDivisionError("a bug"), "error")],
)
async def test_a_round_that_fails_is_heard_of_and_followed_by_the_next(
    failure: Exception, level: str
) -> None:
    rounds = 0
    again = asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise failure
        again.set()

    with capture_logs() as lines:
        task = asyncio.create_task(repeat(0, work))
        await asyncio.wait(
            [task, asyncio.create_task(again.wait())], timeout=10, return_when="FIRST_COMPLETED"
        )
        task.cancel()

    assert rounds >= 2
    assert [line["log_level"] for line in lines] == [level]


class Worker:
    """Becomes the leader some time after its start, as all workers do."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.leads = False
        self.database = self.warehouse = self.settings = None

    def is_leader(self) -> bool:
        self.asked.set()
        return self.leads

    async def measure_lag(self) -> None:
        """Nothing to measure."""


async def test_a_worker_looks_after_retention_as_soon_as_it_leads_and_then_once_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker: Any = Worker()
    looks = 0
    looked = asyncio.Event()

    async def look(node: object, retention: object, now: datetime) -> None:
        nonlocal looks
        looks += 1
        looked.set()

    async def purge(self: object) -> None:
        """Nothing to purge."""

    monkeypatch.setattr(upkeep, "PURGE_EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "retain_shared", look)
    monkeypatch.setattr(upkeep.Purge, "run", purge)
    task = asyncio.create_task(keep_worker_up(worker))
    async with asyncio.timeout(10):
        await worker.asked.wait()
        assert not looks
        worker.leads = True
        await looked.wait()
        for _ in range(5):
            worker.asked.clear()
            await worker.asked.wait()
    task.cancel()

    assert looks == 1
