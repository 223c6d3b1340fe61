"""`/dashboard/api`: sign-up, projects and their settings."""

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import UNSET, Struct, UnsetType

from api.account_forms import MAX_FORM_BYTES, iso_ms, read_form, trimmed
from api.auth import (
    AnyRequest,
    admin_only,
    client_address,
    enter,
    forget_project,
    person_from_session,
    reject_cross_site,
    services,
    user_from_session,
)
from api.declared import known_parameters
from api.dsn_keys import DSN_HANDLERS
from api.invitations import INVITATION_HANDLERS
from api.keys import KEY_HANDLERS
from api.login import LOGIN_HANDLERS
from api.members import MEMBER_HANDLERS
from api.sessions import Done
from api.tokens import TOKEN_HANDLERS
from controlplane.accounts import SignUp, sign_up
from controlplane.failures import BadRequest, Forbidden
from controlplane.projects import (
    ProjectChange,
    ProjectSettings,
    create_project,
    delete_project,
    list_projects,
    project_settings,
    update_project,
)
from schemas.described import describes
from schemas.examples import EMAIL, PASSWORD
from schemas.projects import CostPreference, ProjectId, Role

_MISSING_SIGN_UP_FIELDS = "Missing required fields: name, email, password, projectName"


class SignUpForm(Struct, frozen=True, rename="camel"):
    """A new person and the name of their first project; all required."""

    name: str | None = None
    email: str | None = None
    password: str | None = None
    project_name: str | None = None


class NameForm(Struct, frozen=True):
    """A name to give."""

    name: str | None = None


class ProjectForm(Struct, frozen=True, rename="camel"):
    """What to change of a project; what is left out stays."""

    name: str | UnsetType = UNSET
    cost_preference: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    retention_days: int | None | UnsetType = UNSET


class ProjectRow(Struct, frozen=True, rename="camel"):
    """A project in the list of those who belong to it."""

    id: str
    name: str
    created_at: str
    role: Role


class ProjectList(Struct, frozen=True):
    """The projects of the signed-in user, the oldest first."""

    projects: list[ProjectRow]


class NewProject(Struct, frozen=True, rename="camel"):
    """A new project with its first key."""

    project_id: str
    api_key: str
    name: str


class ProjectDetails(Struct, frozen=True, rename="camel"):
    """A project with its settings."""

    id: str
    name: str
    created_at: str
    cost_preference: CostPreference
    time_zone: str
    retention_days: int | None


@post(
    "/signup",
    status_code=HTTP_201_CREATED,
    summary="Create an account and its first project",
    guards=[known_parameters],
    opt=describes(
        body=SignUpForm,
        example={"name": "Ann", "email": EMAIL, "password": PASSWORD, "projectName": "Shop"},
        errors=(403, 409, 429, 503),
    ),
)
async def sign_up_here(request: AnyRequest) -> Done:
    """Create a user, a project and its `Default Key`; limited per address and per email."""
    reject_cross_site(request)
    if not services(request).signup_enabled:
        raise Forbidden("Sign-up is disabled on this server")
    form = await read_form(request, SignUpForm, otherwise=_MISSING_SIGN_UP_FIELDS)
    filled = SignUp(
        name=trimmed(form.name),
        email=trimmed(form.email),
        password=form.password or "",  # as it is: sign-in trims nothing either
        project_name=trimmed(form.project_name),
    )
    if not (filled.name and filled.email and filled.password and filled.project_name):
        raise BadRequest(_MISSING_SIGN_UP_FIELDS)
    await services(request).attempts.count(client_address(request), filled.email)
    await services(request).attempts.count_signup(client_address(request))
    await sign_up(services(request).database, services(request).vault, filled)
    return Done()


@get("/projects", summary="List my projects", opt=describes(asks="session"))
async def list_my_projects(request: AnyRequest) -> ProjectList:
    """Return the projects of the signed-in user."""
    session = await user_from_session(request)
    database, own = services(request).database, session.key_access
    if own is not None:
        project = await project_settings(database, own.project.project_id)
        created_at = iso_ms(project.created_at)
        return ProjectList([ProjectRow(project.project_id, project.name, created_at, own.role)])
    found = await list_projects(database, session.account.user_id)
    return ProjectList(
        [ProjectRow(p.project_id, p.name, iso_ms(p.created_at), p.role) for p in found]
    )


@post(
    "/projects",
    status_code=HTTP_201_CREATED,
    summary="Create a project",
    opt=describes(body=NameForm, example={"name": "Bakery"}, asks="session", errors=(409,)),
)
async def create_my_project(request: AnyRequest) -> NewProject:
    """Create a project with a first key, the signed-in user its admin."""
    session = await person_from_session(request)
    missing = "Missing required field: name"
    form = await read_form(request, NameForm, otherwise=missing)
    if form.name is None or form.name == "":
        raise BadRequest(missing)
    state = services(request)
    created = await create_project(
        state.database,
        state.vault,
        session.account.user_id,
        form.name,
        at_most=state.quotas.max_projects_per_user,
    )
    return NewProject(created.project_id, created.plain_key, created.name)


@get(
    "/projects/{project_id:str}", summary="Show a project's settings", opt=describes(asks="session")
)
async def show_project(request: AnyRequest, project_id: FromPath[str]) -> ProjectDetails:
    """Return the settings of a project to any of its members."""
    session = await user_from_session(request)
    access = await enter(request, session, project_id)
    found = await project_settings(services(request).database, access.project.project_id)
    return _details(found)


@patch(
    "/projects/{project_id:str}",
    summary="Change a project's name or settings",
    opt=describes(
        body=ProjectForm,
        example={"name": "Shop", "costPreference": "computed", "retentionDays": 90},
        asks="session",
        errors=(409,),
    ),
)
async def change_project(request: AnyRequest, project_id: FromPath[str]) -> ProjectDetails:
    """Change what the body names; for admins."""
    admin_of = await _administered(request, project_id)
    form = await read_form(request, ProjectForm, otherwise="Invalid project settings")
    change = ProjectChange(
        name=form.name,
        cost_preference=form.cost_preference,
        time_zone=form.time_zone,
        retention_days=form.retention_days,
    )
    changed = await update_project(services(request).database, admin_of, change)
    forget_project(request, admin_of)
    return _details(changed)


@delete(
    "/projects/{project_id:str}",
    status_code=HTTP_200_OK,
    summary="Delete a project",
    opt=describes(asks="session"),
)
async def delete_my_project(request: AnyRequest, project_id: FromPath[str]) -> Done:
    """Close a project at once, its keys with it; its stored data is purged afterwards."""
    admin_of = await _administered(request, project_id)
    await delete_project(services(request).database, admin_of)
    forget_project(request, admin_of)
    return Done()


def accounts_router() -> Router:
    """Return the router of `/dashboard/api` for accounts, projects, keys, members, sign-in."""
    return Router(
        path="/dashboard/api",
        route_handlers=[
            sign_up_here,
            list_my_projects,
            create_my_project,
            show_project,
            change_project,
            delete_my_project,
            *KEY_HANDLERS,
            *DSN_HANDLERS,
            *TOKEN_HANDLERS,
            *MEMBER_HANDLERS,
            *INVITATION_HANDLERS,
            *LOGIN_HANDLERS,
        ],
        request_max_body_size=MAX_FORM_BYTES,
        tags=["Accounts"],
    )


async def _administered(request: AnyRequest, project_id: FromPath[str]) -> ProjectId:
    """Return the project of the path for its admins; raises `Forbidden` for others."""
    session = await user_from_session(request)
    access = await enter(request, session, project_id)
    return admin_only(access).project_id


def _details(settings: ProjectSettings) -> ProjectDetails:
    return ProjectDetails(
        id=settings.project_id,
        name=settings.name,
        created_at=iso_ms(settings.created_at),
        cost_preference=settings.cost_preference,
        time_zone=settings.time_zone,
        retention_days=settings.retention_days,
    )
