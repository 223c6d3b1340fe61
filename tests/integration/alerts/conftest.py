"""One database for the tests of a file: each has a project of its own."""

from collections.abc import AsyncIterator

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from schemas.projects import ProjectId
from tests.components.containers import ContainerPostgres
from tests.components.postgres import Postgres
from tests.integration.issues.seen import make_project

SECRET = "a secret of the tests, longer than 32 characters"


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.containers)]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('alerts') / 'control.db'}"
    server: Postgres | ContainerPostgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault(SECRET)


@pytest.fixture
async def project(database: Database) -> ProjectId:
    return await make_project(database)
