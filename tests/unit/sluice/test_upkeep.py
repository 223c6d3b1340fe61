import asyncio

import pytest
from structlog.testing import capture_logs

from clickhouse.client import WarehouseUnavailable
from sluice.upkeep import repeat


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
