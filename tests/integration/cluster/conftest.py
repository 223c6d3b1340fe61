import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from controlplane.database import Database
from tests.integration.cluster.workers import Log, StallingStore, Worker


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    opened = Database(f"sqlite:///{file}")
    yield opened
    await opened.close()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def store() -> StallingStore:
    return StallingStore()


@pytest.fixture
async def worker(
    database: Database, store: StallingStore, log: Log
) -> AsyncIterator[Callable[[str], Worker]]:
    made: list[Worker] = []

    def make(name: str) -> Worker:
        made.append(Worker(name, database, store, log))
        return made[-1]

    yield make
    for one in made:
        await one.sink.stop()
