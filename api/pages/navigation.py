"""What the navigation shows: the pages that there are, by system."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from api.pages.addresses import Address

NAVIGATION = "navigation"
"""The option of a page's route under which it finds them."""


class Link(NamedTuple):
    """One page in the navigation; its path is below that of a project."""

    title: str
    path: str


class Section(NamedTuple):
    """The pages of a system, or such as belong to none: these have no title."""

    title: str
    links: Sequence[Link]
    handlers: Sequence[Any] = ()
    settings: Sequence[Link] = ()
    """Pages of it within the settings of a project, which have a navigation of their own."""
    finders: Sequence[Any] = ()
    """How the palette finds what it has: `api.pages.finding.Finder`."""


Navigation: TypeAlias = Sequence[Section]


def current_link(navigation: Navigation, address: Address) -> str:
    """Returns the path of the link whose page, or a page below it, is shown: the longest one."""
    shown = address.path.removeprefix(f"/p/{address.project_id}/")
    paths = [link.path for section in navigation for link in section.links]
    return max((path for path in paths if f"{shown}/".startswith(f"{path}/")), key=len, default="")
