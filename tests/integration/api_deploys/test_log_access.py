"""Who may read the log of a deployment, and whether it goes on."""

from typing import Any

import httpx
import pytest
from litestar import Litestar, Router, WebSocket, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.deploys.described import by_login
from api.deploys.failures import deploy_handlers
from api.deploys.log_access import LogAccess
from controlplane.database import Database
from controlplane.deploys.reaching import over_since
from controlplane.failures import NotFound, Unauthorized
from schemas.projects import ProjectContext, ProjectId
from tests.integration.api_deploys.conftest import Owner


@get("/asked/{deployment_id:str}", opt=by_login())
async def ask(request: AnyRequest, deployment_id: FromPath[str]) -> ProjectContext:
    access: LogAccess = request.app.state.deploy_reader
    return await access.find(request, deployment_id)


@pytest.fixture
def app(app: Litestar, database: Database) -> Litestar:
    app.state.deploy_reader = LogAccess(database)
    app.register(Router("/api/v1", route_handlers=[ask], exception_handlers=deploy_handlers()))
    return app


async def deployed(owner: Owner) -> str:
    made = await owner.http.post("/deployments", json={"project_id": owner.id})
    return str(made.json()["id"])


def token_in(client: httpx.AsyncClient) -> str:
    return client.headers["Authorization"].partition(" ")[2]


async def test_a_request_reaches_the_deployments_of_its_own_projects(
    ann: Owner, bob: Owner, nobody: httpx.AsyncClient
) -> None:
    path = f"/asked/{await deployed(ann)}"

    mine = await ann.http.get(path)
    by_address = await nobody.get(path, params={"token": token_in(ann.http)})
    theirs, strange = await bob.http.get(path), await nobody.get(path)

    assert mine.json()["project_id"] == by_address.json()["project_id"] == ann.id
    assert (theirs.status_code, theirs.json()) == (404, {"error": "deployment not found"})
    assert (strange.status_code, strange.json()) == (401, {"error": "authorization required"})


async def test_so_does_a_websocket(ann: Owner, bob: Owner, app: Litestar) -> None:
    deployment_id = await deployed(ann)
    access: LogAccess = app.state.deploy_reader

    def socket(token: str) -> WebSocket[Any, Any, Any]:
        scope = {
            **{"type": "websocket", "litestar_app": app, "app": app, "state": {}, "headers": []},
            **{"query_string": f"token={token}".encode(), "route_handler": ask, "path": "/"},
        }
        return WebSocket(scope)  # type: ignore[arg-type]  # the rest is not looked at

    assert (await access.find(socket(token_in(ann.http)), deployment_id)).project_id == ann.id
    with pytest.raises(NotFound):
        await access.find(socket(token_in(bob.http)), deployment_id)
    with pytest.raises(Unauthorized):
        await access.find(socket("x"), deployment_id)


async def test_it_goes_on_until_the_deployment_is_over(ann: Owner, database: Database) -> None:
    deployment_id, of = await deployed(ann), ProjectId(ann.id)

    before = await over_since(database, of, deployment_id)
    await ann.http.post(f"/deployments/{deployment_id}/cancel")
    after = await over_since(database, of, deployment_id)

    assert before is None
    assert after is not None
    assert after.status == "cancelled"
    with pytest.raises(NotFound):
        await over_since(database, ProjectId("00000000-0000-4000-8000-000000000000"), deployment_id)
