"""The settings in the navigation. Systems add pages of their own to them."""

from api.pages.navigation import Link, Section
from api.pages.settings import keys, members, project

SECTION = Section(
    "Project",
    (Link("Settings", "settings"),),
    (*project.HANDLERS, *members.HANDLERS, *keys.HANDLERS),
    settings=(
        Link("Project", "settings"),
        Link("Members", "settings/members"),
        Link("Keys", "settings/keys"),
    ),
)
