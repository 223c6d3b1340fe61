"""Which pages issues have."""

from api.pages.errors.issues import acting, events, one
from api.pages.errors.issues.list import issues_events, issues_page
from api.pages.errors.issues.suggesting import suggest
from api.pages.navigation import Link, Section

SECTION = Section(
    "Errors",
    (Link("Issues", "errors/issues"),),
    (issues_page, issues_events, suggest, *events.HANDLERS, *one.HANDLERS, *acting.HANDLERS),
)
