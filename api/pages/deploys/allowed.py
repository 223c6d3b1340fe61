"""Who may deploy from a page, who may change an app there, and as whom they do so."""

from api.auth import AnyRequest, client_address, services
from api.deploys.callers import rule_for
from api.pages.settings.admins import admins_only
from api.pages.viewer import NotYours, Viewer
from controlplane.deploys.audit import Actor
from controlplane.deploys.deployments import Who
from controlplane.deploys.rights import refuse_deploying
from controlplane.deploys.rows import Reach
from controlplane.failures import Forbidden

KEY = "a key of the project"


async def deployers_only(request: AnyRequest, viewer: Viewer) -> None:
    """Lets members pass, or admins alone where the setting says so.

    Raises `NotYours`, and `Forbidden` for who may run no code on this installation.
    """
    rule = rule_for(request)
    if not viewer.is_person:
        raise NotYours
    if rule == "admins":
        admins_only(viewer)
    await refuse_deploying(services(request).database, rule, viewer.session.account.user_id)


async def changers_only(request: AnyRequest, viewer: Viewer) -> None:
    """Lets admins pass who may deploy; raises as `deployers_only`."""
    admins_only(viewer)
    await deployers_only(request, viewer)


async def may_deploy(request: AnyRequest, viewer: Viewer) -> bool:
    """Tells whether a viewer may run code here."""
    try:
        await deployers_only(request, viewer)
    except (NotYours, Forbidden):
        return False
    return True


async def refusal_of(request: AnyRequest, viewer: Viewer) -> str | None:
    """Returns why a viewer may not change the app; `None` where they may."""
    try:
        await changers_only(request, viewer)
    except NotYours:
        return "Admins of the project change this."
    except Forbidden as error:
        return error.message
    return None


def reach_of(viewer: Viewer) -> Reach:
    """Returns whose deployments are meant: those of the viewer's project."""
    user_id = viewer.session.account.user_id if viewer.is_person else None
    return Reach(user_id, viewer.project.project_id)


def who_of(viewer: Viewer) -> Who:
    """Returns who does something, as deployments name them."""
    return Who(reach_of(viewer), _author(viewer), "page")


def actor_of(request: AnyRequest, viewer: Viewer) -> Actor:
    """Returns whom the audit log names."""
    user_id = viewer.session.account.user_id if viewer.is_person else None
    agent = request.headers.get("user-agent", "")
    return Actor(user_id, _author(viewer), client_address(request), agent)


def _author(viewer: Viewer) -> str:
    return viewer.session.account.email if viewer.is_person else KEY
