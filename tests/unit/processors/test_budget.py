import asyncio

import pytest

from processors.budget import Budget


async def test_what_is_asked_beyond_the_bound_waits_for_its_turn() -> None:
    budget = Budget(10)
    taken = await budget.take(8)

    waiting = asyncio.create_task(budget.take(5))
    behind = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.give_back(taken)

    assert await waiting == 5
    assert await behind == 1
    assert budget.used() == 6


async def test_a_block_larger_than_the_bound_takes_all_of_it_and_is_alone() -> None:
    budget = Budget(10)
    small = await budget.take(1)

    large = asyncio.create_task(budget.take(1_000))
    await asyncio.sleep(0)
    assert not large.done()
    budget.give_back(small)

    assert await large == 10
    assert budget.used() == 10


async def test_who_gives_up_waiting_takes_nothing_and_lets_the_next_one_ask() -> None:
    budget = Budget(10)
    taken = await budget.take(10)
    gives_up = asyncio.create_task(budget.take(10))
    stays = asyncio.create_task(budget.take(4))
    await asyncio.sleep(0)

    gives_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gives_up
    budget.give_back(taken)

    assert await stays == 4
    assert budget.used() == 4
