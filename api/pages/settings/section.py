"""The settings in the navigation. Systems add pages of their own to them."""

from api.pages.navigation import Link, Section
from api.pages.settings import dsn, exports, keys, members, persons, project, retention, tokens

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
        *retention.HANDLERS,
    ),
    settings=(
        Link("Project", "settings"),
        Link("Members", "settings/members"),
        Link("Keys", "settings/keys"),
        Link("DSN", "settings/dsn"),
        Link("API tokens", "settings/tokens"),
        Link("Data of a person", "settings/persons"),
        Link("Exports", "settings/exports"),
        Link("Retention", "settings/retention"),
    ),
)
