"""`/api/v1/deployments`: asked for, looked at, rolled back, restarted, cancelled, promoted."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from litestar import delete, get, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.deploys.bodies import body_of
from api.deploys.callers import Caller, actor_of, caller_in, deploying, reached
from api.deploys.described import by_login
from api.deploys.project_forms import is_branch
from api.deploys.shown import base_of, deployment_row, history_row
from api.parameters import Offset, read, values_of
from controlplane.database import Database
from controlplane.deploys import deployments
from controlplane.deploys.audit import note_alone
from controlplane.deploys.deployments import Asked, Who, ask_deployment
from controlplane.deploys.reaching import project_of_deployment
from controlplane.deploys.rows import Reach
from controlplane.failures import BadRequest, Conflict
from schemas.deploys.answers import DeploymentRow, DeploymentRows, History, Said
from schemas.deploys.deployments import Deployment
from schemas.deploys.examples import DEPLOYMENT, PROJECT_ID
from schemas.deploys.forms import DeploymentForm
from schemas.deploys.routing import PRODUCTION
from schemas.projects import ProjectId

ONE = "/deployments/{deployment_id:str}"
MOST = 100
ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
Again = Callable[[Database, Who, str], Awaitable[Deployment]]


class DeploymentsQuery(Struct, frozen=True, kw_only=True):
    """Which deployments."""

    limit: Annotated[int, Meta(ge=0)] = 20
    """More than 100 is 100."""
    offset: Offset = 0
    project_id: Annotated[
        str,
        Meta(max_length=64, description="Only those of this project.", examples=[PROJECT_ID]),
    ] = ""
    environment: Annotated[
        str,
        Meta(
            max_length=100,
            description="Only those of this environment: `production`, or a preview.",
            examples=[PRODUCTION],
        ),
    ] = ""


@post(
    "/deployments",
    status_code=HTTP_201_CREATED,
    summary="Trigger a deployment",
    opt=by_login(body=DeploymentForm, example=DEPLOYMENT, errors=(404, 409)),
)
async def create_deployment(request: AnyRequest) -> DeploymentRow:
    """Ask for a deployment. It takes the place of those of its environment that still wait."""
    caller = await caller_in(request, needs="write")
    form = await body_of(request, DeploymentForm)
    if form.branch and not is_branch(form.branch):
        raise BadRequest("branch: expected the name of a branch, such as main")
    if form.environment and not ENVIRONMENT.fullmatch(form.environment):
        raise BadRequest("environment: expected A-Z, a-z, 0-9, dots, /, - and _, such as pr-12")
    owner = await deploying(request, caller, form.project_id)
    asked = Asked(
        project_id=owner,
        user_id=caller.user_id,
        author=caller.author,
        origin="api",
        environment=form.environment or PRODUCTION,
        branch=form.branch,
        commit_sha=form.commit_sha.lower(),
        commit_msg=form.commit_msg,
        build_only=form.is_build_only,
    )
    made = await ask_deployment(services(request).database, asked)
    await _note(request, caller, "deploy", made)
    return deployment_row(made, base_of(request))


@get("/deployments", summary="List deployments", opt=by_login(DeploymentsQuery, errors=(404,)))
async def list_all(request: AnyRequest) -> DeploymentRows:
    """Return deployments of the projects of whoever asks, the newest first."""
    caller = await caller_in(request)
    query = read(values_of(request), DeploymentsQuery)
    reach = caller.reach
    if query.project_id:
        reach = Reach(project_id=await reached(request, caller, query.project_id))
    found = await deployments.list_deployments(
        services(request).database,
        reach,
        environment=query.environment or None,
        limit=min(query.limit, MOST),
        offset=query.offset,
    )
    return DeploymentRows([deployment_row(one, base_of(request)) for one in found])


@get(ONE, summary="Show a deployment", opt=by_login())
async def show_one(request: AnyRequest, deployment_id: FromPath[str]) -> DeploymentRow:
    """Return a deployment of a project of whoever asks."""
    reach = await _reach(request, await caller_in(request), deployment_id)
    found = await deployments.get_deployment(services(request).database, reach, deployment_id)
    return deployment_row(found, base_of(request))


@get(f"{ONE}/events", summary="Show what happened to a deployment", opt=by_login())
async def show_events(request: AnyRequest, deployment_id: FromPath[str]) -> History:
    """Return each change of the status and the phase of a deployment, in order."""
    reach = await _reach(request, await caller_in(request), deployment_id)
    found = await deployments.get_history(services(request).database, reach, deployment_id)
    return History([history_row(one) for one in found])


@post(
    f"{ONE}/rollback",
    status_code=HTTP_201_CREATED,
    summary="Roll back to a deployment",
    opt=by_login(errors=(409,)),
)
async def roll_back(request: AnyRequest, deployment_id: FromPath[str]) -> DeploymentRow:
    """Ask for what this deployment served: its kept release, or else its commit built again."""
    return await _change(request, deployment_id, "rollback", deployments.roll_back)


@post(
    f"{ONE}/restart",
    status_code=HTTP_201_CREATED,
    summary="Restart a deployment",
    opt=by_login(errors=(409,)),
)
async def restart(request: AnyRequest, deployment_id: FromPath[str]) -> DeploymentRow:
    """Ask for the release of this deployment once more, with the variables as they are now."""
    return await _change(request, deployment_id, "restart", deployments.restart)


@post(
    f"{ONE}/cancel",
    status_code=HTTP_200_OK,
    summary="Cancel a deployment",
    opt=by_login(errors=(409,)),
)
async def cancel(request: AnyRequest, deployment_id: FromPath[str]) -> DeploymentRow:
    """End a deployment that waits or is built; its build is stopped within seconds."""
    return await _change(request, deployment_id, "cancel", deployments.cancel_deployment)


@patch(f"{ONE}/promote", summary="Promote a deployment to default", opt=by_login())
async def promote(request: AnyRequest, deployment_id: FromPath[str]) -> DeploymentRow:
    """Have the project's address lead to this deployment, which has to run."""
    try:
        return await _change(request, deployment_id, "promote", deployments.promote)
    except Conflict as error:
        # 400 is what its clients know.
        raise BadRequest(error.message) from error


@delete(
    ONE,
    status_code=HTTP_200_OK,
    summary="Delete a deployment that is over",
    opt=by_login(errors=(409,)),
)
async def remove(request: AnyRequest, deployment_id: FromPath[str]) -> Said:
    """Forget a deployment that is over."""
    caller = await caller_in(request, needs="write")
    who = await _who(request, caller, deployment_id)
    database = services(request).database
    await deployments.remove_deployment(database, who, deployment_id)
    what = ("delete", "deployment", deployment_id)
    await note_alone(database, actor_of(request, caller), what)
    return Said("deleted")


HANDLERS = (
    *(create_deployment, list_all, show_one, show_events),
    *(roll_back, restart, cancel, promote, remove),
)


async def _change(
    request: AnyRequest, deployment_id: str, action: str, change: Again
) -> DeploymentRow:
    caller = await caller_in(request, needs="write")
    who = await _who(request, caller, deployment_id)
    found = await change(services(request).database, who, deployment_id)
    await _note(request, caller, action, found)
    return deployment_row(found, base_of(request))


async def _reach(request: AnyRequest, caller: Caller, deployment_id: str) -> Reach:
    """Returns a reach that holds the deployment, if whoever asks may see it."""
    return Reach(project_id=await _project(request, caller, deployment_id))


async def _who(request: AnyRequest, caller: Caller, deployment_id: str) -> Who:
    owner = await _project(request, caller, deployment_id)
    await deploying(request, caller, owner)
    return Who(Reach(caller.user_id, owner), caller.author, "api")


async def _project(request: AnyRequest, caller: Caller, deployment_id: str) -> ProjectId:
    database = services(request).database
    return await project_of_deployment(database, caller.looks_in, deployment_id)


async def _note(request: AnyRequest, caller: Caller, action: str, one: Deployment) -> None:
    what = (action, "deployment", one.id)
    actor, database = actor_of(request, caller), services(request).database
    await note_alone(database, actor, what, project_id=one.project_id, branch=one.branch)
