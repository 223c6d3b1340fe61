"""Inserts that fail: what the alarm says, and that a store which takes nothing costs no event."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from clickhouse.failures import AccessRefused
from eventlog.sqlite_log import SqliteLog
from schemas.metrics import REGISTRY
from tests.integration.eventlog.logs import until
from tests.integration.processors.sinks import TIMEOUT_S, Store, Stream, append, dead_letters

TRIES = 10


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db")
    yield opened
    opened.close()


def failing_s() -> float | None:
    labels = {"table": "traces", "partition": "0"}
    return REGISTRY.get_sample_value("sluice_insert_failing_seconds", labels)


def damaged_records() -> float:
    return REGISTRY.get_sample_value("sluice_items_dead_total", {"kind": "unknown"}) or 0.0


async def feed_a_store_that_is_down(
    log: SqliteLog, store: Store
) -> tuple[Stream, "asyncio.Task[None]"]:
    store.down = 1_000_000
    stream = Stream(log, store)
    await append(log, "a")
    feeding = asyncio.create_task(stream.feed())
    await until(lambda: store.down < 1_000_000 - TRIES)
    return stream, feeding


async def test_the_alarm_counts_from_the_first_failure_and_ends_with_the_block(
    log: SqliteLog,
) -> None:
    store = Store()
    stream, feeding = await feed_a_store_that_is_down(log, store)

    first, tries = failing_s(), store.down
    await until(lambda: store.down < tries - TRIES)
    second = failing_s()
    store.down = 0
    await feeding

    assert first is not None
    assert second is not None
    assert 0 < first < second < TIMEOUT_S
    assert failing_s() == 0
    await stream.stop()


async def test_the_alarm_goes_with_the_partition(log: SqliteLog) -> None:
    """Else this process would ring for ever for what another one has stored by now."""
    store = Store()
    stream, feeding = await feed_a_store_that_is_down(log, store)
    assert failing_s()

    await stream.stop()

    assert failing_s() is None
    feeding.cancel()


async def test_a_damaged_record_raises_the_alarm_of_dead_letters(log: SqliteLog) -> None:
    stream = Stream(log, Store())
    await append(log, "a")
    with sqlite3.connect(log.path) as connection:
        connection.execute("UPDATE records SET value = 'x'")
    before = damaged_records()

    await stream.feed()

    assert len(dead_letters(log)) == 1
    assert damaged_records() == before + 1
    await stream.stop()


async def test_events_wait_for_a_store_that_does_not_let_us_in(log: SqliteLog) -> None:
    """A changed password says nothing about the rows: a refusal of these would park them."""

    class Shut(Store):
        async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
            if self.down:
                self.down -= 1
                raise AccessRefused("Code: 516. Authentication failed")
            await super().insert(table, arrow_stream, token)

    store = Shut()
    store.down = TRIES
    stream = Stream(log, store)
    await append(log, "a")

    await stream.feed()

    assert store.texts() == ["a"]
    assert dead_letters(log) == []
    await stream.stop()
