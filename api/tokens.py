"""`/dashboard/api/tokens`: API tokens of a project, for its admins, and of whoever asks.

One session sees both: the tokens of the project in `X-Project-Id` if it is an admin's, and those
of its own person, which reach all of the person's projects.
"""

from datetime import datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from api.account_forms import iso_ms, read_form, trimmed
from api.auth import AnyRequest, Entered, admin_only, entered, services
from api.sessions import Done
from controlplane.failures import BadRequest, NotFound
from controlplane.tokens import (
    ShownToken,
    TokenDraft,
    TokenOwner,
    create_token,
    list_tokens,
    revoke_token,
)
from schemas.described import describes

_DEFAULT_NAME = "API token"


class TokenForm(Struct, frozen=True, rename="camel"):
    """A token to make: without `expiresAt` it never ends."""

    name: str | None = None
    scope: Annotated[str, Meta(max_length=200)] = "read"
    """`read`, `write` or `admin`, or such as `monitors:read incidents:write`."""
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    all_projects: bool = False
    """Whether it reaches all projects of whoever makes it, and not the one of the header."""
    for_monitors: bool = False
    """Whether it is a monitor key of the project, `sk_live_…`."""
    for_probers: bool = False
    """Whether it is a prober key of the project, `sk_probe_…`."""


class TokenRow(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A token without its value; one without `projectId` reaches all of its person's projects."""

    id: str
    name: str
    last_four: str
    scope: str
    created_at: str
    project_id: str | None = None
    expires_at: str | None = None
    last_used_at: str | None = None


class TokenList(Struct, frozen=True):
    """The tokens that whoever asks may revoke: those of the project first, the oldest first."""

    tokens: list[TokenRow]


class MadeToken(Struct, frozen=True, rename="camel"):
    """A new token, with the only sight of its value."""

    api_token: str
    token: TokenRow


@get("/tokens", summary="List API tokens", opt=describes(asks="project"))
async def list_api_tokens(request: AnyRequest) -> TokenList:
    """Return your own tokens and, to admins, those of the project in `X-Project-Id`."""
    found, database = await entered(request), services(request).database
    tokens: list[ShownToken] = []
    if _is_admin(found):
        tokens += await list_tokens(database, _project_of(found))
    if found.session.key_access is None:
        tokens += await list_tokens(database, _person_of(found))
    return TokenList([_row(token) for token in tokens])


@post(
    "/tokens",
    status_code=HTTP_201_CREATED,
    summary="Create an API token",
    opt=describes(
        body=TokenForm, example={"name": "CI", "scope": "write"}, asks="project", errors=(409,)
    ),
)
async def create_api_token(request: AnyRequest) -> MadeToken:
    """Create a token of the project, for admins; with `allProjects`, one of your own."""
    found = await entered(request)
    bad = "Invalid request body"
    form = await read_form(request, TokenForm, otherwise=bad, bad_json=bad)
    if form.for_probers and (form.for_monitors or form.all_projects):
        raise BadRequest("forProbers goes with neither forMonitors nor allProjects")
    if form.all_projects:
        owner = _person_of(found)
    else:
        admin_only(found.access)
        owner = _project_of(found)
    state = services(request)
    name = trimmed(form.name) or _DEFAULT_NAME
    new = TokenDraft(
        name,
        form.scope,
        form.expires_at,
        for_monitors=form.for_monitors,
        for_probers=form.for_probers,
    )
    at_most = state.quotas.max_keys_per_project
    made = await create_token(state.database, owner, new, at_most=at_most)
    return MadeToken(made.plain, _row(made.token))


@delete(
    "/tokens/{token_id:str}",
    status_code=HTTP_200_OK,
    summary="Revoke an API token",
    opt=describes(asks="project"),
)
async def revoke_api_token(request: AnyRequest, token_id: FromPath[str]) -> Done:
    """Revoke your own token or, as an admin, one of the project: it stops working at once here."""
    found, state = await entered(request), services(request)
    try:
        token_hash = await revoke_token(state.database, _person_of(found), token_id)
    except NotFound:
        admin_only(found.access)
        token_hash = await revoke_token(state.database, _project_of(found), token_id)
    state.api_tokens.forget(token_hash)
    return Done()


TOKEN_HANDLERS: list[ControllerRouterHandler] = [
    list_api_tokens,
    create_api_token,
    revoke_api_token,
]


def _is_admin(found: Entered) -> bool:
    return found.session.key_access is None and found.access.role == "admin"


def _project_of(found: Entered) -> TokenOwner:
    return TokenOwner(project_id=found.access.project.project_id)


def _person_of(found: Entered) -> TokenOwner:
    """Returns the person of a session. One that an API key opened has none, and owns nothing."""
    return TokenOwner(user_id=found.session.account.user_id)


def _row(token: ShownToken) -> TokenRow:
    return TokenRow(
        id=token.token_id,
        name=token.name,
        last_four=token.last_four,
        scope=token.scope,
        created_at=iso_ms(token.created_at),
        project_id=token.project_id,
        expires_at=iso_ms(token.expires_at) if token.expires_at else None,
        last_used_at=iso_ms(token.last_used_at) if token.last_used_at else None,
    )
