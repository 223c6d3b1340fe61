"""A project of its own for each test, and the routes of exports over the one store."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from api.app import exception_handlers
from api.exports.lists import filters_of
from api.exports.routes import handlers
from clickhouse.client import Warehouse
from clickhouse.exports import reading
from schemas.projects import ProjectContext, ProjectId
from sluice.systems import exports, queries


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(uuid.uuid4().hex))


@pytest.fixture
def app(warehouse: Warehouse, project: ProjectContext) -> Litestar:
    return Litestar(
        [*queries(), *handlers(filters_of(exports()))],
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State({"warehouse": warehouse}),
        exception_handlers=exception_handlers(),
    )


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a file of some rows be read in many parts."""
    monkeypatch.setattr(reading, "PART_BYTES", 8_000)
    monkeypatch.setattr(reading, "PLAN_ROWS", 50)
