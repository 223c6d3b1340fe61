"""Which of the projects that a token reaches a path names, and which of them have a release."""

from collections.abc import Sequence

from msgspec import Struct

from api.auth import AnyRequest, services
from api.errors.sentry_cli.reach import projects_named
from api.holders import projects_in
from controlplane.api_tokens import ReachedProject, TokenHolder
from controlplane.errors.release_details import find_projects_of
from controlplane.failures import NotFound


class PageQuery(Struct, frozen=True, kw_only=True):
    """Which page; all fits on the first one."""

    cursor: str = ""


MOST_PROJECTS = 100
"""That are asked whether they have a release."""


async def one_project(request: AnyRequest, holder: TokenHolder, name: str) -> ReachedProject:
    """Returns the project of a name; of a project's own token that project, whatever its name.

    Raises `BadRequest` for one that the token does not reach.
    """
    names = [] if holder.project_id is not None else [name]
    (found,) = await projects_named(request, holder, names)
    return found


async def having(
    request: AnyRequest, holder: TokenHolder, version: str, names: Sequence[str | int] = ()
) -> list[ReachedProject]:
    """Returns the projects, of those that are named or of all, that have a release.

    Raises `NotFound` where none has.
    """
    if names and holder.project_id is None:
        reached = await projects_named(request, holder, [str(name) for name in names])
    else:
        reached = (await projects_in(request, holder))[:MOST_PROJECTS]
    ids = [one.access.project.project_id for one in reached]
    found = set(await find_projects_of(services(request).database, ids, version))
    if not found:
        raise NotFound("Release not found in the projects that the token reaches")
    return [one for one in reached if one.access.project.project_id in found]
