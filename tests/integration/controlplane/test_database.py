import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from controlplane.database import Database, newest_revision
from controlplane.failures import Unavailable
from controlplane.models import Project
from controlplane.sessions import purge_expired_sessions

WRITE_PROJECTS = """
import asyncio, sys
from controlplane.database import Database
from controlplane.models import Project
async def main():
    database = Database(sys.argv[1])
    await database.migrate()
    for number in range(20):
        async with database.session() as session:
            session.add(Project(name=f"cli {number}"))
    await database.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_of_another_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SQLite file or PostgreSQL"):
        Database(url)


async def test_an_error_inside_a_session_undoes_what_it_wrote(database: Database) -> None:
    async def write_half() -> None:
        async with database.session() as session:
            session.add(Project(name="half"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_half()

    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM project")) == 0


async def test_parameters_stay_out_of_error_texts(database: Database) -> None:
    with pytest.raises(Exception, match="parameters hidden") as caught:
        async with database.session() as session:
            await session.execute(text("SELECT nothing FROM nowhere WHERE x = :x"), {"x": "hush"})

    assert "hush" not in str(caught.value)


async def test_concurrent_writers_that_read_first_all_succeed(database: Database) -> None:
    async def rename(number: int) -> None:
        async with database.session() as session:
            project = await session.get(Project, project_id)
            assert project is not None
            project.name = f"name {number}"

    async with database.session() as session:
        project = Project(name="first")
        session.add(project)
        await session.flush()
        project_id = project.id

    await asyncio.gather(*(rename(number) for number in range(12)))


async def test_an_up_to_date_database_migrates_without_alembic(url: str) -> None:
    first = Database(url)
    await first.migrate()
    await first.close()

    script = (
        "import asyncio, sys\n"
        "from controlplane.database import Database\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    await database.migrate()\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules)\n"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, url],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"


async def test_two_that_migrate_at_once_do_it_once(url: str) -> None:
    both = [Database(url), Database(url)]

    await asyncio.gather(*(database.migrate() for database in both))

    async with both[0].reading() as session:
        stored = (await session.scalars(text("SELECT version_num FROM alembic_version"))).all()
    assert stored == [newest_revision()]
    for database in both:
        await database.close()


class TestSQLite:
    @pytest.fixture
    def file(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'control.db'}"

    @pytest.mark.alone
    async def test_a_fresh_file_migrates_fast_and_a_second_start_costs_little(
        self, file: str
    ) -> None:
        took_s = []
        for _ in range(2):
            database = Database(file)
            started = time.perf_counter()
            await database.migrate()
            took_s.append(time.perf_counter() - started)
            await database.close()

        assert took_s[0] < 1.0
        assert took_s[1] < 0.1

    async def test_every_connection_is_durable_shared_and_checks_its_references(
        self, file: str
    ) -> None:
        database = Database(file)

        async with database.reading() as session:
            answers = {
                pragma: await session.scalar(text(f"PRAGMA {pragma}"))
                for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }

        assert answers == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 10_000,
        }
        await database.close()

    async def test_a_reader_does_not_wait_for_a_writer(self, file: str) -> None:
        server, cli = Database(file), Database(file)
        await server.migrate()

        async with server.session() as writing:
            writing.add(Project(name="unseen"))
            await writing.flush()
            async with cli.reading() as session:
                seen = await session.scalar(text("SELECT count(*) FROM project"))

        assert seen == 0
        await server.close()
        await cli.close()

    async def test_writers_of_one_process_take_turns_in_their_order(self, file: str) -> None:
        """By themselves they look again at random moments, and some wait until they give up."""
        server = Database(file)
        await server.migrate()
        written: list[int] = []

        async def write(number: int) -> None:
            async with server.session() as session:
                session.add(Project(name=f"number {number}"))
                await session.flush()
                written.append(number)

        await asyncio.gather(*(write(number) for number in range(30)))

        assert written == list(range(30))
        await server.close()

    async def test_another_process_writes_while_this_one_reads_and_writes(self, file: str) -> None:
        server = Database(file)
        await server.migrate()
        cli = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-c", WRITE_PROJECTS, file
        )

        for number in range(20):
            async with server.session() as session:
                session.add(Project(name=f"server {number}"))
        exit_code = await cli.wait()

        async with server.reading() as session:
            seen = await session.scalar(text("SELECT count(*) FROM project"))
        assert (exit_code, seen) == (0, 40)
        await server.close()

    async def test_a_folder_that_is_missing_reads_as_unavailable(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'missing' / 'control.db'}")

        with pytest.raises(Unavailable):
            await purge_expired_sessions(database)
        await database.close()
