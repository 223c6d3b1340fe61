"""Who may deploy from a page, and as whom they do so."""

from api.auth import AnyRequest
from api.pages.settings.admins import admins_only
from api.pages.viewer import Viewer
from controlplane.deploys.deployments import Who
from controlplane.deploys.rows import Reach

KEY = "a key of the project"


async def may_deploy(request: AnyRequest, viewer: Viewer) -> bool:
    """Tells whether a viewer may run code here."""
    return viewer.is_admin


async def deployers_only(request: AnyRequest, viewer: Viewer) -> None:
    """Raises `NotYours` for whoever may run nothing here."""
    admins_only(viewer)


def reach_of(viewer: Viewer) -> Reach:
    """Returns whose deployments are meant: those of the viewer's project."""
    user_id = viewer.session.account.user_id if viewer.is_person else None
    return Reach(user_id, viewer.project.project_id)


def who_of(viewer: Viewer) -> Who:
    """Returns who does something, as deployments name them."""
    author = viewer.session.account.email if viewer.is_person else KEY
    return Who(reach_of(viewer), author, "page")
