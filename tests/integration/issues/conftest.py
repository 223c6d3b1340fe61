"""One database for all tests of this folder: each has projects of its own."""

from collections.abc import AsyncIterator

import pytest

from controlplane.database import Database
from schemas.projects import ProjectId
from tests.components.control_planes import migrated_copy
from tests.integration.issues.seen import make_project


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.containers)]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return migrated_copy(request, request.param, tmp_path_factory.mktemp("issues"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()  # nothing to do for a copy
    yield database
    await database.close()


@pytest.fixture
async def project(database: Database) -> ProjectId:
    return await make_project(database)
