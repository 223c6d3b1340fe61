"""The PostgreSQL of the tests is a real one, which keeps its rows when it is killed."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
from asyncpg.exceptions import ConnectionDoesNotExistError

from tests.components.postgres import Postgres

pytestmark = pytest.mark.slow

BUSY = "DO 'BEGIN FOR i IN 1..2000000000 LOOP END LOOP; END'"


async def run(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.mark.parametrize("end", [Postgres.kill, Postgres.stop])
async def test_a_server_that_went_down_comes_back_on_its_port_with_its_rows(
    own_postgres: Postgres, end: Callable[[Postgres], None]
) -> None:
    url = own_postgres.new_database()
    await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
    idle = await asyncpg.connect(url)
    end(own_postgres)
    with pytest.raises(ConnectionRefusedError):
        await run(url, "SELECT 1")

    own_postgres.start()

    assert await run(url, "SELECT number FROM kept") == 7
    idle.terminate()


async def test_a_kill_ends_a_session_that_is_busy_too(own_postgres: Postgres) -> None:
    url = own_postgres.new_database()
    busy = asyncio.create_task(run(url, BUSY))
    while not await run(url, f"SELECT count(*) FROM pg_stat_activity WHERE query = $${BUSY}$$"):
        pass

    own_postgres.kill()
    own_postgres.start()

    with pytest.raises(ConnectionDoesNotExistError):
        await busy
    assert await run(url, "SELECT 1") == 1


async def test_databases_of_two_tests_do_not_mix(own_postgres: Postgres) -> None:
    first, second = own_postgres.new_database(), own_postgres.new_database()

    await run(first, "CREATE TABLE mine AS SELECT 1")

    assert await run(second, "SELECT to_regclass('mine')") is None
