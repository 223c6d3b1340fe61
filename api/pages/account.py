"""A person's own account: name, password, where they are signed in, and its end."""

from urllib.parse import urlencode

import structlog
from litestar import Response, get, post
from litestar.params import FromPath

from api.auth import (
    AnyRequest,
    cleared_cookie,
    client_address,
    forget_project,
    services,
    session_cookie,
    visit_of,
)
from api.pages.entrance import sent_on
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.once import shown_once
from api.pages.parts.devices import device_of
from api.pages.render import page
from api.pages.token_forms import UNTYPED, TypedToken, shown_form
from api.pages.viewer import NotYours, frame_of, session_of
from api.parameters import values_of
from controlplane.accounts import rename_account
from controlplane.departures import delete_account, sole_projects
from controlplane.failures import BadRequest, Conflict, InvalidCredentials, TooManyRequests
from controlplane.sessions import (
    SignedIn,
    change_password,
    end_session,
    end_sessions,
    list_sessions,
    open_session,
)
from controlplane.tokens import TokenOwner, list_tokens

ACCOUNT = "/account"
FRAME = "project"
"""The parameter that says whose navigation stands beside the page."""
WRONG_PASSWORD = "This is not your password. Passwords keep capitals and blanks."
MORE_FIELDS = {"Name": "name", "Password": "new"}
DONE = {
    "name": "Your name is changed.",
    "password": "Your password is changed.",
    "sessions": "The session is ended.",
    "others": "All your other sessions are ended.",
    "token": "The token is revoked.",
}

log = structlog.get_logger(__name__)


@get(ACCOUNT, include_in_schema=False)
async def account_page(request: AnyRequest) -> Response[str]:
    """Show the account of who is signed in."""
    return await account_shown(request, await session_of(request))


@post(f"{ACCOUNT}/name", include_in_schema=False, status_code=200)
async def change_name(request: AnyRequest) -> Response[str]:
    """Give oneself another name."""
    session = await person_of(request)
    name = (await fields_of(request)).get("name", "")
    try:
        await rename_account(services(request).database, session.account.user_id, name)
    except BadRequest as error:
        return await account_shown(request, session, problem=problem_of(error, MORE_FIELDS))
    return back_to_account(request, "name")


@post(f"{ACCOUNT}/password", include_in_schema=False, status_code=200)
async def change_own_password(request: AnyRequest) -> Response[str]:
    """Give oneself another password, and this browser a new session; others end if asked for."""
    session = await person_of(request)
    fields, state = await fields_of(request), services(request)
    try:
        await state.attempts.count(client_address(request), session.account.email)
        current, new = fields.get("current", ""), fields.get("new", "")
        await change_password(state.database, session, current, new)
    except InvalidCredentials:
        return await account_shown(request, session, problem=Problem(WRONG_PASSWORD, "current"))
    except BadRequest as error:
        return await account_shown(request, session, problem=problem_of(error, MORE_FIELDS))
    except TooManyRequests as error:
        return await account_shown(request, session, problem=_too_many(error, "current"))
    log.info("password changed", user_id=session.account.user_id)
    user_id, remembered = session.account.user_id, session.visit.remembered
    if "others" in fields:
        await end_sessions(state.database, user_id)
    else:
        await end_session(state.database, user_id, session.session_id)
    opened = await open_session(state.database, user_id, visit_of(request, remembered=remembered))
    cookie = session_cookie(request, opened.token, remembered=remembered)
    return back_to_account(request, "password", cookie=cookie)


@post(f"{ACCOUNT}/sessions/{{session_id:str}}/end", include_in_schema=False, status_code=200)
async def end_one(request: AnyRequest, session_id: FromPath[str]) -> Response[str]:
    """End one of one's own sessions."""
    session = await person_of(request)
    await fields_of(request)
    await end_session(services(request).database, session.account.user_id, session_id)
    return back_to_account(request, "sessions")


@post(f"{ACCOUNT}/sessions/end-others", include_in_schema=False, status_code=200)
async def end_others(request: AnyRequest) -> Response[str]:
    """End all of one's sessions but this one."""
    session = await person_of(request)
    await fields_of(request)
    database, user_id = services(request).database, session.account.user_id
    await end_sessions(database, user_id, but=session.session_id)
    return back_to_account(request, "others")


@post(f"{ACCOUNT}/delete", include_in_schema=False, status_code=200)
async def delete_own(request: AnyRequest) -> Response[str]:
    """Delete the account, for whoever types its email and knows its password."""
    session = await person_of(request)
    fields, state, account = await fields_of(request), services(request), session.account
    if fields.get("email", "").strip().lower() != account.email:
        problem = Problem(f"Nothing was deleted: type {account.email}.", "email")
        return await account_shown(request, session, problem=problem)
    try:
        await state.attempts.count(client_address(request), account.email)
        deleted = await delete_account(state.database, account, fields.get("password", ""))
    except InvalidCredentials:
        return await account_shown(request, session, problem=Problem(WRONG_PASSWORD, "password"))
    except Conflict as error:
        return await account_shown(request, session, end_problem=Problem(f"{error.message}."))
    except TooManyRequests as error:
        return await account_shown(request, session, problem=_too_many(error, "password"))
    for project_id in deleted:
        forget_project(request, project_id)
    log.info("account deleted", user_id=account.user_id, project_ids=deleted)
    return sent_on(request, "/sign-in", cookie=cleared_cookie(request))


HANDLERS = (account_page, change_name, change_own_password, end_one, end_others, delete_own)


async def person_of(request: AnyRequest) -> SignedIn:
    """Return the person who is signed in; raises `SignedOut`, `NotYours` for who came by a key."""
    session = await session_of(request)
    if session.key_access is not None:
        raise NotYours
    return session


def back_to_account(request: AnyRequest, done: str, *, cookie: str | None = None) -> Response[str]:
    """Send the browser back to the account, which says what is done."""
    query = urlencode({"done": done, **frame_query(request)})
    return sent_on(request, f"{ACCOUNT}?{query}", cookie=cookie)


def frame_query(request: AnyRequest) -> dict[str, str]:
    """Return the parameter that keeps the navigation beside the page, where there is one."""
    return {name: value for name, value in values_of(request).items() if name == FRAME}


async def account_shown(
    request: AnyRequest,
    session: SignedIn,
    *,
    problem: Problem | None = None,
    end_problem: Problem | None = None,
    token: TypedToken = UNTYPED,
) -> Response[str]:
    """Return the page of the account, with what is wrong with one of its forms."""
    values, database = values_of(request), services(request).database
    await frame_of(request, session, values.get(FRAME))
    is_person, user_id = session.key_access is None, session.account.user_id
    sessions = await list_sessions(database, session) if is_person else []
    made = shown_once(request, session)
    is_wrong = bool(problem or end_problem or token.problem or token.list_problem)
    answer = await page(
        request,
        "account.html",
        status_code=400 if is_wrong else 200,
        account=session.account,
        is_person=is_person,
        own=session.session_id,
        sessions=[(one, device_of(one.visit.user_agent)) for one in reversed(sessions)],
        sole=await sole_projects(database, user_id) if is_person else [],
        tokens=await list_tokens(database, TokenOwner(user_id=user_id)) if is_person else [],
        made=made.text,
        done=None if is_wrong else DONE.get(values.get("done", "")),
        problem=problem,
        end_problem=end_problem,
        **shown_form(token),
    )
    return made.taken_from(answer)


def _too_many(error: TooManyRequests, field: str) -> Problem:
    return Problem(f"Too many attempts. Try again in {error.retry_after_s} s.", field)
