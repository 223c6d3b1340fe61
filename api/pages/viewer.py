"""Who looks at a page, and at which project.

SignedOut   nobody is signed in: the page to sign in comes first
Moved       the address has another form
NotYours    only admins of the project may do this
NoSuchPage  there is no such page or project, or it is not this viewer's: both look the same
"""

from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.auth import AnyRequest, enter, services, session_from_cookie
from controlplane.failures import Forbidden, NotFound
from controlplane.projects import list_projects, project_settings
from controlplane.sessions import SignedIn, extend_session
from schemas.projects import ProjectContext, ProjectId, Role

VIEWER = "viewer"
"""Under this name the `state` of a request's scope has its viewer, for pages that say an error."""
RENEWED = "renewed"
"""And under this one the token of a session that lasts anew, for its cookie."""


class SignedOut(Exception):
    """Raised where a page needs somebody who is signed in."""


class Moved(Exception):
    """Raised where a form has led to an address that is written in another way."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class NotYours(Exception):
    """Raised where a member asks for what only admins may do."""


class NoSuchPage(Exception):
    """Raised where the viewer may not know whether the thing exists."""


class NamedProject(Struct, frozen=True):
    """A project in the switch."""

    project_id: ProjectId
    name: str


class Viewer(Struct, frozen=True):
    """Somebody who is signed in, in one of their projects."""

    session: SignedIn
    project: ProjectContext
    project_name: str
    role: Role
    projects: list[NamedProject]

    @property
    def is_person(self) -> bool:
        """Whether a person signed in, and not the holder of a key."""
        return self.session.key_access is None

    @property
    def is_admin(self) -> bool:
        """Whether settings of the project are theirs to change."""
        return self.is_person and self.role == "admin"


Viewed = NamedDependency[Viewer]


async def session_of(request: AnyRequest) -> SignedIn:
    """Return who is signed in. Raises `SignedOut`."""
    session = await session_from_cookie(request)
    if session is None:
        raise SignedOut
    return session


async def projects_of(request: AnyRequest, session: SignedIn) -> list[NamedProject]:
    """Return the projects that a session may enter, the oldest first."""
    database, own = services(request).database, session.key_access
    if own is not None:
        settings = await project_settings(database, own.project.project_id)
        return [NamedProject(settings.project_id, settings.name)]
    found = await list_projects(database, session.account.user_id)
    return [NamedProject(one.project_id, one.name) for one in found]


async def viewer_of(request: AnyRequest, project_id: FromPath[str]) -> Viewer:
    """Return the viewer of a page of a project. Raises `SignedOut` and `NoSuchPage`."""
    session = await session_of(request)
    try:
        access = await enter(request, session, project_id)
        projects = await projects_of(request, session)
    except (Forbidden, NotFound) as error:
        raise NoSuchPage from error
    name = next((p.name for p in projects if p.project_id == access.project.project_id), None)
    if name is None:
        raise NoSuchPage
    if await extend_session(services(request).database, session) is not None:
        request.scope["state"][RENEWED] = session.token
    viewer = Viewer(session, access.project, name, access.role, projects)
    request.scope["state"][VIEWER] = viewer
    return viewer


async def frame_of(request: AnyRequest, session: SignedIn, wanted: str | None) -> None:
    """Put the navigation of a project beside a page that is of none: the wanted, else the first."""
    projects = await projects_of(request, session)
    ids = [one.project_id for one in projects]
    if ids:
        await viewer_of(request, wanted if wanted in ids else ids[0])
