"""The scheduled export of a project: how often, in which form, where to, and how it goes."""

import time
from typing import Any

import msgspec
import structlog
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from controlplane.exports import find_schedule, remove_schedule, set_schedule
from schemas.exports import Plan

EXPORTS = f"{PATH}/exports"
WORDS = {"folder": "A folder of the server", "s3": "A bucket of S3"}
NO_SUCH = "Nothing was changed: choose how often, a form and a place of the lists."

log = structlog.get_logger(__name__)


@get(EXPORTS, include_in_schema=False)
async def exports_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the schedule and what became of it."""
    return await _shown(request, viewer)


@post(EXPORTS, include_in_schema=False, status_code=200)
async def set_exports(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Set the schedule. Where files go the operator says, never a form."""
    admins_only(viewer)
    fields = await fields_of(request)
    try:
        plan = msgspec.convert(
            {name: fields.get(name, "") for name in Plan.__struct_fields__}, Plan
        )
    except msgspec.ValidationError:
        return await _shown(request, viewer, Problem(NO_SUCH))
    if plan.place not in _places(request):
        return await _shown(request, viewer, Problem(NO_SUCH))
    project_id = viewer.project.project_id
    await set_schedule(services(request).database, project_id, plan, now_us=time.time_ns() // 1000)
    log.info("export scheduled", project_id=project_id, by=viewer.session.account.user_id)
    return Redirect(page_of(request, "/exports", saved=1), status_code=303)


@post(f"{EXPORTS}/remove", include_in_schema=False, status_code=200)
async def end_exports(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """End it. What is written stays."""
    admins_only(viewer)
    project_id = viewer.project.project_id
    await remove_schedule(services(request).database, project_id)
    log.info("export ended", project_id=project_id, by=viewer.session.account.user_id)
    return Redirect(page_of(request, "/exports"), status_code=303)


HANDLERS = (exports_page, set_exports, end_exports)


def _places(request: AnyRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.app.state.get("export_places") or ()
    return found


async def _shown(
    request: AnyRequest, viewer: Viewer, problem: Problem | None = None
) -> Response[str]:
    schedule = await find_schedule(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "settings/exports.html",
        status_code=400 if problem else 200,
        schedule=schedule,
        places=[(place, WORDS[place]) for place in _places(request)],
        problem=problem,
    )
