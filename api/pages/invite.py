"""`/invite`: the page on which an invited person joins a project. It needs no script.

The token is in the address, and is the right itself: the page tells no other place where it is.
"""

from collections.abc import Mapping
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.status_codes import HTTP_303_SEE_OTHER

from api.auth import AnyRequest, session_from_cookie
from api.declared import takes
from api.invitations import OPERATOR, AcceptForm, join_with, offer_of
from api.login import TokenQuery
from api.pages.entrance import FIRST_PAGE, sent_on
from api.pages.forms import FORM, Problem, fields_of, problem_of
from api.pages.render import page, short_page
from api.parameters import values_of
from controlplane.failures import (
    BadRequest,
    Conflict,
    ControlPlaneError,
    InvalidCredentials,
    RetryLater,
    TooManyRequests,
)
from controlplane.invitations import INVITE_PATH, read_offer
from schemas.described import describes
from schemas.examples import PASSWORD, TOKEN

# Hides the token, which is in the address. With `no-referrer` browsers would send `Origin: null`
# along with our own form, which reads as another site's.
REFERRER = {"Referrer-Policy": "strict-origin"}
NEW, KNOWN = "new", "known"
"""The form of who makes an account, and of who has one: fields of both have the same names."""
FIELDS = {
    **{"Name": "name", "Invalid email": "email", "User already exists": "email"},
    **{"Password": "password", "Invalid email or password": "password"},
}


@get(
    INVITE_PATH,
    summary="The page of an invitation",
    media_type=MediaType.HTML,
    opt={**takes(TokenQuery), **describes(errors=(404, 429, 503))},
)
async def show_invitation(request: AnyRequest) -> Response[str]:
    """Show what an invitation offers, and the ways to accept it."""
    token = values_of(request).get("token") or ""
    await offer_of(request, token)
    return await _shown(request, {"token": token})


@post(
    INVITE_PATH,
    status_code=HTTP_303_SEE_OTHER,
    summary="Accept an invitation from its page",
    media_type=MediaType.HTML,
    opt=describes(
        body=AcceptForm,
        example={"token": TOKEN, "name": "Eve", "email": "eve@example.com", "password": PASSWORD},
        errors=(401, 403, 404, 409, 429, 503),
        sent_as=FORM,
    ),
)
async def accept_invitation(request: AnyRequest) -> Response[str]:
    """Join as the form says, sign the browser in, and lead it to the project."""
    given = await fields_of(request)
    form = AcceptForm(*(given.get(name) for name in AcceptForm.__struct_fields__))
    try:
        accepted, cookie = await join_with(request, form)
    except (BadRequest, Conflict, InvalidCredentials, TooManyRequests) as error:
        if not form.token:
            raise
        return await _shown(request, given, error)
    project_id = accepted.offer.project_id
    return sent_on(request, f"/p/{project_id}/{FIRST_PAGE}", cookie=cookie)


INVITE_PAGE: list[Any] = [show_invitation, accept_invitation]


def rejected(request: AnyRequest, error: ControlPlaneError, status_code: int) -> Response[Any]:
    """Return the page of an invitation that opens nothing, or of a form that nobody can repair."""
    text = f"{error.message}. Ask whoever sent the link for a new one, or sign in."
    title = "This did not work"
    answer = short_page(
        request, "problem.html", status_code=status_code, title=title, text=text, shorter=None
    )
    answer.headers.update(REFERRER)
    if isinstance(error, RetryLater):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


async def _shown(
    request: AnyRequest, given: Mapping[str, str], error: ControlPlaneError | None = None
) -> Response[str]:
    """Return the forms, and what is wrong in the one that was sent. Raises `NotFound`."""
    offer = await read_offer(request.app.state.database, given["token"])
    session = await session_from_cookie(request)
    is_person = session is not None and session.key_access is None
    problem = None if error is None else _problem(error)
    answer = await page(
        request,
        "invite.html",
        status_code=200 if error is None else _status(error),
        given=given,
        sent=None if error is None else NEW if "name" in given else KNOWN,
        problem=problem,
        project=offer.project_name,
        inviter=offer.inviter or OPERATOR,
        role=offer.role,
        email=offer.email,
        me=session.account.email if session is not None and is_person else None,
    )
    answer.headers.update(REFERRER)
    if isinstance(error, RetryLater):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _problem(error: ControlPlaneError) -> Problem:
    if isinstance(error, TooManyRequests):
        return Problem(f"Too many attempts. Try again in {error.retry_after_s} s.")
    if isinstance(error, InvalidCredentials):
        return Problem("Email or password is wrong. Passwords keep capitals and blanks.")
    return problem_of(error, FIELDS)


def _status(error: ControlPlaneError) -> int:
    statuses = {InvalidCredentials: 401, Conflict: 409, TooManyRequests: 429}
    return statuses.get(type(error), 400)
