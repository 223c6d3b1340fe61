"""Where the navigation has the status pages."""

from api.pages.navigation import Link, Section
from api.pages.uptime.status_pages.page import HANDLERS

SECTION = Section("Uptime", (Link("Status pages", "uptime/status-pages"),), HANDLERS)
