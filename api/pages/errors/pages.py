"""The pages of the system `errors`, and where they stand in the navigation."""

from api.pages.errors.alerts.page import HANDLERS as ALERTS
from api.pages.errors.beside.pages import SECTION as BESIDE
from api.pages.errors.finding import FINDER
from api.pages.errors.issues.pages import SECTION as ISSUES
from api.pages.errors.logs.pages import HANDLERS as LOGS
from api.pages.errors.logs.pages import LINK as LOGS_LINK
from api.pages.errors.performance.pages import SECTIONS as PERFORMANCE
from api.pages.errors.releases.pages import HANDLERS as RELEASES
from api.pages.errors.releases.pages import LINK as RELEASES_LINK
from api.pages.errors.settings.page import SECTION as SETTINGS
from api.pages.errors.settings.source_maps import SECTION as SOURCE_MAPS
from api.pages.navigation import Link, Section

ERRORS = Section(
    ISSUES.title,
    (*ISSUES.links, RELEASES_LINK, LOGS_LINK, *BESIDE.links, Link("Alerts", "errors/alerts")),
    (*ISSUES.handlers, *RELEASES, *LOGS, *ALERTS, *BESIDE.handlers),
    finders=(FINDER,),
)
SECTIONS = (ERRORS, *PERFORMANCE, SETTINGS, SOURCE_MAPS)
