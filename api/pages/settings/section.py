"""The settings in the navigation. Systems add pages of their own to them."""

from api.pages.navigation import Link, Section
from api.pages.settings import dsn, keys, members, project, tokens

SECTION = Section(
    "Project",
    (Link("Settings", "settings"),),
    (
        *project.HANDLERS,
        *members.HANDLERS,
        *keys.HANDLERS,
        *dsn.HANDLERS,
        *tokens.HANDLERS,
    ),
    settings=(
        Link("Project", "settings"),
        Link("Members", "settings/members"),
        Link("Keys", "settings/keys"),
        Link("DSN", "settings/dsn"),
        Link("API tokens", "settings/tokens"),
    ),
)
