"""What does not end is left after its time, and what ends badly keeps nobody."""

import asyncio

from sluice.ending import ends_within


async def test_what_swallows_a_cancellation_is_left() -> None:
    told = asyncio.Event()

    async def stubborn() -> None:
        while not told.is_set():
            try:
                await told.wait()
            except asyncio.CancelledError:
                continue

    assert not await ends_within(stubborn(), 0.01)
    told.set()


async def test_what_ends_in_time_has_ended_whether_well_or_badly() -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    async def cancel() -> None:
        raise asyncio.CancelledError

    assert await ends_within(asyncio.sleep(0), 30)
    assert await ends_within(fail(), 30)
    assert await ends_within(cancel(), 30)
