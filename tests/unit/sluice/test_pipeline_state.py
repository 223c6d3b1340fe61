"""What `sluice up` says of its log: how many records wait, and since when."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from api.pages.pipeline.standing import Standing
from eventlog.sqlite_log import SqliteLog
from schemas.checkpoints import Intent
from schemas.settings import Settings
from sluice.pipeline_state import add_own_pipeline
from sluice.process import Process
from tests.integration.eventlog.logs import HEAD, append


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db")
    yield opened
    opened.close()


async def standing_of(log: SqliteLog) -> Standing:
    process = Process(Settings(data_dir=str(log.path.parent), retention_days=30))
    add_own_pipeline(process, log)
    found: Standing = await process.state["standing"]()
    await process.stop(0.0)
    return found


async def test_an_empty_log_is_behind_by_nothing(log: SqliteLog) -> None:
    found = await standing_of(log)

    assert (found.lag_s, found.waiting, found.log_bytes) == (0.0, 0, 0)
    assert found.dead_kept == "30 days, or as its project says"
    assert found.spool_bytes is None
    assert found.unknown["spool_bytes"]


async def test_the_oldest_record_that_is_not_stored_says_how_far_it_is_behind(
    log: SqliteLog,
) -> None:
    await append(log, b"stored")
    await log.complete(HEAD, Intent(0, 0))
    await append(log, b"old")
    await append(log, b"new")
    with closing(sqlite3.connect(log.path)) as connection, connection:
        connection.execute(
            "UPDATE records SET appended_at_ms = appended_at_ms - 90000"
            " WHERE key = (SELECT min(key) FROM records)"
        )

    found = await standing_of(log)
    await log.complete(HEAD, Intent(1, 2))
    afterwards = await standing_of(log)

    assert found.waiting == 2
    assert found.lag_s is not None
    assert 90 <= found.lag_s < 150
    assert (afterwards.waiting, afterwards.lag_s) == (0, 0.0)
