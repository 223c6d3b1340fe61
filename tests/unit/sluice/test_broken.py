import asyncio
from typing import Any

from sluice.node import broken


class Stream:
    """As much of a Faust app as is asked."""

    crash_reason = RuntimeError("the agent fell over")

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    async def wait_until_stopped(self) -> None:
        await self.stopped.wait()


def never() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()


async def test_a_stream_that_crashes_ends_the_process() -> None:
    stream = Stream()
    waiting = asyncio.create_task(broken(stream, never(), never()))
    await asyncio.sleep(0)
    assert not waiting.done()

    stream.stopped.set()

    assert "the agent fell over" in await waiting


async def test_a_writer_that_meets_a_bug_ends_the_process() -> None:
    failed = never()
    waiting = asyncio.create_task(broken(Stream(), failed, never()))

    failed.set_result(ValueError("a bug"))

    assert "a bug" in await waiting


async def test_a_log_that_meets_damage_ends_the_process() -> None:
    damaged = never()
    waiting = asyncio.create_task(broken(Stream(), never(), damaged))

    damaged.set_result(None)

    assert "damaged" in await waiting
