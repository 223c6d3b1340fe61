"""What the store knows of deployments, for dashboards."""

from typing import Any

import pytest

from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import copies
from controlplane.deploys.deployments import cancel_deployment
from processors.deploys.deployment_copies import DeploymentCopies
from schemas.deploys.windows import HOUR_US
from schemas.projects import ProjectId
from tests.integration.deploys.apps import ask, who
from tests.integration.deploys.switched import AT_US, new_shop, took_over

STORED = """
SELECT deployment_id, status, environment, toUnixTimestamp64Micro(switched_at),
    toUnixTimestamp64Micro(ended_at)
FROM deployments FINAL
WHERE project_id = {project_id:String}
ORDER BY created_at, deployment_id
"""
WRITTEN = "SELECT count() FROM deployments WHERE project_id = {project_id:String}"


@pytest.fixture
async def shop(database: Database, vault: Vault) -> ProjectId:
    return await new_shop(database, vault)


def rows(warehouse: Warehouse, project_id: ProjectId, sql: str = STORED) -> list[Any]:
    answer = warehouse.query_now(sql, {"project_id": project_id}, {})
    return [tuple(row) for row in answer.rows]


async def test_they_are_those_of_the_control_plane_and_follow_its_changes(
    database: Database, warehouse: Warehouse, shop: ProjectId
) -> None:
    old, new = await took_over(database, shop, [AT_US, AT_US + HOUR_US])
    copying = DeploymentCopies(database, warehouse)
    await copying.work()
    waiting = await ask(database, shop)
    await copying.work()
    await cancel_deployment(database, who(shop), waiting.id)

    await copying.work()

    *past, cancelled = rows(warehouse, shop)
    assert past == [
        (old, "stopped", "production", AT_US, AT_US + HOUR_US),
        (new, "running", "production", AT_US + HOUR_US, None),
    ]
    assert cancelled[:4] == (waiting.id, "cancelled", "production", None)
    assert cancelled[4] is not None


async def test_what_has_not_changed_is_not_written_again(
    database: Database, warehouse: Warehouse, shop: ProjectId
) -> None:
    await took_over(database, shop, [AT_US])
    copying = DeploymentCopies(database, warehouse)

    for _ in range(3):
        await copying.work()

    assert rows(warehouse, shop, WRITTEN) == [(1,)]


async def test_more_than_one_page_of_them_is_read_to_its_end(
    database: Database,
    warehouse: Warehouse,
    shop: ProjectId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copies, "AT_ONCE", 2)
    moments = [AT_US + number * HOUR_US for number in range(5)]
    ids = await took_over(database, shop, moments)

    await DeploymentCopies(database, warehouse).work()

    assert [row[0] for row in rows(warehouse, shop)] == ids
