"""The routes that Langfuse's SDKs ask, with an API key as their secret key."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from litestar import Router, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler

from api.auth import AnyRequest, services
from api.declared import reject_unknown
from api.llm.langfuse_datasets import LANGFUSE as DATASETS
from api.llm.langfuse_links import LINKS
from api.llm.prompts import get_langfuse_prompt
from api.parameters import Project
from controlplane.key_headers import api_key_in
from controlplane.projects import project_settings
from schemas.connections import AUTHENTICATED
from schemas.described import describes
from schemas.llm.langfuse_projects import LangfuseProject, LangfuseProjects
from schemas.projects import ProjectContext

ProjectOf: TypeAlias = Callable[[AnyRequest], Awaitable[ProjectContext]]


@get(
    "/projects",
    summary="Name the project of a key as Langfuse's SDKs ask for it",
    opt=describes(answer=LangfuseProjects, asks="key"),
)
async def get_langfuse_projects(request: AnyRequest, project: Project) -> LangfuseProjects:
    """Answers the one project of the key. The SDKs check their credentials so."""
    found = await project_settings(services(request).database, project.project_id)
    return LangfuseProjects([LangfuseProject(id=project.project_id, name=found.name)])


def routers() -> list[Router]:
    """Returns the routes with the credentials of these SDKs."""
    return [
        # The SDKs ask for more of a prompt than is looked at.
        _router(get_langfuse_prompt, project_of=_project_of),
        _router(get_langfuse_projects, *DATASETS, project_of=_project_that_asks_right),
        Router("/", route_handlers=LINKS),
    ]


def _router(*handlers: HTTPRouteHandler, project_of: ProjectOf) -> Router:
    return Router(
        "/api/public",
        route_handlers=handlers,
        dependencies={"project": Provide(project_of)},
        tags=["queries"],
    )


async def _project_of(request: AnyRequest) -> ProjectContext:
    key = api_key_in(request.headers.get)
    project = await services(request).keyring.project_of_key(key)
    request.scope["state"][AUTHENTICATED] = True
    return project


async def _project_that_asks_right(request: AnyRequest) -> ProjectContext:
    project = await _project_of(request)
    reject_unknown(request)
    return project
