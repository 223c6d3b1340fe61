"""Who asks with an API token, and which projects and issues they reach."""

from typing import NamedTuple

from api.auth import AnyRequest, services
from api.declared import reject_unknown
from controlplane.api_tokens import (
    ReachedProject,
    TokenHolder,
    check_scope,
    project_for,
    reached_projects,
)
from controlplane.errors.listing import find_project_of, get_issue
from schemas.connections import AUTHENTICATED
from schemas.errors.issues import IssueRow
from schemas.projects import ProjectContext, ProjectId, TokenScope


class ReachedIssue(NamedTuple):
    """An issue that a token reaches, and its project."""

    holder: TokenHolder
    project: ProjectContext
    row: IssueRow


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


def group_of(holder: TokenHolder) -> ProjectContext:
    """Return for whom statements over several projects take turns: whoever holds the token."""
    return ProjectContext(ProjectId(holder.project_id or holder.user_id or holder.token_id))
