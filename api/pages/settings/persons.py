"""The data of one person: looked for, taken away, erased. Admins alone."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from api.persons import counted, export, told_of, whose_data
from api.reads import reader_of
from controlplane.erasures import cleaned_person, list_erasures, request_erasure
from controlplane.failures import BadRequest, Conflict
from schemas.persons import PersonCounts

PERSONS = f"{PATH}/persons"

log = structlog.get_logger(__name__)


@get(PERSONS, include_in_schema=False)
async def persons_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the erasures, and a form to look for a person."""
    return await _shown(request, viewer)


@post(PERSONS, include_in_schema=False, status_code=200)
async def find_person(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show how much names a person. A form: an id in an address is kept by browsers and logs."""
    admins_only(viewer)
    person = (await fields_of(request)).get("person", "")
    try:
        return await _shown(request, viewer, person=cleaned_person(person))
    except BadRequest as error:
        problem = problem_of(error, {"person": "person"}, {"person": [person]})
        return await _shown(request, viewer, problem=problem)


@post(f"{PERSONS}/export", include_in_schema=False, status_code=200)
async def export_one(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Give all that names a person, as lines of JSON."""
    admins_only(viewer)
    person = cleaned_person((await fields_of(request)).get("person", ""))
    project = viewer.project
    by = viewer.session.account.user_id
    whose = whose_data(project.project_id, person)
    log.info("person exported", project_id=project.project_id, by=by)
    return export(reader_of(request, project), told_of(request), whose)


@post(f"{PERSONS}/erase", include_in_schema=False, status_code=200)
async def erase_one(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Ask for a person to be erased, whose id the form repeats: nobody does so by a slip."""
    admins_only(viewer)
    fields = await fields_of(request)
    person, typed = fields.get("person", "").strip(), fields.get("confirm", "").strip()
    by = viewer.session.account.user_id if viewer.is_person else None
    try:
        if typed != person:
            raise BadRequest("Nothing was erased: type the id again to erase what names it.")
        project_id = viewer.project.project_id
        state = services(request)
        asked = await request_erasure(state.database, project_id, person, by=by)
        await state.forget_address(project_id, person)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, erase_problem=Problem(error.message), person=person)
    ids = {"project_id": project_id, "erasure_id": asked.erasure_id}
    log.info("erasure asked for", person_hash=asked.person_hash, by=by, **ids)
    return Redirect(page_of(request, "/persons", asked=1), status_code=303)


HANDLERS = (persons_page, find_person, export_one, erase_one)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    person: str = "",
    problem: Problem | None = None,
    erase_problem: Problem | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    found: PersonCounts | None = None
    if person:
        async with reader_of(request, viewer.project).turn() as warehouse:
            found = await counted(warehouse, told_of(request), whose_data(project_id, person))
    return await page(
        request,
        "settings/persons.html",
        status_code=400 if problem or erase_problem else 200,
        person=person,
        found=found,
        erasures=await list_erasures(database, project_id) if viewer.is_admin else [],
        problem=problem,
        erase_problem=erase_problem,
    )
