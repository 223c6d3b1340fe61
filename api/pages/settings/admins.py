"""What the pages of the settings have in common: who may change them, and where they are."""

from api.auth import AnyRequest
from api.pages.render import address_of
from api.pages.viewer import NotYours, Viewer

PATH = "/settings"


def admins_only(viewer: Viewer) -> None:
    """Raise `NotYours` for members, and for whoever came by a key."""
    if not viewer.is_admin:
        raise NotYours


def path_of(viewer: Viewer, subject: str = "") -> str:
    """Return the path of a page of the settings, without the prefix of a proxy."""
    return f"/p/{viewer.project.project_id}{PATH}{subject}"


def page_of(request: AnyRequest, subject: str = "", **values: object) -> str:
    """Return the address of a page of the settings."""
    return address_of(request).page(f"settings{subject}", **values)
