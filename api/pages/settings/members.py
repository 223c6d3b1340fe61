"""Who belongs to a project: members with their roles, and invitations that wait."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, prefix_of, services
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.once import show_once, shown_once
from api.pages.render import address_of, page
from api.pages.settings.admins import PATH, admins_only, page_of, path_of
from api.pages.viewer import NotYours, Viewed, Viewer
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.invitations import (
    INVITATION_LIFETIME,
    NewInvitation,
    invite,
    invite_url,
    list_invitations,
    revoke_invitation,
)
from controlplane.members import Member, change_role, checked_role, list_members, remove_member

MEMBERS = f"{PATH}/members"
FIELDS = {"Invalid email": "email", "User is already": "email", "role must": "role"}

log = structlog.get_logger(__name__)


@get(MEMBERS, include_in_schema=False)
async def members_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the members; to who is no admin only themselves, as the API does."""
    return await _shown(request, viewer)


@post(f"{MEMBERS}/invite", include_in_schema=False, status_code=200)
async def invite_member(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make an invitation, whose link the page shows once."""
    admins_only(viewer)
    state, fields = services(request), await fields_of(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    try:
        role = checked_role(fields.get("role", ""))
        made = await invite(
            state.database,
            project_id,
            NewInvitation(fields.get("email", ""), role, by),
            at_most=state.quotas.max_members_per_project,
        )
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, fields=fields, problem=problem_of(error, FIELDS))
    ids = {"project_id": project_id, "invitation_id": made.invited.invitation_id}
    log.info("person invited", role=role, by=by, **ids)
    origin = str(request.base_url).rstrip("/") + prefix_of(request)
    link = invite_url(origin, made.token)
    return show_once(request, viewer.session, path_of(viewer, "/members"), link)


@post(f"{MEMBERS}/invitations/{{invitation_id:str}}/revoke", include_in_schema=False)
async def revoke_invited(
    request: AnyRequest, viewer: Viewed, invitation_id: FromPath[str]
) -> Response[Any]:
    """Make the link of an invitation worthless."""
    admins_only(viewer)
    await fields_of(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    await revoke_invitation(services(request).database, project_id, invitation_id)
    log.info("invitation revoked", project_id=project_id, invitation_id=invitation_id, by=by)
    return Redirect(page_of(request, "/members"), status_code=303)


@post(f"{MEMBERS}/{{user_id:str}}/role", include_in_schema=False, status_code=200)
async def change_member(
    request: AnyRequest, viewer: Viewed, user_id: FromPath[str]
) -> Response[Any]:
    """Give a member another role; the last admin stays one."""
    admins_only(viewer)
    fields = await fields_of(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    try:
        role = checked_role(fields.get("role", ""))
        await change_role(services(request).database, project_id, user_id, role)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, list_problem=Problem(error.message))
    log.info("member has another role", project_id=project_id, user_id=user_id, role=role, by=by)
    return Redirect(page_of(request, "/members"), status_code=303)


@post(f"{MEMBERS}/{{user_id:str}}/remove", include_in_schema=False, status_code=200)
async def remove_one(request: AnyRequest, viewer: Viewed, user_id: FromPath[str]) -> Response[Any]:
    """Take a member out, whose email the form repeats. Everybody may take themselves out."""
    own = viewer.session.account.user_id
    is_own = viewer.is_person and user_id.lower() == own
    if not is_own and not viewer.is_admin:
        raise NotYours
    typed = (await typed_word(request)).lower()
    database, project_id = services(request).database, viewer.project.project_id
    member = await _member(request, viewer, user_id)
    if typed != member.email:
        text = f"Nobody was removed: type the email, {member.email}, to confirm."
        return await _shown(request, viewer, list_problem=Problem(text))
    try:
        await remove_member(database, project_id, user_id)
    except Conflict as error:
        return await _shown(request, viewer, list_problem=Problem(error.message))
    log.info("member removed", project_id=project_id, user_id=member.user_id, by=own)
    left = address_of(request).url("/") if is_own else page_of(request, "/members")
    return Redirect(left, status_code=303)


HANDLERS = (members_page, invite_member, revoke_invited, change_member, remove_one)


async def _member(request: AnyRequest, viewer: Viewer, user_id: str) -> Member:
    found = await list_members(services(request).database, viewer.project.project_id)
    member = next((one for one in found if one.user_id == user_id.lower()), None)
    if member is None:
        raise NotFound("There is no such member: they may have left already")
    return member


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: dict[str, str] | None = None,
    problem: Problem | None = None,
    list_problem: Problem | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    own = viewer.session.account.user_id
    members = await list_members(database, project_id)
    if not viewer.is_admin:
        members = [member for member in members if member.user_id == own]
    link = shown_once(request, viewer.session)
    answer = await page(
        request,
        "settings/members.html",
        status_code=400 if problem or list_problem else 200,
        members=members,
        own=own,
        invitations=await list_invitations(database, project_id) if viewer.is_admin else [],
        lasts_days=INVITATION_LIFETIME.days,
        link=link.text,
        fields=fields or {},
        problem=problem,
        list_problem=list_problem,
    )
    return link.taken_from(answer)
