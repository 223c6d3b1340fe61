"""`/api/auth/*`: signing in and out, sessions and passwords, in better-auth's forms."""

from litestar import Response, Router, get, post
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, Struct, UnsetType

from api.account_forms import MAX_FORM_BYTES, iso_ms, read_form
from api.auth import (
    AnyRequest,
    cleared_cookie,
    client_address,
    is_own_page,
    person_from_session,
    reject_cross_site,
    services,
    session_cookie,
    session_from_cookie,
    visit_of,
)
from api.auth_errors import Refused
from api.declared import known_parameters, takes
from controlplane.accounts import Account, rename_account
from controlplane.failures import BadRequest, Forbidden, InvalidCredentials
from controlplane.rules import cleaned_email
from controlplane.sessions import (
    SignedIn,
    change_password,
    end_session,
    end_sessions,
    extend_session,
    list_sessions,
    open_session,
    sign_in,
    sign_out,
)
from schemas.described import describes
from schemas.examples import EMAIL, NEW_PASSWORD, PASSWORD, TOKEN

_PRIVATE = {"Cache-Control": "no-store"}


class SignInForm(
    Struct, frozen=True, rename={"callback_url": "callbackURL", "remember_me": "rememberMe"}
):
    """What signs a person in."""

    email: str | None = None
    password: str | None = None
    callback_url: str | None = None
    remember_me: bool | None = None


class PasswordForm(Struct, frozen=True, rename="camel"):
    """A new password, and the present one as a proof."""

    current_password: str | None = None
    new_password: str | None = None
    revoke_other_sessions: bool | None = None


class UserForm(Struct, frozen=True):
    """What to change of the account; what is left out stays."""

    name: str | UnsetType = UNSET
    image: str | None | UnsetType = UNSET
    email: str | UnsetType = UNSET


class TokenForm(Struct, frozen=True):
    """Which session of the person."""

    token: str | None = None


class SessionQuery(Struct, frozen=True, rename="camel"):
    """What better-auth's client may add; here no session is cached, or made longer by asking."""

    disable_cookie_cache: str | None = None
    disable_refresh: str | None = None


class UserAnswer(Struct, frozen=True, rename="camel"):
    """A person in better-auth's form; Sluice verifies no emails and keeps no pictures."""

    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: str
    updated_at: str
    id: str


class SignInAnswer(Struct, frozen=True, omit_defaults=True):
    """The token of the new session; only its signed form, in the cookie, opens anything."""

    redirect: bool
    token: str
    user: UserAnswer
    url: str | None = None


class ChangedPassword(Struct, frozen=True):
    """Whose password changed, and the token of the new session where the others ended."""

    token: str | None
    user: UserAnswer


class SessionDetails(Struct, frozen=True, rename="camel"):
    """A session in better-auth's form."""

    id: str
    token: str
    user_id: str
    expires_at: str
    created_at: str
    updated_at: str
    ip_address: str
    user_agent: str


class SessionAnswer(Struct, frozen=True):
    """The live session and whose it is."""

    session: SessionDetails
    user: UserAnswer


class Done(Struct, frozen=True):
    """That it worked."""

    success: bool = True


class Changed(Struct, frozen=True):
    """That it worked, in the form of the routes of sessions."""

    status: bool = True


@post(
    "/sign-in/email",
    status_code=HTTP_200_OK,
    summary="Sign in with email and password",
    opt=describes(
        body=SignInForm, example={"email": EMAIL, "password": PASSWORD}, errors=(401, 403, 429, 503)
    ),
)
async def sign_in_with_email(request: AnyRequest) -> Response[SignInAnswer]:
    """Open a session and set its cookie; limited per address and per email."""
    reject_cross_site(request)
    missing = "Missing required fields: email, password"
    form = await read_form(request, SignInForm, otherwise=missing)
    if form.email is None or form.password is None:
        raise BadRequest(missing)
    cleaned_email(form.email)  # a malformed one is said before it counts as an attempt
    url = form.callback_url or None
    if url is not None and not is_own_page(request, url):
        raise Forbidden("Invalid callbackURL")
    await services(request).attempts.count(client_address(request), form.email)
    visit = visit_of(request, remembered=form.remember_me is not False)
    opened = await sign_in(services(request).database, form.email, form.password, visit)
    answer = SignInAnswer(url is not None, opened.token, _user(opened.account), url)
    return Response(answer, headers=_cookie_of(request, opened))


@post(
    "/sign-up/email",
    status_code=HTTP_200_OK,
    summary="Closed: use /dashboard/api/signup",
    opt=describes(errors=(403,), is_closed=True),
)
async def refuse_sign_up() -> Done:
    """Reject always: an account is created together with its first project."""
    raise Forbidden("Use /dashboard/api/signup for account creation")


@get("/get-session", summary="Who is signed in", opt=takes(SessionQuery))
async def get_session(request: AnyRequest) -> Response[SessionAnswer | None]:
    """Return the live session, or `null`; once a day, its use lets it last anew."""
    found = await session_from_cookie(request)
    if found is None:
        return Response(None, media_type="application/json", headers=_PRIVATE)
    extended = await extend_session(services(request).database, found)
    found = extended or found
    answer = SessionAnswer(_details(found), _user(found.account))
    return Response(answer, headers=_cookie_of(request, found) if extended else _PRIVATE)


@post("/sign-out", status_code=HTTP_200_OK, summary="Sign out", opt=describes(errors=(403, 503)))
async def sign_out_here(request: AnyRequest) -> Response[Done]:
    """Close the session, if there is one, and clear its cookie."""
    reject_cross_site(request)
    found = await session_from_cookie(request)
    if found is not None:
        await sign_out(services(request).database, found.token)
    return Response(Done(), headers={"Set-Cookie": cleared_cookie(request)})


@post(
    "/change-password",
    status_code=HTTP_200_OK,
    summary="Change your password",
    opt=describes(
        body=PasswordForm,
        example={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD},
        asks="session",
        errors=(429,),
    ),
)
async def change_own_password(request: AnyRequest) -> Response[ChangedPassword | Refused]:
    """Change your password. With `revokeOtherSessions`, every other session ends."""
    session = await person_from_session(request)
    missing = "Missing required fields: currentPassword, newPassword"
    form = await read_form(request, PasswordForm, otherwise=missing)
    if form.current_password is None or form.new_password is None:
        raise BadRequest(missing)
    state = services(request)
    await state.attempts.count(client_address(request), session.account.email)
    try:
        await change_password(state.database, session, form.current_password, form.new_password)
    except InvalidCredentials:
        refused = Refused("INVALID_PASSWORD", "Invalid password")
        return Response(refused, status_code=HTTP_400_BAD_REQUEST)
    if not form.revoke_other_sessions:
        return Response(ChangedPassword(None, _user(session.account)))
    user_id = session.account.user_id
    await end_sessions(state.database, user_id)
    visit = visit_of(request, remembered=session.visit.remembered)
    opened = await open_session(state.database, user_id, visit)
    changed = ChangedPassword(opened.token, _user(opened.account))
    return Response(changed, headers=_cookie_of(request, opened))


@post(
    "/update-user",
    status_code=HTTP_200_OK,
    summary="Change your name",
    opt=describes(body=UserForm, example={"name": "Ann"}, asks="session", errors=(429,)),
)
async def update_user(request: AnyRequest) -> Changed:
    """Change your name. The email stays, and pictures are not kept."""
    session = await _counted_person(request)
    form = await read_form(request, UserForm, otherwise="name must be a text")
    if form.email is not UNSET:
        raise BadRequest("Email can not be updated")
    if form.image is not UNSET and form.image is not None:
        raise BadRequest("image: pictures are not kept here")
    if form.name is UNSET and form.image is UNSET:
        raise BadRequest("No fields to update")
    if form.name is not UNSET:
        await rename_account(services(request).database, session.account.user_id, form.name)
    return Changed()


@get(
    "/list-sessions",
    summary="List your sessions",
    opt=describes(asks="session", answer=list[SessionDetails]),
)
async def list_own_sessions(request: AnyRequest) -> Response[list[SessionDetails]]:
    """Return your live sessions. The token of another session can only revoke it."""
    session = await person_from_session(request)
    found = await list_sessions(services(request).database, session)
    return Response([_details(one) for one in found], headers=_PRIVATE)


@post(
    "/revoke-session",
    status_code=HTTP_200_OK,
    summary="End one of your sessions",
    opt=describes(body=TokenForm, example={"token": TOKEN}, asks="session", errors=(429,)),
)
async def revoke_session(request: AnyRequest) -> Changed:
    """End a session, by its token of `list-sessions`. It is no error if it has ended."""
    session = await _counted_person(request)
    missing = "Missing required field: token"
    form = await read_form(request, TokenForm, otherwise=missing)
    if form.token is None:
        raise BadRequest(missing)
    await end_session(services(request).database, session.account.user_id, form.token)
    return Changed()


@post(
    "/revoke-sessions",
    status_code=HTTP_200_OK,
    summary="End all your sessions",
    opt=describes(asks="session", errors=(429,)),
)
async def revoke_sessions(request: AnyRequest) -> Response[Changed]:
    """End all your sessions, this one too."""
    session = await _counted_person(request)
    await end_sessions(services(request).database, session.account.user_id)
    return Response(Changed(), headers={"Set-Cookie": cleared_cookie(request)})


@post(
    "/revoke-other-sessions",
    status_code=HTTP_200_OK,
    summary="End your other sessions",
    opt=describes(asks="session", errors=(429,)),
)
async def revoke_other_sessions(request: AnyRequest) -> Changed:
    """End all your sessions but this one."""
    session = await _counted_person(request)
    database, user_id = services(request).database, session.account.user_id
    await end_sessions(database, user_id, but=session.session_id)
    return Changed()


def auth_router(exception_handlers: ExceptionHandlersMap) -> Router:
    """Return the router of `/api/auth`."""
    return Router(
        path="/api/auth",
        route_handlers=[
            sign_in_with_email,
            refuse_sign_up,
            get_session,
            sign_out_here,
            change_own_password,
            update_user,
            list_own_sessions,
            revoke_session,
            revoke_sessions,
            revoke_other_sessions,
        ],
        request_max_body_size=MAX_FORM_BYTES,
        guards=[known_parameters],
        exception_handlers=exception_handlers,
        tags=["Sessions"],
    )


async def _counted_person(request: AnyRequest) -> SignedIn:
    """Return the signed-in person; raises `TooManyRequests` when this address asks too often."""
    session = await person_from_session(request)
    await services(request).attempts.count(client_address(request))
    return session


def _cookie_of(request: AnyRequest, opened: SignedIn) -> dict[str, str]:
    cookie = session_cookie(request, opened.token, remembered=opened.visit.remembered)
    return {"Set-Cookie": cookie, **_PRIVATE}


def _details(session: SignedIn) -> SessionDetails:
    return SessionDetails(
        id=session.session_id,
        token=session.token,
        user_id=session.account.user_id,
        expires_at=iso_ms(session.expires_at),
        created_at=iso_ms(session.created_at),
        updated_at=iso_ms(session.updated_at),
        ip_address=session.visit.ip_address,
        user_agent=session.visit.user_agent,
    )


def _user(account: Account) -> UserAnswer:
    return UserAnswer(
        name=account.name,
        email=account.email,
        email_verified=False,
        image=None,
        created_at=iso_ms(account.created_at),
        updated_at=iso_ms(account.updated_at),
        id=account.user_id,
    )
