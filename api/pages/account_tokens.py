"""A person's own API tokens, on the page of the account: made, shown once, revoked."""

from typing import Any
from urllib.parse import urlencode

import structlog
from litestar import Response, post
from litestar.params import FromPath

from api.auth import AnyRequest, services
from api.pages.account import (
    ACCOUNT,
    account_shown,
    back_to_account,
    frame_query,
    person_of,
)
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.once import show_once
from api.pages.token_forms import FIELDS, TypedToken, draft_of
from controlplane.failures import BadRequest, Conflict
from controlplane.tokens import TokenOwner, create_token, list_tokens, revoke_token

log = structlog.get_logger(__name__)


@post(f"{ACCOUNT}/tokens", include_in_schema=False, status_code=200)
async def add_own_token(request: AnyRequest) -> Response[Any]:
    """Make a token for all of one's projects, which the page shows once."""
    session = await person_of(request)
    state, fields = services(request), await fields_of(request)
    owner, at_most = TokenOwner(user_id=session.account.user_id), state.quotas.max_keys_per_project
    try:
        made = await create_token(state.database, owner, draft_of(fields), at_most=at_most)
    except (BadRequest, Conflict) as error:
        typed = TypedToken(fields, problem_of(error, FIELDS))
        return await account_shown(request, session, token=typed)
    log.info("token made", user_id=owner.user_id, token_id=made.token.token_id)
    query = urlencode(frame_query(request))
    return show_once(request, session, ACCOUNT, made.plain, query=query)


@post(f"{ACCOUNT}/tokens/{{token_id:str}}/revoke", include_in_schema=False, status_code=200)
async def remove_own_token(request: AnyRequest, token_id: FromPath[str]) -> Response[str]:
    """Revoke a token of one's own, whose name the form repeats."""
    session = await person_of(request)
    state, typed = services(request), await typed_word(request)
    owner = TokenOwner(user_id=session.account.user_id)
    tokens = await list_tokens(state.database, owner)
    named = next((one.name for one in tokens if one.token_id == token_id.lower()), None)
    if named is None or typed != named:
        text = (
            f"type the token's name, {named}, to revoke it" if named else "there is no such token"
        )
        problem = Problem(f"Nothing was revoked: {text}.")
        return await account_shown(request, session, token=TypedToken(list_problem=problem))
    state.api_tokens.forget(await revoke_token(state.database, owner, token_id))
    log.info("token revoked", user_id=owner.user_id, token_id=token_id)
    return back_to_account(request, "token")


HANDLERS = (add_own_token, remove_own_token)
