"""`/dashboard/api/users` by POST, and `/dashboard/api/invitations*`: how somebody joins a project.

Pulse makes the account of a new member itself. Here nobody is given an account, a password or a
project without their doing: what is made is an invitation, whose link the admin hands over.
"""

from typing import NamedTuple

import structlog
from litestar import Response, delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.account_forms import iso_ms, read_form, trimmed
from api.auth import (
    AnyRequest,
    admin_project_from_session,
    client_address,
    entered_as_admin,
    person_from_session,
    prefix_of,
    reject_cross_site,
    services,
    session_cookie,
    visit_of,
)
from api.declared import known_parameters, takes
from api.login import TokenQuery
from api.members import MemberRow
from api.parameters import values_of
from api.sessions import Done
from controlplane.failures import BadRequest
from controlplane.invitations import (
    Accepted,
    Newcomer,
    NewInvitation,
    Offer,
    accept_as,
    accept_newly,
    invite,
    invite_url,
    list_invitations,
    read_offer,
    revoke_invitation,
)
from controlplane.projects import as_role
from controlplane.sessions import check_password, open_session
from schemas.described import describes
from schemas.examples import PASSWORD, TOKEN
from schemas.projects import Role

OPERATOR = "the operator of this server"
_MISSING_EMAIL = "Missing required field: email"
_MISSING_TOKEN = "Missing required field: token"

log = structlog.get_logger(__name__)


class InviteForm(Struct, frozen=True):
    """Whom to invite; a role but `admin` means `user`. Any other field of Pulse's is ignored."""

    email: str | None = None
    name: object = None
    role: object = None


class InvitedMember(Struct, frozen=True, rename="camel"):
    """Pulse's answer, in which `userId` is the invitation's id; and the link to hand over."""

    user: MemberRow
    invite_url: str
    expires_at: str


class InvitationRow(Struct, frozen=True, rename="camel"):
    """A pending invitation."""

    id: str
    email: str
    role: Role
    invited_by: str
    created_at: str
    expires_at: str


class InvitationList(Struct, frozen=True):
    """The pending invitations of a project, the oldest first."""

    invitations: list[InvitationRow]


class OfferAnswer(Struct, frozen=True, rename="camel"):
    """What an invitation offers to whoever brings its token."""

    project_name: str
    role: Role
    invited_by: str
    email: str
    expires_at: str


class AcceptForm(Struct, frozen=True):
    """The token; with a name, email and password of a new account, or of an existing one.

    With the token alone the account that is signed in joins.
    """

    token: str | None = None
    name: str | None = None
    email: str | None = None
    password: str | None = None


class AcceptedAnswer(Struct, frozen=True, rename="camel"):
    """Which account has joined which project."""

    project_id: str
    project_name: str
    user: MemberRow


class Joined(NamedTuple):
    """Who has joined, and the cookie that signs their browser in, where they were not."""

    accepted: Accepted
    cookie: str | None


@post(
    "/users",
    status_code=HTTP_201_CREATED,
    summary="Invite a member",
    opt=describes(
        body=InviteForm,
        example={"email": "bob@example.com", "role": "user"},
        asks="project",
        errors=(409,),
    ),
)
async def add_user(request: AnyRequest) -> InvitedMember:
    """Make an invitation and return its link, the same for known and unknown emails."""
    session, access = await entered_as_admin(request)
    form = await read_form(request, InviteForm, otherwise=_MISSING_EMAIL)
    email = trimmed(form.email)
    if not email:
        raise BadRequest(_MISSING_EMAIL)
    state, project_id = services(request), access.project.project_id
    new = NewInvitation(email, as_role(form.role), session.account.user_id)
    made = await invite(
        state.database, project_id, new, at_most=state.quotas.max_members_per_project
    )
    invited, by = made.invited, session.account.user_id
    ids = {"project_id": project_id, "invitation_id": invited.invitation_id}
    log.info("person invited", role=invited.role, by=by, **ids)
    name = trimmed(form.name) if isinstance(form.name, str) else ""
    row = MemberRow(
        user_id=invited.invitation_id,
        name=name or invited.email.partition("@")[0],
        email=invited.email,
        role=invited.role,
        created_at=iso_ms(invited.created_at),
    )
    origin = str(request.base_url).rstrip("/") + prefix_of(request)
    return InvitedMember(row, invite_url(origin, made.token), iso_ms(invited.expires_at))


@get("/invitations", summary="List pending invitations", opt=describes(asks="project"))
async def list_pending(request: AnyRequest) -> InvitationList:
    """Return the pending invitations of the project in `X-Project-Id`, without their tokens."""
    project = await admin_project_from_session(request)
    found = await list_invitations(services(request).database, project.project_id)
    rows = [
        InvitationRow(
            id=one.invitation_id,
            email=one.email,
            role=one.role,
            invited_by=one.inviter or OPERATOR,
            created_at=iso_ms(one.created_at),
            expires_at=iso_ms(one.expires_at),
        )
        for one in found
    ]
    return InvitationList(rows)


@delete(
    "/invitations/{invitation_id:str}",
    status_code=HTTP_200_OK,
    summary="Revoke an invitation",
    opt=describes(asks="project"),
)
async def revoke_pending(request: AnyRequest, invitation_id: FromPath[str]) -> Done:
    """Make the link of an invitation worthless."""
    session, access = await entered_as_admin(request)
    project_id, by = access.project.project_id, session.account.user_id
    await revoke_invitation(services(request).database, project_id, invitation_id)
    log.info("invitation revoked", project_id=project_id, invitation_id=invitation_id, by=by)
    return Done()


@get(
    "/invitations/accept",
    summary="Read an invitation by its token",
    guards=[known_parameters],
    opt={**takes(TokenQuery), **describes(errors=(404, 429, 503))},
)
async def show_offer(request: AnyRequest) -> Response[OfferAnswer]:
    """Tell what the invitation of `token` offers; limited per address."""
    token = values_of(request).get("token")
    if not token:
        raise BadRequest("Missing token query parameter")
    offer = await offer_of(request, token)
    answer = OfferAnswer(
        project_name=offer.project_name,
        role=offer.role,
        invited_by=offer.inviter or OPERATOR,
        email=offer.email,
        expires_at=iso_ms(offer.expires_at),
    )
    return Response(answer, headers={"Cache-Control": "no-store"})


@post(
    "/invitations/accept",
    status_code=HTTP_200_OK,
    summary="Accept an invitation",
    guards=[known_parameters],
    opt=describes(
        body=AcceptForm,
        example={"token": TOKEN, "name": "Bob", "email": "bob@example.com", "password": PASSWORD},
        errors=(401, 404, 409, 429, 503),
    ),
)
async def accept(request: AnyRequest) -> Response[AcceptedAnswer]:
    """Join with the account that is signed in, another one of yours, or a new one."""
    form = await read_form(request, AcceptForm, otherwise=_MISSING_TOKEN)
    accepted, cookie = await join_with(request, form)
    member, offer = accepted
    row = MemberRow(
        user_id=member.user_id,
        name=member.name,
        email=member.email,
        role=member.role,
        created_at=iso_ms(member.created_at),
    )
    headers = {"Cache-Control": "no-store"} | ({"Set-Cookie": cookie} if cookie else {})
    return Response(AcceptedAnswer(offer.project_id, offer.project_name, row), headers=headers)


INVITATION_HANDLERS: list[ControllerRouterHandler] = [
    add_user,
    list_pending,
    revoke_pending,
    show_offer,
    accept,
]


async def offer_of(request: AnyRequest, token: str) -> Offer:
    """Return what a token offers; raises `TooManyRequests`, `NotFound`."""
    await services(request).attempts.count(client_address(request))
    return await read_offer(services(request).database, token)


async def join_with(request: AnyRequest, form: AcceptForm) -> Joined:
    """Accept an invitation as its form says; the token is used up when this returns."""
    reject_cross_site(request)
    token = trimmed(form.token)
    if not token:
        raise BadRequest(_MISSING_TOKEN)
    state, address = services(request), client_address(request)
    await state.attempts.count(address, form.email)
    if form.email is None and form.password is None:
        session = await person_from_session(request)
        accepted = await accept_as(state.database, token, session.account.user_id)
        return _noted(Joined(accepted, None))
    email, password = trimmed(form.email), form.password or ""
    if form.name is not None:
        newcomer = Newcomer(form.name, email, password)
        accepted = await accept_newly(state.database, token, newcomer)
    else:
        await read_offer(state.database, token)  # no place to try passwords without one
        account = await check_password(state.database, email, password)
        accepted = await accept_as(state.database, token, account.user_id)
    opened = await open_session(state.database, accepted.member.user_id, visit_of(request))
    return _noted(Joined(accepted, session_cookie(request, opened.token)))


def _noted(joined: Joined) -> Joined:
    member, offer = joined.accepted
    log.info(
        "invitation accepted",
        project_id=offer.project_id,
        invitation_id=offer.invitation_id,
        user_id=member.user_id,
        role=member.role,
    )
    return joined
