from datetime import UTC, date, datetime, timedelta

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.models import Project
from controlplane.projects import (
    PURGED_AT_ONCE,
    delete_project,
    forget_projects,
    insert_project,
    list_deleted_projects,
)
from controlplane.retention import (
    forget_purged_projects,
    know_day,
    known_day,
    list_purged_projects,
)
from schemas.projects import ProjectId


async def make_project(database: Database, vault: Vault, name: str) -> ProjectId:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, name, admin_id=None)
        return ProjectId(str(project.id))


async def test_no_day_is_known_before_one_was_said(database: Database) -> None:
    assert await known_day(database) is None


async def test_the_day_that_was_said_last_is_known_even_if_it_is_earlier(
    database: Database,
) -> None:
    await know_day(database, date(2030, 1, 1))
    await know_day(database, date(2026, 11, 28))

    assert await known_day(database) == date(2026, 11, 28)


async def test_a_purged_project_is_noted_and_a_live_one_stays(
    database: Database, vault: Vault
) -> None:
    gone, live = [await make_project(database, vault, name) for name in ("Gone", "Live")]
    await delete_project(database, gone)

    await forget_projects(database, [gone, live])

    assert await list_deleted_projects(database) == []
    assert await list_purged_projects(database) == {gone}
    await delete_project(database, live)


async def test_the_note_goes_by_when_its_project_was_deleted(
    database: Database, vault: Vault
) -> None:
    gone = await make_project(database, vault, "Gone")
    await delete_project(database, gone)
    await forget_projects(database, [gone])
    now = datetime.now(UTC)

    await forget_purged_projects(database, now - timedelta(hours=1))
    before = await list_purged_projects(database)
    await forget_purged_projects(database, now + timedelta(hours=1))

    assert before == {gone}
    assert await list_purged_projects(database) == frozenset()


async def test_no_more_deleted_projects_are_listed_than_are_purged_at_once(
    database: Database,
) -> None:
    at = datetime.now(UTC)
    async with database.session() as session:
        session.add_all(
            Project(name=str(number), cost_preference="reported", deleted_at=at)
            for number in range(PURGED_AT_ONCE + 1)
        )

    listed = await list_deleted_projects(database)
    await forget_projects(database, listed)

    assert len(listed) == PURGED_AT_ONCE
    assert len(await list_deleted_projects(database)) == 1
