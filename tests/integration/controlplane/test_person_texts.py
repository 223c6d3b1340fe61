"""What people wrote of somebody is found, given away and erased, where the id is a word."""

import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import insert, select

from controlplane.database import Database
from controlplane.errors.models import Release
from controlplane.errors.release_models import ReleaseCommit
from controlplane.person_texts import count_texts, erase_all_texts, export_texts
from controlplane.rules import as_uuid
from schemas.projects import ProjectId
from sluice.erasing import TEXTS
from tests.integration.issues.seen import make_project

ANN = "ann@example.com"


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


async def commit(database: Database, project_id: ProjectId, *messages: str) -> None:
    """Has a release of a project, with commits of these messages by Ann."""
    own = {"project_id": as_uuid(project_id), "version": "1"}
    seen = {"first_seen_us": 0, "ref": "", "url": "", "environment": ""}
    author = {"author_name": "Ann", "author_email": ANN, "sha": "a", "repository": ""}
    async with database.session() as session:
        await session.execute(insert(Release).values(**own, **seen))
        for position, message in enumerate(messages):
            values = {**own, **author, "position": position, "message": message}
            await session.execute(insert(ReleaseCommit).values(**values))


async def read(database: Database, project_id: ProjectId) -> list[tuple[str, str]]:
    of = ReleaseCommit
    query = select(of.message, of.author_email).where(of.project_id == as_uuid(project_id))
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(query.order_by(of.position))]


async def test_an_id_goes_where_it_is_a_word_and_others_keep_theirs(database: Database) -> None:
    project_id, other = await make_project(database), await make_project(database, "Other")
    for one in (project_id, other):
        await commit(database, one, f"Fix it for {ANN}.", f"Not of jo{ANN}")
    assert (await count_texts(database, TEXTS, project_id, ANN))["commits of releases"] == 2

    for _ in range(2):
        await erase_all_texts(database, TEXTS, project_id, ANN)

    assert await read(database, project_id) == [
        ("Fix it for [erased].", "[erased]"),
        (f"Not of jo{ANN}", "[erased]"),
    ]
    assert await read(database, other) == [
        (f"Fix it for {ANN}.", ANN),
        (f"Not of jo{ANN}", ANN),
    ]
    assert sum((await count_texts(database, TEXTS, project_id, ANN)).values()) == 0


async def test_a_short_id_is_no_word_of_a_text(database: Database) -> None:
    project_id = await make_project(database)
    await commit(database, project_id, "Fix 7 faults", "7")

    await erase_all_texts(database, TEXTS, project_id, "7")

    assert [message for message, _ in await read(database, project_id)] == [
        "Fix 7 faults",
        "[erased]",
    ]


async def test_an_export_has_a_line_for_each(database: Database) -> None:
    project_id = await make_project(database)
    await commit(database, project_id, 'Say "hi"\n', "Again")

    lines = [line async for line in export_texts(database, TEXTS, project_id, ANN)]

    found = [msgspec.json.decode(line) for line in lines]
    assert [one["what"] for one in found] == ["commits of releases"] * 2
    assert found[0]["message"] == 'Say "hi"\n'
    assert found[0]["author_email"] == ANN
    assert uuid.UUID(found[0]["project_id"]) == as_uuid(project_id)
