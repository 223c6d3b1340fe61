import asyncio

import pytest
from structlog.testing import capture_logs

from clickhouse.failures import WarehouseUnavailable
from sluice.upkeep import repeat, while_leading


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


async def test_a_worker_does_the_work_of_one_as_soon_as_it_leads_and_then_once_an_hour() -> None:
    leads, asked, looked = False, asyncio.Event(), asyncio.Event()
    looks = 0

    def is_leader() -> bool:
        asked.set()
        return leads

    async def look() -> None:
        nonlocal looks
        looks += 1
        looked.set()

    task = asyncio.create_task(repeat(0.01, while_leading(is_leader, look, every_s=3600)))
    async with asyncio.timeout(10):
        await asked.wait()
        assert not looks
        leads = True
        await looked.wait()
        for _ in range(5):
            asked.clear()
            await asked.wait()
    task.cancel()

    assert looks == 1
