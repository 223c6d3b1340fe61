"""Control planes that are migrated already: a copy is there in a fraction of the time."""

import asyncio
import shutil
from pathlib import Path

import pytest

from controlplane.database import Database
from tests.components.containers import ContainerPostgres
from tests.components.postgres import Postgres


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision."""
    file = tmp_path_factory.mktemp("migrated") / "control.db"
    _migrate(f"sqlite:///{file}")
    assert not file.with_name("control.db-wal").exists()
    return file


@pytest.fixture
def migrated_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a SQLite file of the test's own at the newest revision."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'control.db')}"


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres | ContainerPostgres) -> str:
    """The name of a database of the shared server at the newest revision."""
    url = postgres.new_database()
    _migrate(url)
    return url.rpartition("/")[2]


def migrated_copy(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    """Returns the URL of a migrated control plane, on `sqlite` or on `postgres`."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), folder / "control.db")
        return f"sqlite:///{folder / 'control.db'}"
    server: Postgres | ContainerPostgres = request.getfixturevalue("postgres")
    return server.new_database(request.getfixturevalue("migrated_postgres"))


def _migrate(url: str) -> None:
    async def migrate() -> None:
        database = Database(url)
        await database.migrate()
        await database.close()

    asyncio.run(migrate())
