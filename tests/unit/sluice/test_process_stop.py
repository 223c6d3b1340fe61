"""A process stops to its end, whatever of it does not answer."""

import asyncio
from pathlib import Path

import pytest

from controlplane.database import Database
from controlplane.failures import Unavailable
from eventlog.log import LogUnavailable
from eventlog.sqlite_log import SqliteLog
from schemas.settings import Settings
from sluice.accounts import add_accounts, add_database
from sluice.lock import hold
from sluice.node import add_log
from sluice.patience import at_once
from sluice.process import Process


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """A process with a lock and a log."""
    process = Process(Settings(data_dir=str(tmp_path)))
    process.stack.callback(hold(process.paths.lock).close)
    add_log(process, SqliteLog(process.paths.log))
    return process


async def test_a_control_plane_that_is_away_does_not_keep_the_rest_open(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> int:
        raise Unavailable("the database is away", retry_after_s=1)

    database = Database(process.paths.database_url)
    await add_database(process, database, at_once)
    await add_accounts(process, database)
    monkeypatch.setattr(process.state["keyring"], "flush_last_used", away)

    closed = await process.stop(0)

    assert closed
    hold(process.paths.lock).close()


async def test_a_part_that_would_not_close_is_left_and_the_rest_is_closed(
    process: Process,
) -> None:
    log = process.ready["log"]
    process.close_within("store", asyncio.Event().wait, 0.01)

    closed = await process.stop(0)

    assert not closed
    with pytest.raises(LogUnavailable):
        await log()
    hold(process.paths.lock).close()


async def test_parts_are_closed_in_the_order_in_which_they_need_each_other(
    process: Process,
) -> None:
    log, heard = process.ready["log"], []

    async def close() -> None:
        heard.append(await log())

    process.stack.push_async_callback(close)
    await process.stop(0)

    assert heard == [None]
