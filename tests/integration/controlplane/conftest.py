"""One database per test: a SQLite file, and PostgreSQL where its server is installed."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from tests.integration.controlplane.postgres import Postgres, why_not

SECRET = "a secret of the tests, longer than 32 characters"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    server = Postgres()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'control.db'}"
    server: Postgres = request.getfixturevalue("postgres_server")
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
