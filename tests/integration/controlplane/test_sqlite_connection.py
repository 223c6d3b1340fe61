"""The control plane's connections to SQLite: a statement at a time, and nothing left open."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from controlplane import sqlite_connection
from controlplane.database import Database
from controlplane.sqlite_connection import FIRST_ROWS

NUMBERS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most)"
    " SELECT i FROM n"
)


@pytest.fixture
async def database(tmp_path: Path):
    found = Database(f"sqlite:///{tmp_path}/control.db")
    async with found.session() as session:
        await session.execute(text("CREATE TABLE things (name TEXT UNIQUE)"))
    yield found
    await found.close()


@pytest.mark.parametrize("most", [1, FIRST_ROWS - 1, FIRST_ROWS, FIRST_ROWS + 1, 3 * FIRST_ROWS])
async def test_all_rows_come_in_order(database: Database, most: int) -> None:
    async with database.reading() as session:
        rows = await session.scalars(NUMBERS, {"most": most})

        assert list(rows) == list(range(1, most + 1))


async def test_rows_that_are_streamed_come_in_order(database: Database) -> None:
    async with database.reading() as session:
        streamed = await session.stream_scalars(
            NUMBERS, {"most": 2 * FIRST_ROWS + 7}, execution_options={"yield_per": 300}
        )

        assert [one async for one in streamed] == list(range(1, 2 * FIRST_ROWS + 8))


async def test_who_leaves_rows_unread_holds_up_nobody(database: Database) -> None:
    async with database.reading() as session:
        streamed = await session.stream_scalars(NUMBERS, {"most": 5 * FIRST_ROWS})
        assert await anext(aiter(streamed)) == 1

    async with database.session() as session:
        await session.execute(text("DROP TABLE things"))


async def test_a_statement_that_fails_leaves_the_connection_usable(database: Database) -> None:
    add = text("INSERT INTO things VALUES (:name)")
    with pytest.raises(IntegrityError):
        async with database.session() as session:
            await session.execute(add, [{"name": "a"}, {"name": "a"}])

    async with database.session() as session:
        added = await session.execute(add, {"name": "a"})

        assert added.rowcount == 1
        assert await session.scalar(text("SELECT count(*) FROM things")) == 1


async def test_after_a_number_that_is_too_large_there_is_nothing_to_roll_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await sqlite_connection.connect(str(tmp_path / "one.db"))
    with pytest.raises(OverflowError):
        await connection.cursor().execute("SELECT ?", (2**70,))

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_execute", None)
        await connection.rollback()

    await connection.close()


async def test_what_is_given_up_on_its_way_is_rolled_back(database: Database) -> None:
    slow = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
                " INSERT INTO things SELECT i FROM n")  # fmt: skip

    async def add() -> None:
        async with database.session() as session:
            await session.execute(text("INSERT INTO things VALUES ('first')"))
            await session.execute(slow)

    for turns in range(0, 60, 3):
        adding = asyncio.create_task(add())
        for _ in range(turns):
            await asyncio.sleep(0)
        adding.cancel()
        await asyncio.wait({adding})

    async with database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM things")) == 0
