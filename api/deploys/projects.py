"""`/api/v1/projects`: projects that are deployed from git repositories.

A project is the same one as everywhere; this is how it is deployed. Three of these paths answer
holders of API tokens otherwise: `api.by_credential`.
"""

from typing import cast

from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from api.auth import AnyRequest, forget_project, services
from api.deploys.bodies import converted, fields_of
from api.deploys.callers import actor_of, caller_in, deploying, reached, refuse_strangers
from api.deploys.described import by_login
from api.deploys.project_forms import changed, given
from api.deploys.shown import base_of, project_row
from controlplane.deploys.apps import (
    Draft,
    add_app,
    ask_sync,
    change_app,
    get_app,
    list_apps,
    remove_app,
)
from controlplane.failures import BadRequest
from schemas.deploys.answers import (
    DeployedProject,
    DeployedProjects,
    Said,
    SyncAnswer,
    SyncTask,
)
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.examples import CHANGE, PROJECT
from schemas.deploys.forms import NewProjectForm, ProjectChangeForm

PROJECT_PATH = "/projects/{project_id:str}"


@get("/projects", summary="List your projects", opt=by_login())
async def list_deployed(request: AnyRequest) -> DeployedProjects:
    """Return the projects of whoever asks, the newest first; also those that have no app yet."""
    caller = await caller_in(request)
    state = services(request)
    found = await list_apps(state.database, state.vault, caller.reach)
    return DeployedProjects([project_row(one, base_of(request)) for one in found])


@post(
    "/projects",
    status_code=HTTP_201_CREATED,
    summary="Create a project to deploy",
    opt=by_login(body=NewProjectForm, example=PROJECT, errors=(409,)),
)
async def create_deployed(request: AnyRequest) -> DeployedProject:
    """Create a project with its keys, to be deployed from a git repository."""
    caller = await caller_in(request, needs="write")
    await refuse_strangers(request, caller)
    form = converted(given(await fields_of(request)), NewProjectForm)
    if len(form.name.strip()) < 2:
        raise BadRequest("name: expected a text of at least 2 characters")
    config, secrets = changed(
        AppConfig(), AppSecrets(), form, private_allowed=_private_allowed(request)
    )
    state = services(request)
    made = await add_app(
        state.database,
        state.vault,
        actor_of(request, caller),
        Draft(form.name, config, secrets),
        at_most=state.quotas.max_projects_per_user,
    )
    return project_row(made, base_of(request))


@get(PROJECT_PATH, summary="Show a project", opt=by_login())
async def show_deployed(request: AnyRequest, project_id: FromPath[str]) -> DeployedProject:
    """Return a project of whoever asks."""
    caller, state = await caller_in(request), services(request)
    owner = await reached(request, caller, project_id)
    return project_row(await get_app(state.database, state.vault, owner), base_of(request))


@put(
    PROJECT_PATH,
    summary="Change how a project is deployed",
    opt=by_login(body=ProjectChangeForm, example=CHANGE, errors=(409,)),
)
async def change_deployed(request: AnyRequest, project_id: FromPath[str]) -> DeployedProject:
    """Change what the body names, for admins. What it leaves out stays as it is."""
    caller = await caller_in(request, needs="admin")
    owner = await deploying(request, caller, project_id, needs="admin")
    form = converted(given(await fields_of(request)), ProjectChangeForm)
    state, allowed = services(request), _private_allowed(request)

    def change(config: AppConfig, secrets: AppSecrets) -> tuple[AppConfig, AppSecrets]:
        return changed(config, secrets, form, private_allowed=allowed)

    name = form.name if isinstance(form.name, str) else None
    actor = actor_of(request, caller)
    found = await change_app(state.database, state.vault, actor, owner, change, name=name)
    return project_row(found, base_of(request))


@delete(
    PROJECT_PATH,
    status_code=HTTP_200_OK,
    summary="Delete a project and its deployments",
    opt=by_login(),
)
async def delete_deployed(request: AnyRequest, project_id: FromPath[str]) -> Said:
    """End a project for good, for admins: its deployments, its keys, and then all it has stored."""
    caller = await caller_in(request, needs="admin")
    owner = await reached(request, caller, project_id, needs="admin")
    await remove_app(services(request).database, actor_of(request, caller), owner)
    forget_project(request, owner)
    return Said("project deleted")


@post(
    f"{PROJECT_PATH}/sync",
    status_code=HTTP_202_ACCEPTED,
    summary="Look for a new commit now",
    opt=by_login(),
)
async def sync_deployed(request: AnyRequest, project_id: FromPath[str]) -> SyncAnswer:
    """Have a deployer look at the project's branch now; a new commit is deployed."""
    caller = await caller_in(request, needs="write")
    owner = await deploying(request, caller, project_id)
    await ask_sync(services(request).database, actor_of(request, caller), owner)
    return SyncAnswer("sync task started", SyncTask(owner))


HANDLERS = (change_deployed, delete_deployed, sync_deployed)
SHARED = (list_deployed, create_deployed, show_deployed)
"""On paths that answer holders of API tokens otherwise."""


def _private_allowed(request: AnyRequest) -> bool:
    return cast("bool", request.app.state.private_repositories)
