"""One database for the tests of a file: each has a project of its own."""

from collections.abc import AsyncIterator

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from schemas.projects import ProjectId
from tests.components.control_planes import migrated_copy
from tests.integration.issues.seen import make_project

SECRET = "a secret of the tests, longer than 32 characters"


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.containers)]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return migrated_copy(request, request.param, tmp_path_factory.mktemp("alerts"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()  # nothing to do for a copy
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault(SECRET)


@pytest.fixture
async def project(database: Database) -> ProjectId:
    return await make_project(database)
