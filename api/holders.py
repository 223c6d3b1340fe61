"""Who asks with an API token, and which projects they reach; routes that answer them as others."""

from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec.structs import replace

from api.auth import AnyRequest, services
from api.declared import reject_unknown
from controlplane.api_tokens import (
    ReachedProject,
    TokenHolder,
    check_scope,
    project_for,
    reached_projects,
)
from schemas.connections import AUTHENTICATED
from schemas.described import OPTION, Described
from schemas.projects import ProjectContext, ProjectId, TokenScope


async def holder_in(request: AnyRequest, *, needs: TokenScope = "read") -> TokenHolder:
    """Return who asks. Raises `Unauthorized`, `Forbidden`, and `InvalidParameters`."""
    holder = await services(request).api_tokens.holder_of(request.headers.get("authorization"))
    request.scope["state"][AUTHENTICATED] = True
    check_scope(holder, needs)
    reject_unknown(request)
    return holder


async def projects_in(request: AnyRequest, holder: TokenHolder) -> list[ReachedProject]:
    """Return the projects that a token reaches."""
    return await reached_projects(services(request).database, holder)


async def project_in(
    request: AnyRequest, project_id: str, *, needs: TokenScope = "read"
) -> tuple[TokenHolder, ReachedProject]:
    """Return who asks, and a project that they reach. Raises `NotFound` too."""
    holder = await holder_in(request, needs=needs)
    database = services(request).database
    return holder, await project_for(database, holder, project_id, needs=needs)


def group_of(holder: TokenHolder) -> ProjectContext:
    """Return for whom statements over several projects take turns: whoever holds the token."""
    return ProjectContext(ProjectId(holder.project_id or holder.user_id or holder.token_id))


def by_token(path: str, handler: HTTPRouteHandler) -> HTTPRouteHandler:
    """Return a route that answers the holder of a token as `handler` answers that of a key.

    The path names the project, and what else `handler` reads of its own path.
    """

    async def answer(request: AnyRequest) -> Any:
        names = dict(request.path_params)
        _, reached = await project_in(request, names.pop("project_id"))
        return await handler.fn(request, reached.access.project, **names)

    return get(path, opt=opt_by_token(handler))(named_as(handler, answer))


def opt_by_token(handler: HTTPRouteHandler) -> dict[str, Any]:
    """Return what `handler` carries, with the credentials of a token."""
    described: Described = handler.opt[OPTION]
    answered = described.answer or handler.fn.__annotations__["return"]
    return {**handler.opt, OPTION: replace(described, answer=answered, asks="token")}


def named_as(handler: HTTPRouteHandler, function: Any) -> Any:
    """Return a function with the name and the first lines of another."""
    function.__name__, function.__doc__ = handler.fn.__name__, handler.fn.__doc__
    return function
