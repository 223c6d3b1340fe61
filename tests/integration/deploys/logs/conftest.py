"""A deployment of a project, a host that lets it be read, and a server where it is followed."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.deploys import feeds
from clickhouse.client import Warehouse
from eventlog.sqlite_log import SqliteLog
from eventlog.tail import SqliteTail
from schemas.kinds import DEPLOYS
from schemas.projects import ProjectContext, ProjectId
from tests.integration.deploys.logs.followers import Followed
from tests.integration.deploys.logs.hosts import Host


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LOOK_S", 0.1)
    monkeypatch.setattr(feeds, "GAP_S", 0.02)


@pytest.fixture
def deployment_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def host(deployment_id: str) -> Host:
    return Host(ProjectContext(ProjectId(str(uuid.uuid4()))), {deployment_id})


@pytest.fixture
async def followed(warehouse: Warehouse, host: Host, tmp_path: Path) -> AsyncIterator[Followed]:
    event_log = SqliteLog(tmp_path / "log.db", partitions=2)
    one = Followed(warehouse, host, event_log)
    async with one.serving(SqliteTail(event_log, DEPLOYS.name)):
        yield one
    event_log.close()
