"""PostgreSQL when it fails, keeps silent or restarts."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from sqlalchemy import text

from controlplane.database import _MIGRATION_LOCK, Database
from controlplane.failures import ControlPlaneError, Unavailable
from controlplane.progress import PartitionProgress
from schemas.checkpoints import Intent
from tests.components.containers import ContainerPostgres
from tests.components.postgres import Postgres
from tests.integration.controlplane.proxy import BOUND_S, Proxy, proxied

LOG, TOPIC = "cluster-1/topic-1", "raw.traces"
BLOCK = Intent(0, 9, by_parts=True, epoch="e1")

HOLD_A_LOCK = """
import asyncio, sys, time
from sqlalchemy import text
from controlplane.database import Database
async def main():
    database = Database(sys.argv[1], timeout_s=1.0)
    async with database.session() as session:
        await session.execute(text("UPDATE partition_progress SET owner_epoch = 99"))
        print("held", flush=True)
        time.sleep(600)  # the whole process is paused
asyncio.run(main())
"""


class Behind(NamedTuple):
    """A worker's view of a database, through a proxy."""

    proxy: Proxy
    direct: Database
    database: Database
    progress: PartitionProgress


@pytest.fixture
def url(postgres: Postgres | ContainerPostgres) -> str:
    return postgres.new_database()


@pytest.fixture
async def behind(url: str) -> AsyncIterator[Behind]:
    direct = Database(url)
    await direct.migrate()
    async with proxied(url) as (proxy, through):
        database = Database(through, timeout_s=1.0)
        progress = PartitionProgress(database)
        await progress.claim(LOG, TOPIC, 0, "a")
        yield Behind(proxy, direct, database, progress)
        await database.close()
    await direct.close()


async def configure(url: str, setting: str) -> None:
    """Changes what new connections to a database start with."""
    admin = Database(url)
    async with admin.session() as session:
        name = await session.scalar(text("SELECT current_database()"))
        await session.execute(text(f"ALTER DATABASE {name} SET {setting}"))
    await admin.close()


async def declared(progress: PartitionProgress) -> None:
    """Declares a block as a worker does: again and again while the database has a bad moment."""
    async with asyncio.timeout(BOUND_S):
        while True:
            try:
                return await progress.declare(LOG, TOPIC, 0, 1, BLOCK)
            except Unavailable:
                await asyncio.sleep(0.05)


async def pending_of(database: Database) -> Intent | None:
    return (await PartitionProgress(database).read(LOG, TOPIC))[0].progress.pending


async def is_waiting_for_a_lock(database: Database) -> None:
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(BOUND_S):
        while True:
            async with database.reading() as session:
                if await session.scalar(query):
                    return
            await asyncio.sleep(0.02)


class TestBadMoments:
    async def test_a_connection_that_breaks_in_a_statement_is_a_bad_moment(
        self, behind: Behind
    ) -> None:
        async with behind.direct.session() as session:
            await session.execute(text("SELECT owner FROM partition_progress FOR UPDATE"))
            call = asyncio.create_task(behind.progress.declare(LOG, TOPIC, 0, 1, BLOCK))
            await is_waiting_for_a_lock(behind.direct)
            behind.proxy.cut()
            with pytest.raises(Unavailable):
                await call

        await declared(behind.progress)
        assert await pending_of(behind.direct) == BLOCK

    async def test_a_pool_of_broken_connections_repairs_itself(self, behind: Behind) -> None:
        for _ in range(3):
            await behind.progress.check(LOG, TOPIC, 0, 1)
            behind.proxy.cut()

            await behind.progress.check(LOG, TOPIC, 0, 1)

    async def test_an_answer_that_is_lost_may_have_been_a_success(self, behind: Behind) -> None:
        behind.proxy.cut_after(b"COMMIT")

        with pytest.raises(Unavailable):
            await behind.progress.declare(LOG, TOPIC, 0, 1, BLOCK)

        assert await pending_of(behind.direct) == BLOCK
        await behind.progress.declare(LOG, TOPIC, 0, 1, BLOCK)
        assert await pending_of(behind.direct) == BLOCK

    async def test_a_server_that_accepts_and_never_answers_holds_nobody_for_long(
        self, behind: Behind
    ) -> None:
        behind.proxy.stall()

        for _ in range(2):  # on a connection that was open, and on a new one
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await behind.progress.declare(LOG, TOPIC, 0, 1, BLOCK)
            assert time.monotonic() - started < BOUND_S

        behind.proxy.resume()
        await declared(behind.progress)

    async def test_many_that_met_a_silent_server_leave_the_pool_usable(
        self, behind: Behind
    ) -> None:
        behind.proxy.stall()
        calls = (behind.progress.check(LOG, TOPIC, 0, 1) for _ in range(40))
        refused = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), BOUND_S)
        assert {type(refusal) for refusal in refused} == {Unavailable}

        behind.proxy.resume()
        await declared(behind.progress)

    async def test_a_deadlock_is_a_bad_moment(self, behind: Behind) -> None:
        await behind.progress.claim(LOG, TOPIC, 1, "a")
        lock = text("UPDATE partition_progress SET owner = 'x' WHERE partition = :number")
        both_hold_one = asyncio.Barrier(2)

        async def cross(first: int, second: int) -> None:
            async with behind.direct.session() as session:
                await session.execute(lock, {"number": first})
                await both_hold_one.wait()
                await session.execute(lock, {"number": second})

        ends = await asyncio.gather(cross(0, 1), cross(1, 0), return_exceptions=True)

        assert [type(end) for end in ends if end is not None] == [Unavailable]

    async def test_a_wrong_statement_is_none(self, behind: Behind) -> None:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the driver's own
            async with behind.direct.reading() as session:
                await session.execute(text("SELECT nothing FROM nowhere"))

        assert not isinstance(caught.value, ControlPlaneError)

    async def test_a_paused_process_holds_a_lock_for_a_bounded_time(
        self, url: str, behind: Behind
    ) -> None:
        paused = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOLD_A_LOCK, url, stdout=subprocess.PIPE
        )
        try:
            assert paused.stdout is not None
            assert await paused.stdout.readline() == b"held\n"
            await declared(behind.progress)
            assert paused.returncode is None
        finally:
            paused.kill()
            await paused.wait()

        assert await pending_of(behind.direct) == BLOCK

    async def test_a_database_that_does_not_exist_is_told_with_its_setting(self, url: str) -> None:
        database = Database(f"{url}_of_nobody")
        with pytest.raises(Unavailable, match="does not let us in.*SLUICE_DATABASE_URL"):
            await database.ping()
        await database.close()

    async def test_a_server_that_is_set_to_serialize_refuses_no_claim(self, url: str) -> None:
        await configure(url, "default_transaction_isolation = serializable")
        database = Database(url)
        await database.migrate()
        progress = PartitionProgress(database)

        claims = await asyncio.gather(*(progress.claim(LOG, TOPIC, 0, "a") for _ in range(20)))

        assert sorted(claim.epoch for claim in claims) == list(range(1, 21))
        await database.close()

    async def test_a_migration_that_another_holds_up_is_waited_for_no_longer_than_a_bound(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("controlplane.database._MIGRATION_TIMEOUT_S", 1)
        first, second = Database(url), Database(url)

        async with first.session() as session:
            await session.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK}
            )
            with pytest.raises(Unavailable):
                await second.migrate()

        await second.migrate()
        for database in (first, second):
            await database.close()


class TestRestarts:
    async def test_what_was_answered_outlasts_a_kill_of_the_server(
        self, own_postgres: Postgres
    ) -> None:
        url = own_postgres.new_database()
        # A server that is set to forget: what is answered here must be on disk all the same.
        await configure(url, "synchronous_commit = off")
        database = Database(url)
        await database.migrate()
        progress = PartitionProgress(database)
        await progress.claim(LOG, TOPIC, 0, "a")
        await progress.declare(LOG, TOPIC, 0, 1, BLOCK)

        own_postgres.kill()
        with pytest.raises(Unavailable):
            await progress.check(LOG, TOPIC, 0, 1)
        own_postgres.start()

        assert (await progress.claim(LOG, TOPIC, 0, "b")).progress.pending == BLOCK
        await database.close()

    async def test_calls_go_on_by_themselves_after_a_restart(self, own_postgres: Postgres) -> None:
        database = Database(own_postgres.new_database())
        await database.migrate()
        progress = PartitionProgress(database)
        writers = [_Writer(progress, partition) for partition in range(8)]
        writing = [asyncio.create_task(writer.run()) for writer in writers]
        for writer in writers:
            await asyncio.wait_for(writer.begun.wait(), BOUND_S)

        await asyncio.to_thread(own_postgres.restart)

        await asyncio.wait_for(asyncio.gather(*writing), BOUND_S)
        found = await progress.read(LOG, TOPIC)
        stored = [found[n].progress.stored_through for n in range(8)]
        assert stored == [writer.stored for writer in writers]
        await database.close()


class _Writer:
    """Completes one offset after another until it has met a bad moment, and got past it."""

    def __init__(self, progress: PartitionProgress, partition: int) -> None:
        self.begun = asyncio.Event()
        self.stored = -1
        self._progress = progress
        self._partition = partition

    async def run(self) -> None:
        await self._progress.claim(LOG, TOPIC, self._partition, "a")
        refused = False
        while not refused or not self.begun.is_set():
            refused = await self._completed(self.stored + 1) or refused
            self.stored += 1
            if self.stored == 5:
                self.begun.set()

    async def _completed(self, through: int) -> bool:
        """Returns whether it was refused for a while."""
        refused = False
        while True:
            try:
                await self._progress.complete(LOG, TOPIC, self._partition, 1, through)
            except Unavailable:
                refused = True
                await asyncio.sleep(0.02)
            else:
                return refused
