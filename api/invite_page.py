"""`/invite`: the page on which an invited person joins a project. It needs no script.

Whatever senders wrote (names, emails) is escaped by the template; the policy lets nothing else in.
"""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from litestar import MediaType, Response, get, post
from litestar.status_codes import HTTP_200_OK
from litestar.types import ControllerRouterHandler

from api.auth import AnyRequest, prefix_of, session_from_cookie
from api.declared import takes
from api.invitations import OPERATOR, AcceptForm, join_with, offer_of
from api.landing import page_policy
from api.login import TokenQuery
from api.pages.forms import FORM, fields_of
from api.parameters import values_of
from controlplane.invitations import INVITE_PATH
from schemas.described import describes
from schemas.examples import PASSWORD, TOKEN


@get(
    INVITE_PATH,
    summary="The page of an invitation",
    media_type=MediaType.HTML,
    opt={**takes(TokenQuery), **describes(errors=(404, 429, 503))},
)
async def show_invitation(request: AnyRequest) -> Response[str]:
    """Show what an invitation offers, and the ways to accept it."""
    token = values_of(request).get("token") or ""
    offer = await offer_of(request, token)
    session = await session_from_cookie(request)
    is_person = session is not None and session.key_access is None
    return page(
        "offer",
        token=token,
        prefix=prefix_of(request),
        project=offer.project_name,
        inviter=offer.inviter or OPERATOR,
        role=offer.role,
        email=offer.email,
        me=session.account.email if session is not None and is_person else None,
    )


@post(
    INVITE_PATH,
    status_code=HTTP_200_OK,
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
    """Join as the form says, and sign the browser in."""
    accepted, cookie = await join_with(request, await _read_fields(request))
    answer = page("joined", project=accepted.offer.project_name, email=accepted.member.email)
    if cookie is not None:
        answer.headers["Set-Cookie"] = cookie
    return answer


INVITE_PAGE: list[ControllerRouterHandler] = [show_invitation, accept_invitation]


def page(state: str, *, status_code: int = HTTP_200_OK, **shown: object) -> Response[str]:
    """Return the page in one of its states, `offer`, `joined` or `refused`, with its headers."""
    style = _style()
    text = _template().render(state=state, style=style, **shown)
    headers = {
        "Content-Security-Policy": page_policy(style, form_action="'self'"),
        # Hides the token, which is in the address. With `no-referrer` browsers would send
        # `Origin: null` along with our own form, which reads as another site's.
        "Referrer-Policy": "strict-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(text, status_code=status_code, media_type=MediaType.HTML, headers=headers)


async def _read_fields(request: AnyRequest) -> AcceptForm:
    given = await fields_of(request)
    return AcceptForm(*(given.get(name) for name in AcceptForm.__struct_fields__))


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_file("invite.html"))


@cache
def _style() -> str:
    return _file("invite.css")


def _file(name: str) -> str:
    return files("api").joinpath(name).read_text(encoding="utf-8")
