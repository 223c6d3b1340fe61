"""The API keys of a project: made, shown once, renamed, revoked; and what to copy to send."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.once import show_once, shown_once
from api.pages.parts.quality_snippets import quality_samples
from api.pages.parts.snippets import PLACE_OF_KEY, every_snippet, url_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of, path_of
from api.pages.viewer import Viewed, Viewer
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.keys import KeyDraft, create_key, list_keys, rename_key, revoke_key

KEYS = f"{PATH}/keys"
FIELDS = {"API key name": "name"}
SHOWN_CHARS = 13
"""Of a key in the list: enough to know it by, of no use to who looks over a shoulder."""

log = structlog.get_logger(__name__)


@get(KEYS, include_in_schema=False)
async def keys_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show to admins the keys, and to all what to copy."""
    return await _shown(request, viewer)


@post(KEYS, include_in_schema=False, status_code=200)
async def add_key(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a key, which the page shows once."""
    admins_only(viewer)
    state, fields = services(request), await fields_of(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    try:
        key = await create_key(
            state.database,
            state.vault,
            project_id,
            KeyDraft(fields.get("name", "")),
            at_most=state.quotas.max_keys_per_project,
        )
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, fields=fields, problem=problem_of(error, FIELDS))
    log.info("key made", project_id=project_id, key_id=key.key_id, by=by)
    return show_once(request, viewer.session, path_of(viewer, "/keys"), key.plain)


@post(f"{KEYS}/{{key_id:str}}/rename", include_in_schema=False, status_code=200)
async def rename_one(request: AnyRequest, viewer: Viewed, key_id: FromPath[str]) -> Response[Any]:
    """Give a key another name."""
    admins_only(viewer)
    name = (await fields_of(request)).get("new_name", "")
    try:
        await rename_key(services(request).database, viewer.project.project_id, key_id, name)
    except BadRequest as error:
        return await _shown(request, viewer, list_problem=Problem(error.message))
    return Redirect(page_of(request, "/keys"), status_code=303)


@post(f"{KEYS}/{{key_id:str}}/revoke", include_in_schema=False, status_code=200)
async def remove_key(request: AnyRequest, viewer: Viewed, key_id: FromPath[str]) -> Response[Any]:
    """Revoke a key, whose name the form repeats: nobody does so by a slip."""
    admins_only(viewer)
    state, typed = services(request), await typed_word(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    keys = await list_keys(state.database, state.vault, project_id)
    named = next((key.name for key in keys if key.key_id == key_id.lower()), None)
    if named is None:
        raise NotFound("There is no such key: it may be revoked already")
    if typed != named:
        problem = Problem(f"Nothing was revoked: type the key's name, {named}, to revoke it.")
        return await _shown(request, viewer, list_problem=problem)
    state.keyring.forget(await revoke_key(state.database, project_id, key_id))
    log.info("key revoked", project_id=project_id, key_id=key_id, by=by)
    return Redirect(page_of(request, "/keys"), status_code=303)


HANDLERS = (keys_page, add_key, rename_one, remove_key)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: dict[str, str] | None = None,
    problem: Problem | None = None,
    list_problem: Problem | None = None,
) -> Response[str]:
    state, project_id = services(request), viewer.project.project_id
    keys = await list_keys(state.database, state.vault, project_id) if viewer.is_admin else []
    made = shown_once(request, viewer.session)
    url, key = url_of(request), made.text or PLACE_OF_KEY
    answer = await page(
        request,
        "settings/keys.html",
        status_code=400 if problem or list_problem else 200,
        keys=keys,
        shown_chars=SHOWN_CHARS,
        made=next((key for key in keys if key.plain == made.text), None),
        fields=fields or {},
        problem=problem,
        list_problem=list_problem,
        place=PLACE_OF_KEY,
        snippets=[*every_snippet(url, key, project_id), *quality_samples(url, key)],
    )
    return made.taken_from(answer)
