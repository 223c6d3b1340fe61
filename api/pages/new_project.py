"""Making another project."""

from typing import Any

import structlog
from litestar import Response, get, post

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.once import show_once
from api.pages.render import page
from api.pages.viewer import NotYours, session_of
from controlplane.failures import BadRequest, Conflict
from controlplane.projects import create_project
from controlplane.sessions import SignedIn

FIELDS = {"Project name": "name", "There is a project": "name"}

log = structlog.get_logger(__name__)


@get("/new-project", include_in_schema=False)
async def new_project_page(request: AnyRequest) -> Response[str]:
    """Show the form to a person who is signed in."""
    await _person(request)
    return await _shown(request)


@post("/new-project", include_in_schema=False, status_code=200)
async def make_project(request: AnyRequest) -> Response[Any]:
    """Make a project, and show its first key once."""
    session, fields, state = await _person(request), await fields_of(request), services(request)
    user_id, name = session.account.user_id, fields.get("name", "")
    try:
        made = await create_project(
            state.database, state.vault, user_id, name, at_most=state.quotas.max_projects_per_user
        )
    except (BadRequest, Conflict) as error:
        return await _shown(request, name=name, problem=problem_of(error, FIELDS))
    log.info("project made", project_id=made.project_id, by=user_id)
    path = f"/p/{made.project_id}/settings/keys"
    return show_once(request, session, path, made.plain_key)


HANDLERS = (new_project_page, make_project)


async def _person(request: AnyRequest) -> SignedIn:
    session = await session_of(request)
    if session.key_access is not None:
        raise NotYours
    return session


async def _shown(
    request: AnyRequest, *, name: str = "", problem: Problem | None = None
) -> Response[str]:
    status_code = 400 if problem else 200
    return await page(
        request, "new_project.html", status_code=status_code, name=name, problem=problem
    )
