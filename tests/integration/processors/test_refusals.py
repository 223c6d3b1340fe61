"""What a store refuses: only rows at fault become dead letters, and nothing is stored twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from clickhouse.failures import RowsRefused, StatementRefused, WarehouseError, WarehouseUnavailable
from eventlog.sqlite_log import SqliteLog
from processors.block_rows import REFUSALS_BEFORE_PARTS
from schemas.checkpoints import Intent
from tests.integration.processors.sinks import (
    LIMITS,
    PARTITION,
    Store,
    Stream,
    append,
    dead_letters,
    rows_in,
)

TRIES = 2 * REFUSALS_BEFORE_PARTS


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", partitions=1)
    yield opened
    opened.close()


class Failing(Store):
    """Says no to inserts into `traces` for as long as it is told."""

    def __init__(self, error: WarehouseError) -> None:
        super().__init__()
        self.error = error
        self.failures = TRIES
        self.tried: list[str] = []

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        if table == "traces" and self.failures:
            self.tried.append(token)
            await self.fail(table, arrow_stream, token)
        await super().insert(table, arrow_stream, token)

    async def fail(self, table: str, arrow_stream: bytes, token: str) -> None:
        self.failures -= 1
        raise self.error


class FailingView(Failing):
    """Takes the rows and says no all the same: a view on the table has failed."""

    def __init__(self, texts: set[str] | None = None) -> None:
        super().__init__(RowsRefused("a view cannot take them"))
        self.bad = texts

    async def fail(self, table: str, arrow_stream: bytes, token: str) -> None:
        rows = rows_in(arrow_stream)
        await Store.insert(self, table, arrow_stream, token)
        if self.bad is None or self.bad & {row.text for row in rows}:
            self.failures -= 1
            raise self.error


async def test_rows_that_are_in_while_a_view_refuses_them_never_go_in_by_parts(
    log: SqliteLog,
) -> None:
    store = FailingView()
    stream = Stream(log, store)
    await append(log, "a", "b", "c")

    await stream.feed()

    assert len(set(store.tried)) == 1
    assert store.texts() == ["a", "b", "c"]
    assert store.outcomes() == {"received": 3, "accepted": 3}
    assert dead_letters(log) == []
    await stream.stop()


async def test_a_part_that_is_in_while_a_view_refuses_it_never_goes_in_row_by_row(
    log: SqliteLog,
) -> None:
    store = FailingView({"bad"})
    store.poison = {"x150"}
    stream = Stream(log, store)
    await append(log, *(f"x{number}" for number in range(250)), "bad")
    # So that the first tries stop before the table, where the engine parses what it is sent.
    await log.declare(PARTITION, Intent(0, 0, by_parts=True))

    await stream.feed()

    assert len(store.texts()) == len(set(store.texts())) == 250
    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"x150"]
    assert store.outcomes() == {"received": 251, "accepted": 250, "dead": 1}
    await stream.stop()


@pytest.mark.parametrize("items", [["a"], ["a", "b", "c"]])
@pytest.mark.parametrize("kind", [WarehouseUnavailable, StatementRefused])
async def test_what_does_not_speak_of_the_rows_parks_none(
    log: SqliteLog, kind: type[WarehouseError], items: list[str]
) -> None:
    store = Failing(kind("Code: 75. Cannot write to file: No space left on device"))
    stream = Stream(log, store)
    await append(log, *items)

    await stream.feed()

    assert len(set(store.tried)) == 1
    assert store.texts() == items
    assert dead_letters(log) == []
    await stream.stop()


async def test_rows_at_fault_that_are_alone_in_their_block_hold_nobody_up(log: SqliteLog) -> None:
    store = Store()
    store.poison = {"a", "b"}
    stream = Stream(log, store, replace(LIMITS, max_records=1))
    await append(log, "a", "b")
    await append(log, "c")

    await stream.feed()

    assert store.texts() == ["c"]
    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"a", b"b"]
    assert store.outcomes() == {"received": 3, "accepted": 1, "dead": 2}
    await stream.stop()


async def test_rows_whose_token_the_store_took_without_them_are_stored_beside_it(
    log: SqliteLog,
) -> None:
    """A server that was killed between token and rows; this block's answer never came."""

    class Killed(Failing):
        async def fail(self, table: str, arrow_stream: bytes, token: str) -> None:
            self.tokens[table, token] = rows_in(arrow_stream)[:1]
            await super().fail(table, arrow_stream, token)

    store = Killed(WarehouseUnavailable("connection closed"))
    store.failures = 1
    stream = Stream(log, store)
    await append(log, "a", "b", "c")

    await stream.feed()

    assert store.texts() == ["a", "b", "c"]
    assert store.outcomes() == {"received": 3, "accepted": 3}
    await stream.stop()


async def test_rows_that_an_earlier_life_lost_so_are_stored_too(log: SqliteLog) -> None:
    store = Store()
    await append(log, "a", "b")
    await log.declare(PARTITION, Intent(0, 0, epoch="earlier"))
    store.tokens["traces", f"earlier/{PARTITION.topic}/0/0-0"] = []

    stream = Stream(log, store)
    await stream.feed()

    assert store.texts() == ["a", "b"]
    await stream.stop()


async def test_a_block_that_went_in_at_once_is_not_read_back(log: SqliteLog) -> None:
    class Asked(Store):
        asked = 0

        async def stored_at(self, table, keys):  # type: ignore[no-untyped-def]
            self.asked += 1
            return await super().stored_at(table, keys)

    store = Asked()
    stream = Stream(log, store)
    await append(log, "a", "b")

    await stream.feed()

    assert store.texts() == ["a", "b"]
    assert store.asked == 0
    await stream.stop()
