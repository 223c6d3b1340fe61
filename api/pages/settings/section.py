"""The settings in the navigation. Systems add pages of their own to them."""

from api.pages.navigation import Link, Section
from api.pages.settings import dsn, exports, keys, members, persons, project, tokens

SECTION = Section(
    "Project",
    (Link("Settings", "settings"),),
    (
        *project.HANDLERS,
        *members.HANDLERS,
        *keys.HANDLERS,
        *dsn.HANDLERS,
        *tokens.HANDLERS,
        *persons.HANDLERS,
        *exports.HANDLERS,
    ),
    settings=(
        Link("Project", "settings"),
        Link("Members", "settings/members"),
        Link("Keys", "settings/keys"),
        Link("DSN", "settings/dsn"),
        Link("API tokens", "settings/tokens"),
        Link("Data of a person", "settings/persons"),
        Link("Exports", "settings/exports"),
    ),
)
