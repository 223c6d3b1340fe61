"""`/dashboard/api/users`: who belongs to a project, for its admins."""

from litestar import delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.account_forms import iso_ms, read_form, trimmed
from api.auth import AnyRequest, admin_project_from_session, services
from api.sessions import Done
from controlplane.errors import BadRequest
from controlplane.members import Member, NewMember, add_member, list_members, remove_member
from controlplane.projects import as_role
from schemas.projects import Role

_MISSING_EMAIL = "Missing required field: email"


class MemberForm(Struct, frozen=True):
    """Whom to add: an existing account needs only its email; a role but `admin` means `user`."""

    email: str | None = None
    name: str | None = None
    password: str | None = None
    role: object = None


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


class AddedMember(Struct, frozen=True):
    """The new member."""

    user: MemberRow


@get("/users", summary="List members")
async def list_users(request: AnyRequest) -> MemberList:
    """Return the members of the project in `X-Project-Id`."""
    project = await admin_project_from_session(request)
    found = await list_members(services(request).database, project.project_id)
    return MemberList([_row(member) for member in found])


@post("/users", status_code=HTTP_201_CREATED, summary="Add a member")
async def add_user(request: AnyRequest) -> AddedMember:
    """Add a person to the project, creating the account when the email has none."""
    project = await admin_project_from_session(request)
    form = await read_form(request, MemberForm, otherwise=_MISSING_EMAIL)
    if not trimmed(form.email):
        raise BadRequest(_MISSING_EMAIL)
    new = NewMember(
        email=trimmed(form.email),
        role=as_role(form.role),
        name=form.name,
        password=form.password,
    )
    added = await add_member(services(request).database, project.project_id, new)
    return AddedMember(_row(added))


@delete("/users/{user_id:str}", status_code=HTTP_200_OK, summary="Remove a member")
async def remove_user(request: AnyRequest, user_id: FromPath[str]) -> Done:
    """Take a person out of the project; its last admin stays."""
    project = await admin_project_from_session(request)
    await remove_member(services(request).database, project.project_id, user_id)
    return Done()


MEMBER_HANDLERS: list[ControllerRouterHandler] = [list_users, add_user, remove_user]


def _row(member: Member) -> MemberRow:
    return MemberRow(
        user_id=member.user_id,
        name=member.name,
        email=member.email,
        role=member.role,
        created_at=iso_ms(member.created_at),
    )
