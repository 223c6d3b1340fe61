"""The pages of the system `errors`, and where they stand in the navigation."""

from api.pages.errors.alerts.page import HANDLERS as ALERTS
from api.pages.errors.beside.pages import SECTION as BESIDE
from api.pages.errors.issues.pages import SECTION as ISSUES
from api.pages.errors.performance.pages import SECTIONS as PERFORMANCE
from api.pages.errors.settings.page import SECTION as SETTINGS
from api.pages.navigation import Link, Section

ERRORS = Section(
    ISSUES.title,
    (*ISSUES.links, *BESIDE.links, Link("Alerts", "errors/alerts")),
    (*ISSUES.handlers, *ALERTS, *BESIDE.handlers),
)
SECTIONS = (ERRORS, *PERFORMANCE, SETTINGS)
