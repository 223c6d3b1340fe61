"""Deleted projects leave the store behind their last event, whatever their neighbours send."""

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from clickhouse.retention import tables_with_data
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import delete_project, insert_project, list_deleted_projects
from eventlog.dead_letters import DeadLetterBox
from eventlog.log import TopicPartition
from eventlog.records import Chunk, DeadLetter
from eventlog.sqlite_log import SqliteLog
from processors.purge import Purge
from processors.retention import Retention, retain
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from schemas.settings import Settings
from tests.chunks import append_chunks
from tests.integration.queries.rows import encode_traces, make_trace
from tests.integration.store.test_expiry import Counted

HEAD = TopicPartition(TRACES.name, 0)
SETTLE_S = 10.0
MANY = 100


class Clock:
    """The time, as a test sets it."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = Database(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db")
    yield log
    log.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def purge(database: Database, warehouse: Warehouse, log: SqliteLog, clock: Clock) -> Purge:
    return Purge(database, warehouse, log=log, settle_s=SETTLE_S, clock=clock)


async def make_project(database: Database, name: str) -> ProjectId:
    async with database.session() as session:
        vault = Vault("a secret of the tests, longer than 32 characters")
        project, _ = await insert_project(session, vault, name, admin_id=None)
        return ProjectId(str(project.id))


async def send(log: SqliteLog, project_id: ProjectId) -> int:
    chunk = Chunk(project_id, "pulse.trace", 1, [b"{}"])
    return (await append_chunks(log, TRACES.name, {0: chunk}))[0]


def store(warehouse: Warehouse, project_id: ProjectId, offset: int) -> None:
    row = make_trace(project_id, f"t{offset}")
    warehouse.insert_now("traces", encode_traces([row]), f"{project_id} {offset}")


def count(warehouse: Warehouse, project_id: ProjectId) -> int:
    sql = "SELECT count() FROM traces WHERE project_id = {project_id:String}"
    return int(warehouse.query_now(sql, {"project_id": project_id}, {}).rows[0][0])


async def test_a_project_goes_though_its_neighbour_never_stops_sending(
    database: Database, warehouse: Warehouse, log: SqliteLog, clock: Clock, purge: Purge
) -> None:
    doomed, spared = [await make_project(database, name) for name in ("Doomed", "Spared")]
    for project_id in (doomed, spared):
        store(warehouse, project_id, await send(log, project_id))
    await log.complete(HEAD, Intent(0, 1))
    await delete_project(database, doomed)

    await purge.run()
    await send(log, spared)
    clock.now_s += SETTLE_S
    await purge.run()
    last = await send(log, spared)
    await log.complete(HEAD, Intent(2, 2))
    await purge.run()

    assert (await log.progress(HEAD)).stored_through < last
    assert count(warehouse, doomed) == 0
    assert count(warehouse, spared) == 1
    assert await list_deleted_projects(database) == []


async def test_what_a_key_in_memory_let_in_after_the_deletion_goes_too(
    database: Database, warehouse: Warehouse, log: SqliteLog, clock: Clock, purge: Purge
) -> None:
    doomed = await make_project(database, "Doomed")
    await delete_project(database, doomed)

    await purge.run()
    late = await send(log, doomed)
    clock.now_s += SETTLE_S
    await purge.run()
    waiting = await list_deleted_projects(database)
    store(warehouse, doomed, late)
    await log.complete(HEAD, Intent(late, late))
    await purge.run()

    assert waiting == [doomed]
    assert count(warehouse, doomed) == 0
    assert await list_deleted_projects(database) == []


async def test_a_project_is_left_to_settle_though_nothing_is_on_its_way(
    database: Database, clock: Clock, purge: Purge
) -> None:
    doomed = await make_project(database, "Doomed")
    await delete_project(database, doomed)

    await purge.run()
    clock.now_s += SETTLE_S - 1
    await purge.run()
    before = await list_deleted_projects(database)
    clock.now_s += 1
    await purge.run()

    assert before == [doomed]
    assert await list_deleted_projects(database) == []


async def test_what_a_spool_brings_after_the_purge_goes_too(
    database: Database, warehouse: Warehouse, log: SqliteLog, clock: Clock, purge: Purge
) -> None:
    doomed, spared = [await make_project(database, name) for name in ("Doomed", "Spared")]
    await delete_project(database, doomed)
    await purge.run()
    clock.now_s += SETTLE_S
    await purge.run()

    for project_id in (doomed, spared):
        store(warehouse, project_id, 7)
    dead_letters = [
        DeadLetter(f"late {one}", one, TRACES.name, "pulse.trace", 1, "unfit", b"{}")
        for one in (doomed, spared)
    ]
    await log.complete(HEAD, Intent(7, 7), dead_letters)
    retention = Retention(Settings(retention_days=100_000), database, warehouse)
    await retain(log, retention, datetime.now(UTC))

    assert count(warehouse, doomed) == 0
    assert count(warehouse, spared) == 1
    with DeadLetterBox(log.path) as box:
        assert [dead_letter.ref for dead_letter in box.summaries()] == [f"late {spared}"]


async def test_hundreds_of_projects_are_purged_at_once(
    database: Database, warehouse: Warehouse, log: SqliteLog, clock: Clock
) -> None:
    asked = Counted(warehouse)
    purge = Purge(database, asked, log=log, settle_s=SETTLE_S, clock=clock)  # type: ignore[arg-type]
    doomed = [await make_project(database, f"Doomed {number}") for number in range(MANY)]
    for project_id in doomed:
        await delete_project(database, project_id)
    for number in range(0, MANY, 10):
        store(warehouse, doomed[number], number)

    await purge.run()
    clock.now_s += SETTLE_S
    await purge.run()

    assert await list_deleted_projects(database) == []
    assert sum(count(warehouse, project_id) for project_id in doomed[::10]) == 0
    assert asked.statements <= 1 + 2 * len(await tables_with_data(warehouse))
