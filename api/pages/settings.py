"""The settings of a project: what counts in it, and its keys. Members see, admins change."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.entrance import Problem
from api.pages.forms import fields_of
from api.pages.navigation import Link, Section
from api.pages.parts.snippets import snippets_of
from api.pages.render import address_of, page
from api.pages.viewer import NotYours, Viewed, Viewer
from controlplane.errors import BadRequest, Conflict, NotFound
from controlplane.keys import KeyDraft, create_key, list_keys, revoke_key
from controlplane.projects import ProjectChange, project_settings, update_project

PATH = "/settings"


@get(PATH, include_in_schema=False)
async def settings_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the settings, and to admins the keys."""
    return await _shown(request, viewer)


@post(PATH, include_in_schema=False, status_code=200)
async def change_settings(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Change what the form says."""
    _admins_only(viewer)
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
        return await _shown(request, viewer, problem=Problem(error.message), status_code=400)
    services(request).keyring.forget_project(project_id)
    return Redirect(address_of(request).page("settings"), status_code=303)


@post(f"{PATH}/keys", include_in_schema=False, status_code=200)
async def add_key(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a key."""
    _admins_only(viewer)
    state, name = services(request), (await fields_of(request)).get("name", "")
    try:
        await create_key(
            state.database,
            state.vault,
            viewer.project.project_id,
            KeyDraft(name),
            at_most=state.quotas.max_keys_per_project,
        )
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, key_problem=Problem(error.message), status_code=400)
    return Redirect(address_of(request).page("settings"), status_code=303)


@post(f"{PATH}/keys/{{key_id:str}}/revoke", include_in_schema=False, status_code=200)
async def remove_key(request: AnyRequest, viewer: Viewed, key_id: FromPath[str]) -> Response[Any]:
    """Revoke a key, whose name the form repeats: nobody does so by a slip."""
    _admins_only(viewer)
    state, typed = services(request), (await fields_of(request)).get("name", "").strip()
    project_id = viewer.project.project_id
    keys = await list_keys(state.database, state.vault, project_id)
    named = next((key.name for key in keys if key.key_id == key_id.lower()), None)
    if named is None:
        raise NotFound("There is no such key: it may be revoked already")
    if typed != named:
        problem = Problem(f"Nothing was revoked: type the key's name, {named}, to revoke it.")
        return await _shown(request, viewer, key_problem=problem, status_code=400)
    state.keyring.forget(await revoke_key(state.database, project_id, key_id))
    return Redirect(address_of(request).page("settings"), status_code=303)


SECTION = Section(
    "Project",
    (Link("Settings", "settings"),),
    (settings_page, change_settings, add_key, remove_key),
)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    problem: Problem | None = None,
    key_problem: Problem | None = None,
    status_code: int = 200,
) -> Response[str]:
    state, project_id = services(request), viewer.project.project_id
    keys = await list_keys(state.database, state.vault, project_id) if viewer.is_admin else []
    return await page(
        request,
        "settings.html",
        status_code=status_code,
        settings=await project_settings(state.database, project_id),
        keys=keys,
        problem=problem,
        key_problem=key_problem,
        snippets=await snippets_of(request, viewer),
    )


def _admins_only(viewer: Viewer) -> None:
    if not viewer.is_admin:
        raise NotYours


def _days(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise BadRequest("Retention: expected a number of days, or nothing")
    return int(text)
