"""`/api/auth/*`: signing in and out, in better-auth's forms, and the closed sign-up route."""

from litestar import Response, Router, get, post
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_401_UNAUTHORIZED
from msgspec import Struct

from api.account_forms import MAX_FORM_BYTES, iso_ms, read_form
from api.auth import (
    AnyRequest,
    cleared_cookie,
    client_address,
    person_from_session,
    reject_cross_site,
    services,
    session_cookie,
    session_from_cookie,
)
from api.declared import known_parameters, takes
from controlplane.accounts import Account
from controlplane.errors import BadRequest, Forbidden, InvalidCredentials
from controlplane.sessions import (
    change_password,
    end_sessions,
    open_session,
    sign_in,
    sign_out,
)
from schemas.described import describes
from schemas.examples import EMAIL, NEW_PASSWORD, PASSWORD


class SignInForm(Struct, frozen=True):
    """What signs a person in."""

    email: str | None = None
    password: str | None = None


class PasswordForm(Struct, frozen=True, rename="camel"):
    """A new password, and the present one as a proof."""

    current_password: str | None = None
    new_password: str | None = None
    revoke_other_sessions: bool = False


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


class SignInAnswer(Struct, frozen=True):
    """The token of the new session; only its signed form, in the cookie, opens anything."""

    redirect: bool
    token: str
    user: UserAnswer


class ChangedPassword(Struct, frozen=True):
    """Whose password changed, and the token of the new session where the others ended."""

    token: str | None
    user: UserAnswer


class Refused(Struct, frozen=True):
    """Why nothing was done, in better-auth's form."""

    code: str
    message: str


class SessionDetails(Struct, frozen=True, rename="camel"):
    """A session in better-auth's form."""

    id: str
    token: str
    user_id: str
    expires_at: str
    created_at: str


class SessionAnswer(Struct, frozen=True):
    """The live session and whose it is."""

    session: SessionDetails
    user: UserAnswer


class Done(Struct, frozen=True):
    """That it worked."""

    success: bool = True


@post(
    "/sign-in/email",
    status_code=HTTP_200_OK,
    summary="Sign in with email and password",
    opt=describes(
        body=SignInForm, example={"email": EMAIL, "password": PASSWORD}, errors=(401, 403, 429, 503)
    ),
)
async def sign_in_with_email(request: AnyRequest) -> Response[SignInAnswer | Refused]:
    """Open a session and set its cookie; limited per address and per email."""
    reject_cross_site(request)
    missing = "Missing required fields: email, password"
    form = await read_form(request, SignInForm, otherwise=missing)
    if form.email is None or form.password is None:
        raise BadRequest(missing)
    await services(request).attempts.count(client_address(request), form.email)
    try:
        opened = await sign_in(services(request).database, form.email, form.password)
    except InvalidCredentials as error:
        refused = Refused("INVALID_EMAIL_OR_PASSWORD", error.message)
        return Response(refused, status_code=HTTP_401_UNAUTHORIZED)
    answer = SignInAnswer(redirect=False, token=opened.token, user=_user(opened.account))
    cookie = session_cookie(request, opened.token)
    return Response(answer, headers={"Set-Cookie": cookie, "Cache-Control": "no-store"})


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
    """Return the live session, or `null` when there is none."""
    found = await session_from_cookie(request)
    if found is None:
        return Response(None, media_type="application/json", headers={"Cache-Control": "no-store"})
    details = SessionDetails(
        id=found.session_id,
        token=found.token,
        user_id=found.account.user_id,
        expires_at=iso_ms(found.expires_at),
        created_at=iso_ms(found.created_at),
    )
    answer = SessionAnswer(details, _user(found.account))
    return Response(answer, headers={"Cache-Control": "no-store"})


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
    summary="Change one's own password",
    opt=describes(
        body=PasswordForm,
        example={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD},
        asks="session",
        errors=(429,),
    ),
)
async def change_own_password(request: AnyRequest) -> Response[ChangedPassword | Refused]:
    """Give the signed-in person another password; on demand every other session ends."""
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
    await end_sessions(state.database, session.account.user_id)
    opened = await open_session(state.database, session.account.user_id)
    headers = {"Set-Cookie": session_cookie(request, opened.token), "Cache-Control": "no-store"}
    return Response(ChangedPassword(opened.token, _user(opened.account)), headers=headers)


def auth_router() -> Router:
    """Return the router of `/api/auth`."""
    return Router(
        path="/api/auth",
        route_handlers=[
            sign_in_with_email,
            refuse_sign_up,
            get_session,
            sign_out_here,
            change_own_password,
        ],
        request_max_body_size=MAX_FORM_BYTES,
        guards=[known_parameters],
        tags=["Sessions"],
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
