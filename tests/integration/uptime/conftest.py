"""One control plane per test: a SQLite file, and PostgreSQL where its server is installed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from tests.components.control_planes import migrated_copy

SECRET = "a secret of the tests, longer than 32 characters"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.containers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return migrated_copy(request, request.param, tmp_path)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()  # nothing to do for a copy
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault(SECRET)
