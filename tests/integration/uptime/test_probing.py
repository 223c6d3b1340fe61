"""The prober of a process begins anew when a fault has ended it."""

import asyncio
from pathlib import Path

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import insert_project
from controlplane.uptime.monitors import add_monitor
from controlplane.uptime.probed import targets_of_only_prober
from eventlog.sqlite_log import SqliteLog
from probes.following import Following
from probes.settings import ProberSettings
from probes.spool import Spool, SpoolInUse
from schemas.kinds import CHECK
from schemas.projects import ProjectId
from sluice.probing import ONLY, ControlPlane, ToLog

FORM = {"name": "Shop", "type": "http", "url": "http://127.0.0.1:1/", "interval_seconds": 1}


async def test_what_ended_the_prober_is_said_and_it_begins_anew(
    migrated_url: str, tmp_path: Path
) -> None:
    vault = Vault("a secret of thirty-two characters")
    database = Database(migrated_url)
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        project_id = ProjectId(str(project.id))
    await add_monitor(database, vault, project_id, dict(FORM))
    settings = ProberSettings(region="default", spool_path=tmp_path / "checks.db")
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    source = ControlPlane(database, vault, targets_of_only_prober)
    probing = Following(source, ToLog(log).send, settings, holder=ONLY)

    another = Spool(settings.spool_path, settings.spool_max_bytes)
    with pytest.raises(SpoolInUse):
        await follow_until_told(probing, log)
    another.close()
    await follow_until_told(probing, log)

    await probing.stop()
    await database.close()
    log.close()


async def follow_until_told(probing: Following, log: SqliteLog) -> None:
    """Follows the monitors until the log holds what was seen of them."""
    async with asyncio.timeout(20):
        while not await waiting(log):
            await probing.follow()
            # The prober works beside us and tells nobody.
            await asyncio.sleep(0.02)


async def waiting(log: SqliteLog) -> int:
    """How many records of checks there are."""
    places = await log.places()
    return sum(state.waiting for one, state in places.items() if one.topic == CHECK.topic)
