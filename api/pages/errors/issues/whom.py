"""Who does something about an issue."""

from api.pages.viewer import Viewer
from schemas.projects import UserId


def by_whom(viewer: Viewer) -> UserId | None:
    """Returns who acts; whoever came by a key of the project is nobody."""
    return viewer.session.account.user_id if viewer.is_person else None
