"""Who asks: from a key or a session cookie to the project, the user and the role.

The functions ending in `_from_key` and `_from_session` are Litestar dependencies. They read
`app.state`: `database`, `vault`, `keyring`, `allowed_origins`.
"""

from typing import Protocol, TypeAlias, cast
from urllib.parse import quote, urlsplit

from litestar import Request
from litestar.datastructures import State

from controlplane.attempts import AttemptLimits
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors import BadRequest, Forbidden, Unauthorized
from controlplane.handoffs import Handoffs
from controlplane.keyring import KeyRing
from controlplane.projects import Access, enter_project
from controlplane.sessions import SESSION_LIFETIME_S, SignedIn, find_session
from schemas.connections import AUTHENTICATED
from schemas.projects import ProjectContext

AnyRequest: TypeAlias = Request[object, object, State]

SESSION_COOKIE = "better-auth.session_token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Services(Protocol):
    """What the host puts on `app.state` for the files of accounts, sessions, keys, members."""

    database: Database
    vault: Vault
    keyring: KeyRing
    attempts: AttemptLimits
    handoffs: Handoffs
    allowed_origins: frozenset[str]
    """Origins, such as `https://ui.example.com`, whose pages may write with our cookie."""
    signup_enabled: bool


def services(request: AnyRequest) -> Services:
    """Return the host's services with their types."""
    return cast("Services", request.app.state)


async def project_from_key(request: AnyRequest) -> ProjectContext:
    """Return the project of the request's API key, or raise `Unauthorized`."""
    header = request.headers.get("authorization")
    project = await services(request).keyring.project_of_header(header)
    request.scope["state"][AUTHENTICATED] = True
    return project


async def session_from_cookie(request: AnyRequest) -> SignedIn | None:
    """Return the live session of the request's cookie, `None` when there is none."""
    cookie = request.cookies.get(SESSION_COOKIE)
    if not cookie:
        return None
    token = services(request).vault.signed_token(cookie)
    session = None if token is None else await find_session(services(request).database, token)
    if session is not None:
        request.scope["state"][AUTHENTICATED] = True
    return session


async def user_from_session(request: AnyRequest) -> SignedIn:
    """Return who is signed in, or raise `Unauthorized`; refuses cross-site writes first."""
    refuse_cross_site(request)
    session = await session_from_cookie(request)
    if session is None:
        raise Unauthorized("Unauthorized")
    return session


async def access_from_session(request: AnyRequest) -> Access:
    """Return the project of `X-Project-Id` and the user's role in it.

    Raises `Unauthorized` without a session, then `BadRequest` without the header, then
    `Forbidden` for a project that the user is no member of.
    """
    session = await user_from_session(request)
    project_id = request.headers.get("x-project-id")
    if not project_id:
        raise BadRequest("Missing X-Project-Id header")
    database = services(request).database
    return await enter_project(database, session.account.user_id, project_id)


async def project_from_session(request: AnyRequest) -> ProjectContext:
    """Return the project that a member asks about; raises as `access_from_session`."""
    return (await access_from_session(request)).project


async def admin_project_from_session(request: AnyRequest) -> ProjectContext:
    """Return the project that an admin asks about; raises `Forbidden` for other members."""
    return admin_only(await access_from_session(request))


def admin_only(access: Access) -> ProjectContext:
    """Return the project of an admin's access; raises `Forbidden` for other members."""
    if access.role != "admin":
        raise Forbidden("Forbidden: admin role required for this operation")
    return access.project


def refuse_cross_site(request: AnyRequest) -> None:
    """Raise `Forbidden` for a write that a browser sends from another site's page.

    Browsers name the page in `Origin`; a request without it is no browser's cross-site write.
    """
    origin = request.headers.get("origin")
    if request.method in _SAFE_METHODS or origin is None:
        return
    if origin in services(request).allowed_origins:
        return
    if _site_of(origin) != request.headers.get("host", "").lower():
        raise Forbidden("Forbidden: cross-site request")


def session_cookie(request: AnyRequest, token: str) -> str:
    """Return the `Set-Cookie` value that signs a browser in, in better-auth's form."""
    value = quote(services(request).vault.sign(token), safe="")
    return _cookie(request, value, max_age_s=SESSION_LIFETIME_S)


def cleared_cookie(request: AnyRequest) -> str:
    """Return the `Set-Cookie` value that signs a browser out."""
    return _cookie(request, "", max_age_s=0)


def client_address(request: AnyRequest) -> str:
    """Return the peer's address; behind a proxy, the one that the server was told to trust."""
    return request.client.host if request.client else "unknown"


def _site_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # such as `http://[`
        return None


def _cookie(request: AnyRequest, value: str, *, max_age_s: int) -> str:
    secure = "; Secure" if request.url.scheme == "https" else ""
    attributes = f"Max-Age={max_age_s}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return f"{SESSION_COOKIE}={value}; {attributes}"
