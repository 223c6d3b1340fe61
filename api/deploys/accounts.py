"""`/api/v1/auth`: register, log in, log out. The accounts are those of the dashboard."""

from litestar import Response, post
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.account_forms import iso_ms
from api.auth import AnyRequest, client_address, services, visit_of
from api.declared import known_parameters
from api.deploys.bodies import body_of
from api.deploys.callers import caller_in
from api.deploys.described import by_login
from controlplane.accounts import Account, register
from controlplane.failures import BadRequest, Forbidden, InvalidCredentials
from controlplane.logins import login_token
from controlplane.rules import explained
from controlplane.sessions import SignedIn, check_password, end_session, open_session
from schemas.deploys.answers import Person, Said, SignedInAnswer
from schemas.deploys.forms import LoginForm, RegisterForm
from schemas.described import describes
from schemas.examples import PASSWORD

EMAIL = "jane@example.com"
PRIVATE = {"Cache-Control": "no-store"}


@post(
    "/auth/register",
    status_code=HTTP_201_CREATED,
    summary="Register an account",
    guards=[known_parameters],
    opt=describes(
        body=RegisterForm,
        example={"email": EMAIL, "name": "Jane Doe", "password": PASSWORD},
        errors=(403, 409, 429, 503),
    ),
)
async def register_here(request: AnyRequest) -> Response[SignedInAnswer]:
    """Create an account and sign it in; limited per address and per email, as every sign-up."""
    state = services(request)
    if not state.signup_enabled:
        raise Forbidden("Sign-up is disabled on this server")
    form = await body_of(request, RegisterForm)
    await state.attempts.count(client_address(request), form.email)
    await state.attempts.count_signup(client_address(request))
    if len(form.name.strip()) < 2:
        raise BadRequest("name: expected a text of at least 2 characters")
    try:
        account = await register(state.database, form.name, form.email, form.password)
    except BadRequest as error:
        raise BadRequest(_named(error.message)) from error
    return await _opened(request, account)


@post(
    "/auth/login",
    status_code=HTTP_200_OK,
    summary="Log in and get a token",
    guards=[known_parameters],
    opt=describes(
        body=LoginForm, example={"email": EMAIL, "password": PASSWORD}, errors=(401, 429, 503)
    ),
)
async def log_in(request: AnyRequest) -> Response[SignedInAnswer]:
    """Sign in with email and password; limited per address and per email."""
    form, state = await body_of(request, LoginForm), services(request)
    await state.attempts.count(client_address(request), form.email)
    try:
        account = await check_password(state.database, form.email, form.password)
    except InvalidCredentials as error:
        raise InvalidCredentials("invalid email or password") from error
    return await _opened(request, account)


@post(
    "/auth/logout",
    status_code=HTTP_200_OK,
    summary="Log out and end the token",
    opt=by_login(),
)
async def log_out(request: AnyRequest) -> Said:
    """End the session that the token stands for: the token opens nothing from now on."""
    caller = await caller_in(request)
    session = caller.session
    if session is None:
        raise BadRequest("an API token is revoked where it was made: /dashboard/api/tokens")
    database = services(request).database
    await end_session(database, session.account.user_id, session.session_id)
    return Said("logged out")


HANDLERS = (register_here, log_in, log_out)


async def _opened(request: AnyRequest, account: Account) -> Response[SignedInAnswer]:
    """Opens a session that ends after a day, as Pushpaka's tokens do."""
    state, visit = services(request), visit_of(request, remembered=False)
    opened = await open_session(state.database, account.user_id, visit)
    return Response(_answer(login_token(state.vault, opened), opened), headers=PRIVATE)


def _answer(token: str, opened: SignedIn) -> SignedInAnswer:
    account = opened.account
    person = Person(
        id=account.user_id,
        created_at=iso_ms(account.created_at),
        updated_at=iso_ms(account.updated_at),
        email=account.email,
        name=account.name,
    )
    return SignedInAnswer(token, person)


def _named(message: str) -> str:
    field = message.partition(" ")[2] if message.startswith("Invalid") else message.split(" ")[0]
    return f"{field.lower()}: {explained(message)}"
