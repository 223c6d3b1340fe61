"""The pages before any project: the address itself, signing in, up and out."""

from typing import Any
from urllib.parse import quote, urlsplit

from litestar import MediaType, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.auth import (
    AnyRequest,
    cleared_cookie,
    client_address,
    is_own_page,
    prefix_of,
    reject_cross_site,
    services,
    session_cookie,
    session_from_cookie,
    visit_of,
)
from api.landing import landing
from api.login import redeemed
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.render import is_fragment, page
from api.pages.viewer import projects_of
from api.parameters import values_of
from controlplane.accounts import SignUp, sign_up
from controlplane.failures import (
    BadRequest,
    Conflict,
    ControlPlaneError,
    Forbidden,
    InvalidCredentials,
    TooManyRequests,
)
from controlplane.sessions import sign_in, sign_out

FIRST_PAGE = "overview"
NEXT = "next"
SIGN_UP_FIELDS = {
    **{"Name": "name", "Project name": "project", "Password": "password"},
    **{"Invalid email": "email", "User already exists": "email"},
}
"""By how what is wrong begins, which field it is."""


def own_forms_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard every page: what another site's page sends changes nothing."""
    reject_cross_site(Request(connection.scope))


@get("/", summary="The first page", media_type=MediaType.HTML)
async def get_first_page(request: AnyRequest) -> Response[str]:
    """Send a browser to its project, or to sign in; point programs to what there is."""
    if "text/html" not in request.headers.get("accept", ""):
        return landing(request)
    session = await session_from_cookie(request)
    if session is None:
        return sent_on(request, "/sign-in")
    projects = await projects_of(request, session)
    if not projects:
        return await page(request, "no_project.html", account=session.account)
    return sent_on(request, f"/p/{projects[0].project_id}/{FIRST_PAGE}")


@get("/sign-in", include_in_schema=False)
async def show_sign_in(request: AnyRequest) -> Response[str]:
    """Show the form, unless somebody is signed in."""
    onwards = _onwards(request, values_of(request).get(NEXT))
    if await session_from_cookie(request) is not None:
        return sent_on(request, onwards)
    return await _sign_in_form(request, onwards)


@post("/sign-in", include_in_schema=False, status_code=200)
async def take_sign_in(request: AnyRequest) -> Response[str]:
    """Open a session, or say what was wrong."""
    fields = await fields_of(request)
    email, onwards = fields.get("email", ""), _onwards(request, fields.get(NEXT))
    try:
        await services(request).attempts.count(client_address(request), email)
        visit = visit_of(request, remembered="remember" in fields)
        opened = await sign_in(services(request).database, email, fields.get("password", ""), visit)
    except InvalidCredentials:
        problem = Problem("Email or password is wrong. Passwords keep capitals and blanks.")
        return await _sign_in_form(request, onwards, email=email, problem=problem, status_code=401)
    except TooManyRequests as error:
        problem = Problem(f"Too many attempts. Try again in {error.retry_after_s} s.")
        return await _sign_in_form(request, onwards, email=email, problem=problem, status_code=429)
    cookie = session_cookie(request, opened.token, remembered=opened.visit.remembered)
    return sent_on(request, onwards, cookie=cookie)


@get("/sign-up", include_in_schema=False)
async def show_sign_up(request: AnyRequest) -> Response[str]:
    """Show the form for a new account, where this server lets people in."""
    return await _sign_up_form(request, {})


@post("/sign-up", include_in_schema=False, status_code=200)
async def take_sign_up(request: AnyRequest) -> Response[str]:
    """Make an account with its first project, and sign in."""
    fields = await fields_of(request)
    state, address = services(request), client_address(request)
    form = SignUp(
        name=fields.get("name", "").strip(),
        email=fields.get("email", "").strip(),
        password=fields.get("password", ""),
        project_name=fields.get("project", "").strip(),
    )
    try:
        if not state.signup_enabled:
            raise Forbidden("Sign-up is closed on this server: ask its operator to invite you")
        await state.attempts.count(address, form.email)
        await state.attempts.count_signup(address)
        await sign_up(state.database, state.vault, form)
        opened = await sign_in(state.database, form.email, form.password, visit_of(request))
    except (BadRequest, Conflict, Forbidden, TooManyRequests) as error:
        problem = problem_of(error, SIGN_UP_FIELDS)
        return await _sign_up_form(request, fields, problem=problem, error=error)
    return sent_on(request, "/", cookie=session_cookie(request, opened.token))


@post("/sign-out", include_in_schema=False, status_code=200)
async def take_sign_out(request: AnyRequest) -> Response[str]:
    """Close the session and show the form to sign in."""
    session = await session_from_cookie(request)
    if session is not None:
        await sign_out(services(request).database, session.token)
    return sent_on(request, "/sign-in", cookie=cleared_cookie(request))


@get("/enter", include_in_schema=False)
async def enter_by_link(request: AnyRequest) -> Response[str]:
    """Sign the operator in by the link that `sluice up` prints: once, on the same machine."""
    try:
        _, opened = await redeemed(request)
    except ControlPlaneError:
        if await session_from_cookie(request) is not None:
            return sent_on(request, "/")
        text = (
            "This link is used up, or was made for another machine. Restart sluice up for a new"
            " one, or sign in."
        )
        return await _sign_in_form(request, "/", problem=Problem(text), status_code=400)
    return sent_on(request, "/", cookie=session_cookie(request, opened.token))


ENTRANCE = (
    *(show_sign_in, take_sign_in, show_sign_up, take_sign_up, take_sign_out),
    enter_by_link,
)


def sent_on(request: AnyRequest, path: str, *, cookie: str | None = None) -> Response[str]:
    """Send a browser to a path of ours, with a cookie for it."""
    target = prefix_of(request) + path
    headers = {"Location": target, "Cache-Control": "no-store"}
    if is_fragment(request):
        headers = {"HX-Redirect": target}
    if cookie is not None:
        headers["Set-Cookie"] = cookie
    status_code = 200 if "HX-Redirect" in headers else 303
    return Response("", status_code=status_code, media_type=MediaType.HTML, headers=headers)


def to_sign_in(request: AnyRequest) -> Response[str]:
    """Return the way to the form, and from there back to what was asked for."""
    asked, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if is_fragment(request):
        # A part of a page was asked for: the page is what to come back to.
        asked, query = _page_around(request)
    asked = f"{asked}?{query}" if query else asked
    return sent_on(request, f"/sign-in?{NEXT}={quote(asked, safe='')}")


def _page_around(request: AnyRequest) -> tuple[str, str]:
    """Returns path and query of the page that a fragment is for, as the browser says."""
    try:
        whole = urlsplit(request.headers.get("hx-current-url", "/"))
    except ValueError:  # such as `http://[`
        return "/", ""
    return whole.path.removeprefix(prefix_of(request)), whole.query


async def _sign_in_form(
    request: AnyRequest,
    onwards: str,
    *,
    email: str = "",
    problem: Problem | None = None,
    status_code: int = 200,
) -> Response[str]:
    return await page(
        request,
        "sign_in.html",
        status_code=status_code,
        onwards=onwards,
        email=email,
        problem=problem,
        may_sign_up=services(request).signup_enabled,
    )


async def _sign_up_form(
    request: AnyRequest,
    fields: dict[str, str],
    *,
    problem: Problem | None = None,
    error: ControlPlaneError | None = None,
) -> Response[str]:
    statuses = {Conflict: 409, Forbidden: 403, TooManyRequests: 429}
    status_code = 200 if error is None else statuses.get(type(error), 400)
    is_open = services(request).signup_enabled
    return await page(
        request,
        "sign_up.html",
        status_code=status_code if is_open else 403,
        fields=fields,
        problem=problem,
        is_open=is_open,
    )


def _onwards(request: AnyRequest, text: str | None) -> str:
    """Returns where to go after signing in: a path of ours, whatever the address says."""
    if text and text.startswith("/") and is_own_page(request, text):
        return text
    return "/"
