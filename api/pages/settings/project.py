"""The project itself: its name, what counts in it, how long it is kept, and its end."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, forget_project, services
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.render import address_of, page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from controlplane.failures import BadRequest, Conflict
from controlplane.projects import (
    MAX_RETENTION_DAYS,
    ProjectChange,
    delete_project,
    project_settings,
    update_project,
)

FIELDS = {
    **{"Project name": "name", "There is a project": "name", "costPreference": "cost"},
    **{"timeZone": "zone", "retentionDays": "days", "Days to keep": "days"},
}
"""By how what is wrong begins, which field it is."""

log = structlog.get_logger(__name__)


@get(PATH, include_in_schema=False)
async def settings_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the settings of the project."""
    return await _shown(request, viewer)


@post(PATH, include_in_schema=False, status_code=200)
async def change_settings(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Change what the form says."""
    admins_only(viewer)
    fields = await fields_of(request)
    project_id = viewer.project.project_id
    try:
        change = ProjectChange(
            name=fields.get("name", ""),
            cost_preference=fields.get("cost", ""),
            time_zone=fields.get("zone", "").strip(),
            retention_days=_days(fields.get("days", "").strip()),
        )
        await update_project(services(request).database, project_id, change)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, fields=fields, problem=problem_of(error, FIELDS))
    forget_project(request, project_id)
    return Redirect(page_of(request, saved=1), status_code=303)


@post(f"{PATH}/delete", include_in_schema=False, status_code=200)
async def remove_project(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Delete the project, whose name the form repeats: nobody does so by a slip."""
    admins_only(viewer)
    typed, project_id = await typed_word(request), viewer.project.project_id
    if typed != viewer.project_name.strip():
        text = f"Nothing was deleted: type the project's name, {viewer.project_name}, to delete it."
        return await _shown(request, viewer, end_problem=Problem(text))
    await delete_project(services(request).database, project_id)
    forget_project(request, project_id)
    log.info("project deleted", project_id=project_id, by=viewer.session.account.user_id)
    return Redirect(address_of(request).url("/"), status_code=303)


HANDLERS = (settings_page, change_settings, remove_project)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: dict[str, str] | None = None,
    problem: Problem | None = None,
    end_problem: Problem | None = None,
) -> Response[str]:
    state = services(request)
    settings = await project_settings(state.database, viewer.project.project_id)
    days = settings.retention_days
    stored = {
        "name": settings.name,
        "cost": settings.cost_preference,
        "zone": settings.time_zone,
        "days": "" if days is None else str(days),
    }
    return await page(
        request,
        "settings/project.html",
        status_code=400 if problem or end_problem else 200,
        settings=settings,
        fields=fields or stored,
        usual_days=state.retention_days,
        most_days=MAX_RETENTION_DAYS,
        problem=problem,
        end_problem=end_problem,
    )


def _days(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise BadRequest(
            f"Days to keep: expected 1 to {MAX_RETENTION_DAYS}, or nothing, and not {text[:20]!r}"
        )
    return int(text)
