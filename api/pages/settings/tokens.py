"""The API tokens of a project: made, shown once, revoked. Those of a person are in the account."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.once import show_once, shown_once
from api.pages.parts.snippets import url_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of, path_of
from api.pages.token_forms import FIELDS, UNTYPED, TypedToken, draft_of, shown_form
from api.pages.viewer import Viewed, Viewer
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.tokens import TokenOwner, create_token, list_tokens, revoke_token

TOKENS = f"{PATH}/tokens"

log = structlog.get_logger(__name__)


@get(TOKENS, include_in_schema=False)
async def tokens_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show to admins the tokens of the project."""
    return await _shown(request, viewer)


@post(TOKENS, include_in_schema=False, status_code=200)
async def add_token(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a token, which the page shows once."""
    admins_only(viewer)
    state, fields = services(request), await fields_of(request)
    owner, by = TokenOwner(viewer.project.project_id), viewer.session.account.user_id
    at_most = state.quotas.max_keys_per_project
    try:
        made = await create_token(state.database, owner, draft_of(fields), at_most=at_most)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, TypedToken(fields, problem_of(error, FIELDS)))
    log.info("token made", project_id=owner.project_id, token_id=made.token.token_id, by=by)
    return show_once(request, viewer.session, path_of(viewer, "/tokens"), made.plain)


@post(f"{TOKENS}/{{token_id:str}}/revoke", include_in_schema=False, status_code=200)
async def remove_token(
    request: AnyRequest, viewer: Viewed, token_id: FromPath[str]
) -> Response[Any]:
    """Revoke a token, whose name the form repeats: nobody does so by a slip."""
    admins_only(viewer)
    state, typed = services(request), await typed_word(request)
    owner, by = TokenOwner(viewer.project.project_id), viewer.session.account.user_id
    tokens = await list_tokens(state.database, owner)
    named = next((one.name for one in tokens if one.token_id == token_id.lower()), None)
    if named is None:
        raise NotFound("There is no such token: it may be revoked already")
    if typed != named:
        problem = Problem(f"Nothing was revoked: type the token's name, {named}, to revoke it.")
        return await _shown(request, viewer, TypedToken(list_problem=problem))
    state.api_tokens.forget(await revoke_token(state.database, owner, token_id))
    log.info("token revoked", project_id=owner.project_id, token_id=token_id, by=by)
    return Redirect(page_of(request, "/tokens"), status_code=303)


HANDLERS = (tokens_page, add_token, remove_token)


async def _shown(request: AnyRequest, viewer: Viewer, typed: TypedToken = UNTYPED) -> Response[str]:
    owner = TokenOwner(viewer.project.project_id)
    database = services(request).database
    made = shown_once(request, viewer.session)
    answer = await page(
        request,
        "settings/tokens.html",
        status_code=400 if typed.problem or typed.list_problem else 200,
        tokens=await list_tokens(database, owner) if viewer.is_admin else [],
        made=made.text,
        url=url_of(request),
        **shown_form(typed),
    )
    return made.taken_from(answer)
