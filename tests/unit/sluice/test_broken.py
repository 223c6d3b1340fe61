import asyncio

from sluice.node import broken


class Stream:
    """As much of a Faust app as is asked."""

    crash_reason = RuntimeError("the agent fell over")

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    async def wait_until_stopped(self) -> None:
        await self.stopped.wait()


async def test_a_stream_that_crashes_ends_the_process() -> None:
    stream = Stream()
    waiting = asyncio.create_task(broken(stream, asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)
    assert not waiting.done()

    stream.stopped.set()

    assert "the agent fell over" in await waiting


async def test_a_writer_that_meets_a_bug_ends_the_process() -> None:
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(broken(Stream(), failed))

    failed.set_result(ValueError("a bug"))

    assert "a bug" in await waiting
