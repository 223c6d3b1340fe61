"""`/dashboard/api/users`: who belongs to a project, for its admins. Adding one is invitations'."""

import structlog
from litestar import delete, get, patch
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.account_forms import iso_ms, read_form
from api.auth import (
    AnyRequest,
    admin_only,
    admin_project_from_session,
    entered,
    entered_as_admin,
    services,
)
from api.sessions import Done
from controlplane.members import Member, change_role, checked_role, list_members, remove_member
from schemas.described import describes
from schemas.projects import Role

_BAD_ROLE = "role must be 'admin' or 'user'"

log = structlog.get_logger(__name__)


class RoleForm(Struct, frozen=True):
    """The role to give."""

    role: str | None = None


class MemberRow(Struct, frozen=True, rename="camel"):
    """A member of the project; `createdAt` is when they joined."""

    user_id: str
    name: str
    email: str
    role: Role
    created_at: str


class MemberList(Struct, frozen=True):
    """The members of a project, the longest-standing first."""

    users: list[MemberRow]


class ChangedMember(Struct, frozen=True):
    """The member as they are now."""

    user: MemberRow


@get("/users", summary="List members", opt=describes(asks="project"))
async def list_users(request: AnyRequest) -> MemberList:
    """Return the members of the project in `X-Project-Id`."""
    project = await admin_project_from_session(request)
    found = await list_members(services(request).database, project.project_id)
    return MemberList([_row(member) for member in found])


@patch(
    "/users/{user_id:str}",
    summary="Change a member's role",
    opt=describes(body=RoleForm, example={"role": "admin"}, asks="project", errors=(409,)),
)
async def change_user(request: AnyRequest, user_id: FromPath[str]) -> ChangedMember:
    """Make a member an admin or a plain user; the last admin stays."""
    session, access = await entered_as_admin(request)
    form = await read_form(request, RoleForm, otherwise=_BAD_ROLE)
    database, role = services(request).database, checked_role(form.role)
    project_id, by = access.project.project_id, session.account.user_id
    changed = await change_role(database, project_id, user_id, role)
    log.info("member has another role", project_id=project_id, user_id=user_id, role=role, by=by)
    return ChangedMember(_row(changed))


@delete(
    "/users/{user_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove a member, or leave",
    opt=describes(asks="project", errors=(409,)),
)
async def remove_user(request: AnyRequest, user_id: FromPath[str]) -> Done:
    """Take a person out of the project; its last admin stays. Everybody may take themselves out."""
    session, access = await entered(request)
    if user_id.lower() != session.account.user_id:
        admin_only(access)
    project_id = access.project.project_id
    await remove_member(services(request).database, project_id, user_id)
    by = session.account.user_id
    log.info("member removed", project_id=project_id, user_id=user_id, by=by)
    return Done()


MEMBER_HANDLERS: list[ControllerRouterHandler] = [list_users, change_user, remove_user]


def _row(member: Member) -> MemberRow:
    return MemberRow(
        user_id=member.user_id,
        name=member.name,
        email=member.email,
        role=member.role,
        created_at=iso_ms(member.created_at),
    )
