"""`/dashboard/api/local-login*`: how a CLI signs the browser of the same machine in."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.status_codes import HTTP_201_CREATED, HTTP_302_FOUND
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.account_forms import iso_ms, read_form, trimmed
from api.auth import (
    AnyRequest,
    client_address,
    prefix_of,
    reject_cross_site,
    services,
    session_cookie,
    visit_of,
)
from api.declared import known_parameters, takes
from api.local_peers import is_forwarded
from api.parameters import values_of
from controlplane.failures import BadRequest, Forbidden, Unauthorized
from controlplane.handoffs import HANDOFF_LIFETIME_S, Handoff
from controlplane.sessions import SignedIn, check_password, open_key_session, open_session
from schemas.described import describes
from schemas.examples import EMAIL, PASSWORD

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MISSING_URL = "Missing required field: redirect_url"
_INVALID = "Invalid local API key or project"


class HandoffForm(Struct, frozen=True):
    """Where the browser goes, and who it is: a person, or the holder of a key."""

    redirect_url: str | None = None
    api_key: str | None = None
    project_id: str | None = None
    email: str | None = None
    password: str | None = None


class TokenQuery(Struct, frozen=True):
    """The token of the address."""

    token: str | None = None


class HandoffAnswer(Struct, frozen=True):
    """The address that signs a browser in, once, until it expires."""

    login_url: str
    expires_at: str


@post(
    "/local-login-token",
    status_code=HTTP_201_CREATED,
    summary="Offer a local sign-in",
    guards=[known_parameters],
    opt=describes(
        body=HandoffForm,
        example={
            "redirect_url": "http://localhost:8080/docs",
            "email": EMAIL,
            "password": PASSWORD,
        },
        errors=(401, 403, 429, 503),
    ),
)
async def offer_local_login(request: AnyRequest) -> HandoffAnswer:
    """Make a single-use sign-in address for a browser on this machine."""
    await _reject_remote(request)
    reject_cross_site(request)
    form = await read_form(request, HandoffForm, otherwise=_MISSING_URL)
    redirect_url = trimmed(form.redirect_url)
    if not redirect_url:
        raise BadRequest(_MISSING_URL)
    if not is_loopback_url(redirect_url):
        raise BadRequest("redirect_url must use a loopback host (localhost or 127.0.0.1)")
    handoff = await _handoff_of(request, form, redirect_url)
    token = services(request).handoffs.offer(handoff)
    expires_at = datetime.now(UTC) + timedelta(seconds=HANDOFF_LIFETIME_S)
    origin = f"{request.url.scheme}://{request.headers['host']}{prefix_of(request)}"
    return HandoffAnswer(f"{origin}/dashboard/api/local-login?token={token}", iso_ms(expires_at))


@get(
    "/local-login",
    status_code=HTTP_302_FOUND,
    summary="Sign in from the offered address",
    guards=[known_parameters],
    opt={**takes(TokenQuery), **describes(errors=(401, 403, 503))},
)
async def redeem_local_login(request: AnyRequest) -> Response[None]:
    """Open a session for the browser and send it on."""
    handoff, opened = await redeemed(request)
    headers = {
        "Location": handoff.redirect_url,
        "Set-Cookie": session_cookie(request, opened.token),
        "Cache-Control": "no-store",
    }
    return Response(None, status_code=HTTP_302_FOUND, headers=headers)


LOGIN_HANDLERS: list[ControllerRouterHandler] = [offer_local_login, redeem_local_login]


async def redeemed(request: AnyRequest) -> tuple[Handoff, SignedIn]:
    """Use a hand-over up and open its session.

    Raises `Forbidden` unless a person at this machine asks, and `BadRequest` without a live token.
    """
    await _reject_remote(request)
    token = values_of(request).get("token")
    if not token:
        raise BadRequest("Missing token query parameter")
    handoff = services(request).handoffs.redeem(token)
    if handoff is None:
        raise BadRequest("Token is invalid or expired")
    return handoff, await _opened(request, handoff)


def is_loopback_url(url: str) -> bool:
    """Tell whether a browser that follows this URL stays on its own machine.

    Browsers read a backslash as a slash and drop control characters, Python does neither, and a
    user part hides the host: whatever could be read in two ways is rejected.
    """
    if "\\" in url or "@" in url or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK_NAMES
    except ValueError:
        return False


async def _reject_remote(request: AnyRequest) -> None:
    """Raise `Forbidden` unless a person at this machine speaks to it by a local name.

    The name alone is the client's word, and the address alone may be a proxy's.
    """
    forwarded = is_forwarded(request.headers)
    host_url = f"http://{request.headers.get('host', '')}"
    if forwarded or not is_loopback_url(host_url) or not await _is_person_here(request):
        raise Forbidden("Local login token endpoint is only available on loopback hosts")


async def _is_person_here(request: AnyRequest) -> bool:
    peer, server = request.scope["client"], request.scope["server"]
    if peer is None or server is None or server[1] is None:
        return False
    peers = services(request).local_peers
    return await asyncio.to_thread(peers.is_person, peer, (server[0], server[1]))


async def _handoff_of(request: AnyRequest, form: HandoffForm, redirect_url: str) -> Handoff:
    state = services(request)
    if form.api_key:
        await state.attempts.count(client_address(request))
        try:
            project = await state.keyring.project_of_key(form.api_key)
        except Unauthorized as error:
            raise Unauthorized(_INVALID) from error
        if form.project_id and form.project_id.lower() != project.project_id:
            raise Unauthorized(_INVALID)
        return Handoff(None, redirect_url, project.key_id)
    if not (form.email and form.password):
        raise BadRequest("Missing required fields: api_key or email/password")
    await state.attempts.count(client_address(request), form.email)
    account = await check_password(state.database, form.email, form.password)
    return Handoff(account.user_id, redirect_url)


async def _opened(request: AnyRequest, handoff: Handoff) -> SignedIn:
    database = services(request).database
    if handoff.key_id is not None:
        return await open_key_session(database, handoff.key_id, visit_of(request))
    if handoff.user_id is None:
        raise Unauthorized("Unauthorized")
    return await open_session(database, handoff.user_id, visit_of(request))
