"""What ends a process, so that a new one takes its place."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from clickhouse.client import Warehouse
from eventlog.sqlite_log import SqliteLog
from processors.sink import Sink
from schemas.settings import Settings
from sluice.node import add_log
from sluice.process import Process
from sluice.stores import add_store
from sluice.stream import start_stream


class Stream:
    """As much of a Faust app as is asked."""

    crash_reason = RuntimeError("the agent fell over")

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    async def start(self) -> None:
        """Runs until it is stopped."""

    async def wait_until_stopped(self) -> None:
        await self.stopped.wait()


class Writers:
    """As much of a sink as is asked."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(Settings(data_dir=str(tmp_path)))


async def test_a_stream_that_crashes_ends_the_process(process: Process) -> None:
    stream = Stream()
    await start_stream(process, stream, cast("Sink", Writers()))
    waiting = asyncio.create_task(process.wait_broken())
    await asyncio.sleep(0)
    assert not waiting.done()

    stream.stopped.set()

    assert "the agent fell over" in await waiting


async def test_a_writer_that_meets_a_bug_ends_the_process(process: Process) -> None:
    writers = Writers()
    await start_stream(process, Stream(), cast("Sink", writers))
    waiting = asyncio.create_task(process.wait_broken())

    writers.failed.set_result(ValueError("a bug"))

    assert "a bug" in await waiting


async def test_a_log_that_meets_damage_ends_the_process(process: Process) -> None:
    log = SqliteLog(process.paths.log)
    add_log(process, log)
    waiting = asyncio.create_task(process.wait_broken())

    log.damaged.set_result(None)

    assert "damaged" in await waiting
    assert await process.stop(0)


async def test_a_store_that_loses_a_block_ends_the_process_whoever_stored_it(
    process: Process, tmp_path: Path
) -> None:
    warehouse = Warehouse(f"chdb://{tmp_path}")  # opens nothing before it is asked
    add_store(process, warehouse)
    waiting = asyncio.create_task(process.wait_broken())

    warehouse.aside.broken.set_result("a token without rows")

    assert "a token without rows" in await waiting
    assert await process.stop(0)


async def test_who_stops_waiting_for_a_fault_does_not_end_it_for_others(process: Process) -> None:
    log = SqliteLog(process.paths.log)
    add_log(process, log)
    waiting = asyncio.create_task(process.wait_broken())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert await process.stop(0)
    assert not log.damaged.cancelled()


async def test_a_process_of_which_nothing_can_break_runs_on(process: Process) -> None:
    waiting = asyncio.create_task(process.wait_broken())
    for _ in range(5):
        await asyncio.sleep(0)

    assert not waiting.done()
    waiting.cancel()
