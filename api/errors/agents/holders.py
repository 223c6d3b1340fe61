"""Which issues the holder of an API token reaches."""

from typing import Any, NamedTuple

from litestar import get
from litestar.handlers import HTTPRouteHandler

from api.auth import AnyRequest, services
from api.holders import holder_in, named_as, opt_by_token
from controlplane.api_tokens import TokenHolder, reached_projects
from controlplane.errors.listing import find_project_of, get_issue
from schemas.errors.issues import IssueRow
from schemas.projects import ProjectContext, TokenScope


class ReachedIssue(NamedTuple):
    """An issue that a token reaches, and its project."""

    holder: TokenHolder
    project: ProjectContext
    row: IssueRow


async def issue_in(
    request: AnyRequest, issue_id: str, *, needs: TokenScope = "read"
) -> ReachedIssue:
    """Return an issue that a token reaches. Raises `NotFound` for any other."""
    holder = await holder_in(request, needs=needs)
    database = services(request).database
    reached = {
        one.access.project.project_id: one for one in await reached_projects(database, holder)
    }
    project_id = await find_project_of(database, list(reached), issue_id)
    project = reached[project_id].access.project
    return ReachedIssue(holder, project, await get_issue(database, project_id, issue_id))


def of_issue(path: str, handler: HTTPRouteHandler) -> HTTPRouteHandler:
    """Return a route that answers the holder of a token as `handler` answers that of a key.

    The path names no project: it is that of the issue.
    """

    async def answer(request: AnyRequest) -> Any:
        names = dict(request.path_params)
        reached = await issue_in(request, names.pop("issue_id"))
        return await handler.fn(request, reached.project, reached.row.id, **names)

    return get(path, opt=opt_by_token(handler))(named_as(handler, answer))
