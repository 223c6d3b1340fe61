"""`GET /api/v1/deployments/{id}/impact`, in an app of its own where a header says who asks."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from litestar import Litestar, Router
from litestar.datastructures import State

from api.app import exception_handlers
from api.auth import AnyRequest
from api.deploys.impact import HANDLERS
from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.rows import Reach
from controlplane.failures import Unauthorized
from schemas.deploys.impact import Impact
from schemas.deploys.windows import HOUR_US
from schemas.projects import ProjectId
from sluice.impacts import Impacts
from tests.integration.deploys.switched import AT_US, new_shop, took_over
from tests.integration.deploys.telemetry import Traffic, hour


async def reach_of(request: AnyRequest) -> Reach:
    project_id = request.headers.get("x-project")
    if project_id is None:
        raise Unauthorized("authorization required")
    return Reach(project_id=ProjectId(project_id))


@pytest.fixture
async def client(database: Database, warehouse: Warehouse) -> AsyncIterator[httpx.AsyncClient]:
    impacts = Impacts(database, clock=lambda: (AT_US + 3 * HOUR_US) / 1e6)
    state = {"warehouse": warehouse, "reach_of": reach_of, "read_impact": impacts.read}
    app = Litestar(
        [Router("/api/v1", route_handlers=HANDLERS)],
        state=State(state),
        exception_handlers=exception_handlers(),
    )
    # In this loop: connections to PostgreSQL belong to the one that made them.
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # its types are narrower
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as opened:
        yield opened


@pytest.fixture
async def shop(database: Database, vault: Vault) -> ProjectId:
    return await new_shop(database, vault)


def path(deployment_id: str) -> str:
    return f"/api/v1/deployments/{deployment_id}/impact"


async def test_it_answers_both_times_every_measure_and_a_verdict(
    client: httpx.AsyncClient, database: Database, warehouse: Warehouse, shop: ProjectId
) -> None:
    old, new = await took_over(database, shop, [AT_US - 5 * HOUR_US, AT_US])
    traffic = Traffic(warehouse, shop)
    await hour(traffic, AT_US - HOUR_US)
    await hour(traffic, AT_US, errors=600)

    answer = await client.get(path(new), headers={"x-project": shop})

    assert answer.status_code == 200
    found = msgspec.json.decode(answer.content, type=Impact)
    assert (found.deployment_id, found.previous_deployment_id) == (new, old)
    assert found.verdict == "worse"
    assert answer.json()["switched_at"] == "2026-11-02T08:00:00Z"
    assert answer.json()["after"] == {
        "started_at": "2026-11-02T08:00:00Z",
        "ended_at": "2026-11-02T09:00:00Z",
        "minutes": 60.0,
        "cut_by": None,
    }
    assert len(found.measures) == 8


async def test_the_window_is_as_long_as_asked(
    client: httpx.AsyncClient, database: Database, shop: ProjectId
) -> None:
    (deployment,) = await took_over(database, shop, [AT_US])
    headers = {"x-project": shop}

    answer = await client.get(path(deployment), headers=headers, params={"window": 15})
    too_short = await client.get(path(deployment), headers=headers, params={"window": 4})
    too_long = await client.get(path(deployment), headers=headers, params={"window": 1441})
    misspelled = await client.get(path(deployment), headers=headers, params={"windows": 15})
    word = await client.get(path(deployment), headers=headers, params={"window": "1h"})

    assert answer.json()["before"]["minutes"] == 15.0
    rejected = [one.status_code for one in (too_short, too_long, misspelled, word)]
    assert rejected == [400, 400, 400, 400]


async def test_another_project_finds_nothing_and_nobody_is_told_anything(
    client: httpx.AsyncClient, database: Database, vault: Vault, shop: ProjectId
) -> None:
    (deployment,) = await took_over(database, shop, [AT_US])
    other = await new_shop(database, vault)

    of_another = await client.get(path(deployment), headers={"x-project": other})
    unknown = await client.get(path("no-such-id"), headers={"x-project": shop})
    nobody = await client.get(path(deployment))

    assert [one.status_code for one in (of_another, unknown, nobody)] == [404, 404, 401]
    assert deployment not in of_another.text
