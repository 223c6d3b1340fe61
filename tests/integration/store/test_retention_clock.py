"""A clock that jumps deletes nothing until a person has said that it is right."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.models import PurgedProject
from controlplane.projects import ProjectChange, insert_project, update_project
from controlplane.retention import know_day, known_day, list_purged_projects
from controlplane.retention_models import RetentionPolicyRow
from controlplane.retention_policies import find_policy, set_policy
from controlplane.rules import as_uuid
from controlplane.thinning import find_rows_from, list_removed
from eventlog.log import TopicPartition
from eventlog.records import DeadLetter
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import DEAD
from processors.retention import MAX_AHEAD_DAYS, Retention, retain, retain_shared
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.metrics import REGISTRY
from schemas.projects import ProjectId
from schemas.retention import RetentionChange
from schemas.settings import Settings
from tests.integration.queries.rows import encode_traces, make_trace

NOW = datetime(1995, 6, 1, 12, tzinfo=UTC)
"""Long before whatever other tests have stored."""
DAY = timedelta(days=1)
JUMP = (MAX_AHEAD_DAYS + 1) * DAY
KEEP_DAYS = 30
NEVER = 1_000_000


class Node:
    """As much of a process as retention asks for."""

    def __init__(self, database: Database, warehouse: Warehouse, log: SqliteLog) -> None:
        # Rows of other tests are nobody's here, and kept for ever.
        self.settings = Settings(retention_days=NEVER)
        self.database = database
        self.warehouse = warehouse
        self.log = log


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
def node(database: Database, warehouse: Warehouse, log: SqliteLog) -> Any:
    return Node(database, warehouse, log)


def retention_of(node: Any) -> Retention:
    return Retention(node.settings, node.database, node.warehouse, settle_s=0.0)


@pytest.fixture
async def project(database: Database) -> ProjectId:
    async with database.session() as session:
        vault = Vault("a secret of the tests, longer than 32 characters")
        made, _ = await insert_project(session, vault, "Shop", admin_id=None)
        project_id = ProjectId(str(made.id))
    await update_project(database, project_id, ProjectChange(retention_days=KEEP_DAYS))
    return project_id


def store(warehouse: Warehouse, project_id: ProjectId, *days_ago: int) -> None:
    moments = [int((NOW - days * DAY).timestamp()) * 1_000_000 for days in days_ago]
    rows = [make_trace(project_id, f"t{at}", timestamp_us=at, received_at_us=at) for at in moments]
    warehouse.insert_now("traces", encode_traces(rows), uuid.uuid4().hex)


def ages(warehouse: Warehouse, project_id: ProjectId) -> list[int]:
    sql = "SELECT received_date FROM traces WHERE project_id = {project_id:String} ORDER BY 1 DESC"
    found = warehouse.query_now(sql, {"project_id": project_id}, {}).rows
    return [(NOW.date() - day).days for (day,) in found]


def held_days() -> float | None:
    return REGISTRY.get_sample_value("sluice_retention_held_days")


async def test_a_clock_that_jumps_deletes_nothing_before_a_person_says_that_it_is_right(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    store(warehouse, project, 0, 25, 29, 31)
    retention = retention_of(node)

    await retention.run(NOW)
    before = ages(warehouse, project)
    with capture_logs() as lines:
        await retention.run(NOW + JUMP)
    held = held_days()
    await retention_of(node).run(NOW + JUMP)  # a restart knows no better
    during = ages(warehouse, project)
    await know_day(node.database, (NOW + JUMP).date())
    await retention.run(NOW + JUMP)

    assert before == during == [0, 25, 29]
    assert held == JUMP.days
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert line["remedy"].endswith(f"sluice retention confirm {(NOW + JUMP).date()}")
    assert ages(warehouse, project) == [0]
    assert held_days() == 0


async def test_everything_is_kept_until_a_person_chooses_a_time(
    node: Any, warehouse: Warehouse
) -> None:
    project_id = ProjectId(str(uuid.uuid4()))
    store(warehouse, project_id, 0, 91, 4000)
    node.settings = Settings()

    await retention_of(node).run(NOW)
    kept = ages(warehouse, project_id)
    node.settings = Settings(retention_days=90)
    await retention_of(node).run(NOW)

    assert kept == [0, 91, 4000]
    assert ages(warehouse, project_id) == [0]


async def test_a_pause_of_a_week_needs_no_person(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    store(warehouse, project, 0, 29)
    await retention_of(node).run(NOW)

    await retention_of(node).run(NOW + MAX_AHEAD_DAYS * DAY)
    await retention_of(node).run(NOW + 2 * MAX_AHEAD_DAYS * DAY)

    assert ages(warehouse, project) == [0]


@pytest.mark.slow
async def test_a_clock_that_was_behind_for_a_while_neither_deletes_nor_forgets(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    """As a machine without a clock of its own starts, until it has asked the network."""
    store(warehouse, project, 0, 29, 31)
    retention = retention_of(node)
    await retention.run(NOW)

    await retention.run(datetime(1970, 1, 1, tzinfo=UTC))
    during = ages(warehouse, project)
    await retention.run(NOW + DAY)

    assert during == [0, 29]
    assert held_days() == 0
    assert await known_day(node.database) == (NOW + DAY).date()


async def test_a_first_run_long_after_the_last_event_waits_for_a_person_too(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    """An upgrade, or a control plane that was made anew, with a clock that is wrong."""
    store(warehouse, project, 0)

    await retention_of(node).run(datetime(2149, 1, 1, tzinfo=UTC))

    assert ages(warehouse, project) == [0]
    assert held_days()


async def test_dead_letters_and_kept_records_wait_as_well(node: Any, project: ProjectId) -> None:
    """The log's own times are of now, so the clock jumps from there."""
    now = datetime.now(UTC)
    dead_letter = DeadLetter("a", project, TRACES.name, "pulse.trace", 1, "unfit", b"{}")
    await node.log.complete(TopicPartition(TRACES.name, 0), Intent(0, 0), [dead_letter])
    retention = retention_of(node)
    await retain(node.log, retention, now)

    await retain(node.log, retention, now + 400 * DAY)
    held = dead_letters_left(node.log)
    await know_day(node.database, (now + 400 * DAY).date())
    await retain(node.log, retention, now + 400 * DAY)

    assert held == 1
    assert dead_letters_left(node.log) == 0


def dead_letters_left(log: SqliteLog) -> int:
    return len(log.read(TopicPartition(DEAD.name, 0), 0, 10, 1 << 20))


@pytest.mark.slow
async def test_what_arrives_of_a_purged_project_goes_even_while_the_clock_is_doubted(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    await retention_of(node).run(NOW)
    gone = ProjectId(str(uuid.uuid4()))
    await note_purged(node.database, gone, NOW)
    store(warehouse, gone, 0, 3)
    store(warehouse, project, 0)

    await retention_of(node).run(NOW + JUMP)

    assert ages(warehouse, gone) == []
    assert ages(warehouse, project) == [0]
    assert await list_purged_projects(node.database) == {gone}


async def test_a_worker_drops_what_kafka_brings_of_the_dead_letters_of_a_purged_project(
    node: Any,
) -> None:
    gone = ProjectId(str(uuid.uuid4()))
    await note_purged(node.database, gone, NOW)
    asked: list[object] = []

    async def purge_dead_letters(project_ids: object) -> None:
        asked.append(project_ids)

    node.purge_dead_letters = purge_dead_letters

    await retain_shared(node, retention_of(node), NOW + JUMP)

    assert asked == [{gone}]


async def test_a_purged_project_is_forgotten_when_age_alone_removes_what_arrives(
    node: Any,
) -> None:
    node.settings = Settings(retention_days=40, retention_sums_days=60)
    node.warehouse = Empty()
    old, young = ProjectId(str(uuid.uuid4())), ProjectId(str(uuid.uuid4()))
    await note_purged(node.database, old, NOW - 62 * DAY)
    await note_purged(node.database, young, NOW - 60 * DAY)

    await retention_of(node).run(NOW)

    assert await list_purged_projects(node.database) == {young}


class Empty:
    """A store without tables: nothing of other tests is to be deleted here."""

    async def query(self, *_: object, **__: object) -> Any:
        class Nothing:
            rows: tuple[()] = ()

        return Nothing


async def note_purged(database: Database, project_id: ProjectId, deleted_at: datetime) -> None:
    async with database.session() as session:
        session.add(PurgedProject(project_id=as_uuid(project_id), deleted_at=deleted_at))


async def test_kinds_go_after_days_of_their_own_and_sums_outlive_calls(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    store(warehouse, project, 40, 20, 5)
    kinds = RetentionChange(kinds={"calls": 10}, sums_days=30, at_once=True)
    await set_policy(node.database, project, kinds, by="ada")
    await know_day(node.database, NOW.date())

    await retention_of(node).run(NOW)

    sums = "SELECT sum(requests) FROM trace_sums WHERE grain = 'day' AND project_id = {p:String}"
    assert count(warehouse, project) == 1
    assert warehouse.query_now(sums, {"p": project}, {}).rows[0][0] == 2
    assert await find_rows_from(node.database, project) == (NOW - 9 * DAY).date()
    removed = await list_removed(node.database, project, 10)
    assert [(one.kind, one.rule, one.rows) for one in removed] == [("calls", "days", 2)]


async def test_for_a_day_after_a_change_nothing_goes_by_it(
    node: Any, warehouse: Warehouse, project: ProjectId
) -> None:
    store(warehouse, project, 20)
    await set_policy(node.database, project, RetentionChange(kinds={"calls": 10}), by="ada")
    changed = (await find_policy(node.database, project)).changed_us
    await know_day(node.database, NOW.date())
    async with node.database.session() as session:
        change_us = int(NOW.timestamp() * 1_000_000)
        row = await session.get(RetentionPolicyRow, as_uuid(project))
        row.acts_us += change_us - changed

    await retention_of(node).run(NOW)
    waiting = count(warehouse, project)
    await retention_of(node).run(NOW + DAY)

    assert (waiting, count(warehouse, project)) == (1, 0)


def count(warehouse: Warehouse, project: ProjectId) -> int:
    sql = "SELECT count() FROM traces WHERE project_id = {p:String}"
    return int(warehouse.query_now(sql, {"p": project}, {}).rows[0][0])
