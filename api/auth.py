"""Who asks: from a key or a session cookie to the project, the user and the role.

The functions ending in `_from_key` and `_from_session` are Litestar dependencies. They read
`app.state`: `database`, `vault`, `keyring`, `allowed_origins`.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeAlias, cast
from urllib.parse import quote, unquote, urlsplit

from litestar import Request
from litestar.datastructures import State

from api.declared import reject_unknown
from api.local_peers import LocalPeers
from controlplane.api_tokens import ApiTokens
from controlplane.attempts import AttemptLimits
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn_keys import DsnKeys
from controlplane.failures import BadRequest, CrossSite, Forbidden, Unauthorized
from controlplane.handoffs import Handoffs
from controlplane.keyring import KeyRing
from controlplane.projects import Access, enter_project
from controlplane.quotas import Quotas
from controlplane.sessions import SESSION_LIFETIME_S, SignedIn, Visit, find_session
from schemas.connections import AUTHENTICATED, PUBLIC_PREFIX
from schemas.projects import ProjectContext, ProjectId
from schemas.scopes import text_field_of

AnyRequest: TypeAlias = Request[object, object, State]

SESSION_COOKIE = "better-auth.session_token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# The page is of this very origin, or the person typed the address.
_OWN_PAGES = frozenset({"same-origin", "none"})
_NO_PERSON = (
    "Forbidden: an API key opened this session, which may do what the key may;"
    " sign in with email and password"
)
_CROSS_SITE = (
    "Forbidden: cross-site request. Behind a proxy, the server needs SLUICE_TRUSTED_PROXIES and the"
    " proxy's X-Forwarded-Host; the page of another origin, SLUICE_ALLOWED_ORIGINS"
)


class Services(Protocol):
    """What the host puts on `app.state` for the files of accounts, sessions, keys, members."""

    database: Database
    vault: Vault
    keyring: KeyRing
    dsn_keys: DsnKeys
    api_tokens: ApiTokens
    attempts: AttemptLimits
    handoffs: Handoffs
    quotas: Quotas
    local_peers: LocalPeers
    allowed_origins: frozenset[str]
    """Origins, such as `https://ui.example.com`, whose pages may write with our cookie."""
    signup_enabled: bool
    forget_address: Callable[[ProjectId, str], Awaitable[object]]
    """Erases an address that somebody is told at by a project, which is no row of the store."""
    shows_parts: bool
    """Whether the page of all parts is there, for who works on them."""
    retention_days: int
    """For how long data is kept where a project does not say; 0 is for ever."""
    retention_sums_days: int
    """For how long sums are kept where a project does not say, at least."""
    retention_window_days: int
    """Within which no rule acts."""


class Entered(NamedTuple):
    """Who asks, and what they may do in the project that they ask about."""

    session: SignedIn
    access: Access


def services(request: AnyRequest) -> Services:
    """Return the host's services with their types."""
    return cast("Services", request.app.state)


def forget_project(request: AnyRequest, project_id: ProjectId) -> None:
    """Have this process ask anew for a project's keys; call it after changing or deleting it."""
    state = services(request)
    for keys in (state.keyring, state.dsn_keys, state.api_tokens):
        keys.forget_project(project_id)


async def project_from_key(request: AnyRequest) -> ProjectContext:
    """Return the project of the request's API key, or raise `Unauthorized`.

    Raises `InvalidParameters` for a query parameter that the endpoint does not take.
    """
    header = text_field_of(request.scope, b"authorization")
    project = await services(request).keyring.project_of_header(header)
    request.scope["state"][AUTHENTICATED] = True
    reject_unknown(request)
    return project


async def session_from_cookie(request: AnyRequest) -> SignedIn | None:
    """Return the live session of the request's cookie, `None` when there is none."""
    cookie = cookie_of(request, SESSION_COOKIE)
    if not cookie:
        return None
    token = services(request).vault.signed_token(cookie)
    session = None if token is None else await find_session(services(request).database, token)
    if session is not None:
        request.scope["state"][AUTHENTICATED] = True
    return session


def cookie_of(request: AnyRequest, wanted: str) -> str:
    """Return a cookie by its name, empty where there is none.

    Not by Litestar's `cookies`, which keeps the last 1,024 answers of the process.
    """
    for piece in request.headers.get("cookie", "").split(";"):
        name, _, value = piece.strip().partition("=")
        if name == wanted:
            return unquote(value)
    return ""


async def user_from_session(request: AnyRequest) -> SignedIn:
    """Return who is signed in, or raise `Unauthorized`; rejects cross-site writes first.

    Raises `InvalidParameters` for a query parameter that the endpoint does not take.
    """
    reject_cross_site(request)
    session = await session_from_cookie(request)
    if session is None:
        raise Unauthorized("Unauthorized")
    reject_unknown(request)
    return session


async def person_from_session(request: AnyRequest) -> SignedIn:
    """Return the person who is signed in; raises `Forbidden` for what an API key opened."""
    session = await user_from_session(request)
    if session.key_access is not None:
        raise Forbidden(_NO_PERSON)
    return session


async def enter(request: AnyRequest, session: SignedIn, project_id: str) -> Access:
    """Return what a session may do in a project; raises `Forbidden` for any that it may not enter.

    One that an API key opened enters the key's project alone, and never as an admin.
    """
    own = session.key_access
    if own is None:
        return await enter_project(services(request).database, session.account.user_id, project_id)
    if own.project.project_id != project_id.lower():
        raise Forbidden("Forbidden: no access to this project")
    return own


async def entered(request: AnyRequest) -> Entered:
    """Return who is signed in, and what they may do in the project of `X-Project-Id`.

    Raises `Unauthorized` without a session, then `BadRequest` without the header, then
    `Forbidden` for a project that the user is no member of.
    """
    session = await user_from_session(request)
    project_id = request.headers.get("x-project-id")
    if not project_id:
        raise BadRequest("Missing X-Project-Id header")
    return Entered(session, await enter(request, session, project_id))


async def project_from_session(request: AnyRequest) -> ProjectContext:
    """Return the project that a member asks about; raises as `entered`."""
    return (await entered(request)).access.project


async def admin_project_from_session(request: AnyRequest) -> ProjectContext:
    """Return the project that an admin asks about; raises `Forbidden` for other members."""
    return (await entered_as_admin(request)).access.project


async def entered_as_admin(request: AnyRequest) -> Entered:
    """As `entered`; raises `Forbidden` for members that are no admins."""
    found = await entered(request)
    admin_only(found.access)
    return found


def admin_only(access: Access) -> ProjectContext:
    """Return the project of an admin's access; raises `Forbidden` for other members."""
    if access.project.key_id is not None:
        raise Forbidden(_NO_PERSON)
    if access.role != "admin":
        raise Forbidden("Forbidden: admin role required for this operation")
    return access.project


def reject_cross_site(request: AnyRequest) -> None:
    """Raise `CrossSite` for a write that a browser sends from another site's page.

    Browsers of today say in `Sec-Fetch-Site` whose page it is, and no page can alter that: it
    counts where it is there. Older ones, and all over plain HTTP to another machine, name the page
    in `Origin` alone. A request without either is no browser's cross-site write.
    """
    origin = request.headers.get("origin")
    if request.method in _SAFE_METHODS or origin in services(request).allowed_origins:
        return
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        is_ours = fetch_site in _OWN_PAGES
    else:
        is_ours = origin is None or _site_of(origin) == request.headers.get("host", "").lower()
    if not is_ours:
        raise CrossSite(_CROSS_SITE)


def visit_of(request: AnyRequest, *, remembered: bool = True) -> Visit:
    """Return what a session keeps of the request that opens it."""
    return Visit(client_address(request), request.headers.get("user-agent", ""), remembered)


def is_own_page(request: AnyRequest, url: str) -> bool:
    """Tell whether a URL is a page of ours: a path, or under our own or an allowed origin.

    Browsers read a backslash as a slash and drop control characters, Python does neither.
    """
    if "\\" in url or not url.isascii() or not url.isprintable() or " " in url:
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    own = f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
    return origin == own or origin in services(request).allowed_origins


def session_cookie(request: AnyRequest, token: str, *, remembered: bool = True) -> str:
    """Return the `Set-Cookie` value that signs a browser in, in better-auth's form.

    One that is not `remembered` goes when the browser is closed.
    """
    value = quote(services(request).vault.sign(token), safe="")
    return _cookie(request, value, max_age_s=SESSION_LIFETIME_S if remembered else None)


def cleared_cookie(request: AnyRequest) -> str:
    """Return the `Set-Cookie` value that signs a browser out."""
    return _cookie(request, "", max_age_s=0)


def client_address(request: AnyRequest) -> str:
    """Return the peer's address; behind a proxy, the one that the server was told to trust."""
    return request.client.host if request.client else "unknown"


def prefix_of(request: AnyRequest) -> str:
    """Return the path under which a proxy serves us, without a slash at its end; mostly empty."""
    return str(request.scope["state"].get(PUBLIC_PREFIX, ""))


def _site_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # such as `http://[`
        return None


def _cookie(request: AnyRequest, value: str, *, max_age_s: int | None) -> str:
    secure = "; Secure" if request.url.scheme == "https" else ""
    lasting = "" if max_age_s is None else f"Max-Age={max_age_s}; "
    path = prefix_of(request) or "/"
    attributes = f"{lasting}Path={path}; HttpOnly; SameSite=Lax{secure}"
    return f"{SESSION_COOKIE}={value}; {attributes}"
