"""The store calls projects as the control plane does, from a few seconds after each change."""

import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from clickhouse.projects import AT_ONCE, ListedProject, list_projects, write_projects
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.projects import ProjectChange, delete_project, insert_project, update_project
from processors.project_list import ANYWAY_S, ProjectList, follow_projects
from schemas.projects import ProjectId

NAME = 'it\'s \\ a "name" {x:String} 日本'


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = Database(f"sqlite:///{file}")
    yield database
    await database.close()


async def make(database: Database, name: str) -> ProjectId:
    vault = Vault("a secret of the tests, longer than 32 characters")
    async with database.session() as session:
        project, _ = await insert_project(session, vault, name, admin_id=None)
        return ProjectId(str(project.id))


async def listed(warehouse: Warehouse) -> dict[ProjectId, ListedProject]:
    return {one.project_id: one for one in await list_projects(warehouse)}


async def test_a_project_is_listed_as_it_is_named_and_set(
    database: Database, warehouse: Warehouse
) -> None:
    project_id = await make(database, NAME)
    await follow_projects(database, warehouse)
    assert (await listed(warehouse))[project_id] == ListedProject(
        project_id, NAME, "reported", "UTC"
    )

    change = ProjectChange(name="Shop", cost_preference="computed", time_zone="Europe/Berlin")
    await update_project(database, project_id, change)
    await follow_projects(database, warehouse)

    assert (await listed(warehouse))[project_id] == ListedProject(
        project_id, "Shop", "computed", "Europe/Berlin"
    )


async def test_a_deleted_project_is_listed_no_more(
    database: Database, warehouse: Warehouse
) -> None:
    kept, gone = await make(database, "kept"), await make(database, "gone")
    await follow_projects(database, warehouse)

    await delete_project(database, gone)
    await follow_projects(database, warehouse)

    assert list(await listed(warehouse)) == [kept]


async def test_a_list_that_something_else_has_changed_is_put_right(
    database: Database, warehouse: Warehouse
) -> None:
    project_id = await make(database, "right")
    stale = [ListedProject(ProjectId(uuid.uuid4().hex), str(n), "", "") for n in range(AT_ONCE + 1)]
    wrong = ListedProject(project_id, "wrong", "computed", "UTC")
    await write_projects(warehouse, [*stale, wrong])

    await follow_projects(database, warehouse)

    assert await listed(warehouse) == {
        project_id: ListedProject(project_id, "right", "reported", "UTC")
    }


async def test_a_list_is_compared_after_each_change_and_else_once_a_minute(
    database: Database, warehouse: Warehouse
) -> None:
    now_s = 0.0
    projects = ProjectList(database, warehouse, clock=lambda: now_s)
    project_id = await make(database, "first")
    await projects.follow()
    wrong = ListedProject(project_id, "wrong", "reported", "UTC")
    await write_projects(warehouse, [wrong])

    now_s = ANYWAY_S - 1
    await projects.follow()
    assert (await listed(warehouse))[project_id] == wrong
    now_s = ANYWAY_S
    await projects.follow()
    assert (await listed(warehouse))[project_id].name == "first"
    await update_project(database, project_id, ProjectChange(name="second"))
    await projects.follow()
    assert (await listed(warehouse))[project_id].name == "second"
    await delete_project(database, project_id)
    await projects.follow()
    assert project_id not in await listed(warehouse)


async def test_nothing_is_written_where_nothing_has_changed(
    database: Database, warehouse: Warehouse
) -> None:
    await make(database, "same")
    await follow_projects(database, warehouse)
    count = "SELECT count() FROM projects"
    before = warehouse.query_now(count, None, {}).rows

    await follow_projects(database, warehouse)

    assert warehouse.query_now(count, None, {}).rows == before
