"""One database for the tests of a file: each has a project of its own."""

import time
from collections.abc import AsyncIterator

import pytest

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.llm.judges import list_enabled, remove_judge
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from schemas.projects import ProjectId
from tests.components.control_planes import migrated_copy
from tests.integration.alerts.alerting import Clock
from tests.integration.issues.seen import make_project
from tests.integration.judges.courts import Court


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.containers)]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return migrated_copy(request, request.param, tmp_path_factory.mktemp("judges"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()  # nothing to do for a copy
    yield database
    await database.close()


@pytest.fixture
async def project(database: Database) -> ProjectId:
    return await make_project(database)


@pytest.fixture(scope="session")
def prices(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    return load_book(tmp_path_factory.mktemp("prices"))


@pytest.fixture
async def court(
    database: Database, warehouse: Warehouse, project: ProjectId, prices: PriceBook
) -> AsyncIterator[Court]:
    clock = Clock()
    clock.us = time.time_ns() // 1000 + 1_000_000
    yield Court(database, warehouse, project, clock, prices)
    for judge in await list_enabled(database):  # the next test works for its own
        await remove_judge(database, judge.project_id, judge.id)
