"""What does not end is left after its time, and what ends badly keeps nobody."""

import asyncio

import pytest

from sluice.ending import ends_within, to_its_end


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


async def test_what_may_not_be_broken_off_ends_before_the_cancellation_counts() -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def open_something() -> None:
        await may_end.wait()
        ended.set()

    start = asyncio.create_task(to_its_end(open_something()))
    await asyncio.sleep(0)
    start.cancel()
    await asyncio.sleep(0)
    was_done = start.done()
    may_end.set()

    with pytest.raises(asyncio.CancelledError):
        await start
    assert not was_done
    assert ended.is_set()


async def test_what_fails_there_fails_here() -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await to_its_end(fail())
