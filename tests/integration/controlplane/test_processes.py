"""One PostgreSQL under several processes: their keys, their starts and their secret."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database, newest_revision
from controlplane.failures import Unauthorized
from controlplane.initial import Seed, ensure_initial
from controlplane.key_cache import TTL_S, CacheBounds
from controlplane.keyring import KeyRing
from controlplane.keys import revoke_key
from controlplane.projects import delete_project
from controlplane.sealing import confirm_secret
from schemas.projects import ProjectContext
from schemas.settings import Settings, SettingsError
from sluice.secret import open_vault
from tests.components.containers import ContainerPostgres
from tests.components.postgres import Postgres
from tests.integration.controlplane.proxy import BOUND_S

START = """
import asyncio, sys
from msgspec import structs
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.initial import Seed, ensure_initial
async def main():
    sys.stdin.readline()
    database = Database(sys.argv[1])
    await database.migrate()
    vault = Vault("a secret of the tests, longer than 32 characters")
    admin = {"user_email": "root@example.com", "user_password": "correct horse"}
    seed = Seed("Shop", "pulse_sk_given", **admin)
    initial = await ensure_initial(database, vault, seed)
    print(structs.replace(initial, is_new=False))
    await database.close()
asyncio.run(main())
"""


@pytest.fixture
def url(postgres: Postgres | ContainerPostgres) -> str:
    return postgres.new_database()


class TestKeysOfASlowDatabase:
    async def test_a_key_seen_lately_does_not_wait_and_its_revocation_is_felt_all_the_same(
        self, url: str, vault: Vault
    ) -> None:
        api, edge = Database(url), Database(url)
        await api.migrate()
        await ensure_initial(api, vault, Seed(api_key="pulse_sk_given"))
        clock = [0.0]
        ring = KeyRing(edge, CacheBounds(patience_s=0.05), lambda: clock[0])
        known = await ring.project_of_key("pulse_sk_given")
        clock[0] += TTL_S

        async with api.session() as session:
            await session.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            for _ in range(3):
                assert (
                    await asyncio.wait_for(ring.project_of_key("pulse_sk_given"), BOUND_S) == known
                )
                again = asyncio.create_task(ring.project_of_key("pulse_sk_given"))
                await asyncio.sleep(0)
                assert again.done()  # one wait is enough for a while
                clock[0] += TTL_S
            await session.execute(text("DELETE FROM api_key"))

        with pytest.raises(Unauthorized):
            # The first answer may still be the one of before: that of the last wait.
            await asyncio.wait_for(self._asked_until_refused(ring), BOUND_S)
        for database in (api, edge):
            await database.close()

    async def test_a_key_that_is_forgotten_meanwhile_is_asked_for_again(
        self, url: str, vault: Vault
    ) -> None:
        database, edge = Database(url), Database(url)
        await database.migrate()
        planted = await ensure_initial(database, vault, Seed(api_key="pulse_sk_given"))
        assert planted is not None
        clock = [0.0]
        ring = KeyRing(edge, CacheBounds(patience_s=0.5), lambda: clock[0])
        await ring.project_of_key("pulse_sk_given")
        clock[0] += TTL_S

        async with database.session() as session:
            await session.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            asking = asyncio.create_task(ring.project_of_key("pulse_sk_given"))
            await asyncio.sleep(0)
            ring.forget_project(planted.project_id)
            await session.execute(text("DELETE FROM api_key"))
            await self._asked_again(ring, asking)

        with pytest.raises(Unauthorized):
            await asyncio.wait_for(asking, BOUND_S)
        for each in (database, edge):
            await each.close()

    async def _asked_again(self, ring: KeyRing, asking: "asyncio.Task[ProjectContext]") -> None:
        async with asyncio.timeout(BOUND_S):
            while True:
                if ring._keys._lookups or asking.done():
                    return
                await asyncio.sleep(0.02)

    async def _asked_until_refused(self, ring: KeyRing) -> None:
        while True:
            await ring.project_of_key("pulse_sk_given")
            await asyncio.sleep(0)


class TestSeveralProcesses:
    async def test_processes_that_start_at_once_migrate_and_plant_once(self, url: str) -> None:
        starts = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", START, url),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(4)
        ]

        found = await asyncio.gather(*(process.communicate(b"go\n") for process in starts))

        assert [process.returncode for process in starts] == [0] * 4, found
        assert len({out for out, _ in found}) == 1
        database = Database(url)
        async with database.reading() as session:
            for table in ("project", "account_user", "api_key", "membership", "installation"):
                assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 1
            revisions = await session.scalars(text("SELECT version_num FROM alembic_version"))
            assert revisions.all() == [newest_revision()]
        await database.close()

    @pytest.mark.parametrize("take_away", ["key", "project"])
    async def test_what_one_process_takes_away_another_refuses_after_two_seconds(
        self, url: str, vault: Vault, take_away: str
    ) -> None:
        api, edge = Database(url), Database(url)
        await api.migrate()
        planted = await ensure_initial(api, vault, Seed(api_key="pulse_sk_given"))
        assert planted is not None
        clock = [0.0]
        ring = KeyRing(edge, clock=lambda: clock[0])
        known = await ring.project_of_key("pulse_sk_given")
        assert known.key_id is not None

        if take_away == "key":
            await revoke_key(api, planted.project_id, known.key_id)
        else:
            await delete_project(api, planted.project_id)
        clock[0] += TTL_S

        with pytest.raises(Unauthorized):
            await ring.project_of_key("pulse_sk_given")
        for database in (api, edge):
            await database.close()


class TestSecret:
    async def test_a_machine_that_has_lost_its_secret_or_never_had_it_is_refused(
        self, url: str, tmp_path: Path
    ) -> None:
        database = Database(url)
        await database.migrate()
        await open_vault(Settings(), tmp_path / "first", database)

        with pytest.raises(SettingsError, match="secret.key is missing"):
            await open_vault(Settings(), tmp_path / "second", database)
        with pytest.raises(SettingsError, match="SLUICE_SECRET is not the secret"):
            await open_vault(Settings(secret="y" * 32), tmp_path / "second", database)
        await database.close()

    async def test_of_machines_with_different_secrets_that_start_at_once_one_is_left(
        self, url: str
    ) -> None:
        machines = [Database(url) for _ in range(4)]
        for machine in machines:
            await machine.migrate()

        found = await asyncio.gather(
            *(confirm_secret(machines[n], Vault(str(n) * 32)) for n in range(4)),
            return_exceptions=True,
        )

        assert [type(end) for end in found if end is not None] == [UnsealError] * 3
        for machine in machines:
            await machine.close()
